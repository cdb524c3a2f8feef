// The few methods of Node's EventEmitter that the class API promises, for every runtime.
// Its fields are not private, so that objects which inherit from an emitter share its listeners.
// A listener that throws does not keep the others from hearing: its error goes to the console.

export class Emitter {
  _listeners = new Map()

  /** Calls `listener` with what is emitted under `name`. */
  on(name, listener) {
    if (typeof listener !== 'function') throw new TypeError('on: listener must be a function')
    const known = this._listeners.get(name) ?? []
    this._listeners.set(name, [...known, listener])
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
    const known = this._listeners.get(name) ?? []
    this._listeners.set(
      name,
      known.filter(l => l !== listener),
    )
    return this
  }

  /** How many listen. */
  listenerCount(name) {
    return this._listeners.get(name)?.length ?? 0
  }

  /** Calls the listeners; whether there was one. */
  emit(name, ...args) {
    const known = this._listeners.get(name) ?? []
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
