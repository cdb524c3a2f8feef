// Gathers the keys that are asked for in one task of the event loop into few calls, and remembers
// the answers: `getCached` keeps a loader in its cache. Forgets nothing by itself.

/** The most keys of one call. */
const BATCH = 100

export class Loader {
  #load
  #keyOf
  #cache = new Map()
  #waiting = []

  /** `load(keys)` gives their values in order; `keyOf` what makes two keys the same one. */
  constructor(load, keyOf = key => key) {
    this.#load = load
    this.#keyOf = keyOf
  }

  /** The value of a key, as it was when it was first asked for. A failure is not remembered. */
  load(key) {
    const id = this.#keyOf(key)
    const there = this.#cache.get(id)
    if (there) return there
    if (!this.#waiting.length) Promise.resolve().then(() => queueMicrotask(() => this.#run()))
    const value = new Promise((resolve, reject) => this.#waiting.push({ key, id, resolve, reject }))
    this.#cache.set(id, value)
    return value
  }

  /** The values of many keys. */
  loadMany(keys) {
    return Promise.all(keys.map(key => this.load(key)))
  }

  /** Remembers a value without asking, unless there is one. */
  prime(key, value) {
    const id = this.#keyOf(key)
    if (!this.#cache.has(id)) this.#cache.set(id, Promise.resolve(value))
    return this
  }

  /** Forgets a key. */
  clear(key) {
    this.#cache.delete(this.#keyOf(key))
    return this
  }

  /** Forgets everything. */
  clearAll() {
    this.#cache.clear()
    return this
  }

  async #run() {
    const all = this.#waiting
    this.#waiting = []
    for (let i = 0; i < all.length; i += BATCH) this.#batch(all.slice(i, i + BATCH))
  }

  async #batch(asked) {
    try {
      const values = await this.#load(asked.map(({ key }) => key))
      for (const [i, { resolve }] of asked.entries()) resolve(values[i])
    } catch (error) {
      for (const { id, reject } of asked) {
        this.#cache.delete(id)
        reject(error)
      }
    }
  }
}
