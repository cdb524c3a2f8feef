// Counts the operations under way on a database, each from its call until its promise settles, so
// that closing can wait for them. Does not know what they do.

export class Running {
  #count = 0
  #waiting = []

  /** Runs `fn`, which counts until it settles. */
  async of(fn) {
    this.#count += 1
    try {
      return await fn()
    } finally {
      this.#count -= 1
      if (!this.#count) for (const go of this.#waiting.splice(0)) go()
    }
  }

  get any() {
    return this.#count > 0
  }

  /** Resolves when nothing ran for a moment. Who was told first may have begun something by now. */
  pause() {
    return new Promise(go => this.#waiting.push(go))
  }
}

/** Has the closing of its database, which `dbOf` finds, wait for methods of a class. */
export function waitedFor(Class, names, dbOf = ({ db }) => db) {
  for (const name of names) {
    const method = Class.prototype[name]
    /** @this {any} */
    const value = function (...args) {
      return dbOf(this)._now.running.of(() => method.apply(this, args))
    }
    Object.defineProperty(value, 'name', { value: name })
    Object.defineProperty(Class.prototype, name, { value, writable: true, configurable: true })
  }
}
