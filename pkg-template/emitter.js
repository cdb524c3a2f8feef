// The few methods of Node's EventEmitter that the class API promises, for every runtime.
// A listener that throws does not keep the others from hearing: its error goes to the console.

export class Emitter {
  #listeners = new Map()

  /** Calls `listener` with what is emitted under `name`. */
  on(name, listener) {
    if (typeof listener !== 'function') throw new TypeError('on: listener must be a function')
    const known = this.#listeners.get(name) ?? []
    this.#listeners.set(name, [...known, listener])
    return this
  }

  /** Calls `listener` the next time only. */
  once(name, listener) {
    const first = (...args) => {
      this.off(name, first)
      listener(...args)
    }
    return this.on(name, first)
  }

  /** Stops calling `listener`. */
  off(name, listener) {
    const known = this.#listeners.get(name) ?? []
    this.#listeners.set(
      name,
      known.filter(l => l !== listener),
    )
    return this
  }

  /** Calls the listeners; whether there was one. */
  emit(name, ...args) {
    const known = this.#listeners.get(name) ?? []
    for (const listener of known) {
      try {
        listener(...args)
      } catch (error) {
        console.error(error)
      }
    }
    return known.length > 0
  }
}
