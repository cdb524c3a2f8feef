// Node's EventEmitter as far as the class API promises it, for every runtime.
// Its fields are not private, so that objects which inherit from an emitter share its listeners.
// A listener that throws does not keep the others from hearing: its error goes to the console.

/** @typedef {import('../types/emitter.js').Emitter} Declared */

export class Emitter {
  /**
   * Listeners by name: `{listener, call}`, where `call` is another function for those of `once`.
   */
  _listeners = new Map()
  _most = 10

  /** Calls `listener` with what is emitted under `name`. */
  on(name, listener) {
    return this._listen('on', name, listener, listener)
  }

  /** Calls `listener` the next time only. @type {Declared['once']} */
  once(name, listener) {
    return this._listen('once', name, listener, this._first(name, listener))
  }

  /**
   * Stops calling `listener`: the last one that was added, where it is there several times.
   * @type {Declared['off']}
   */
  off(name, listener) {
    const known = this._of(name)
    const at = known.findLastIndex(one => one.listener === listener || one.call === listener)
    if (at >= 0) this._keep(name, known.toSpliced(at, 1))
    return this
  }

  /** @type {Declared['addListener']} */
  addListener(name, listener) {
    return this.on(name, listener)
  }

  /** @type {Declared['removeListener']} */
  removeListener(name, listener) {
    return this.off(name, listener)
  }

  /** `on`, before those that listen already. @type {Declared['prependListener']} */
  prependListener(name, listener) {
    return this._listen('prependListener', name, listener, listener, true)
  }

  /** `once`, before those that listen already. @type {Declared['prependOnceListener']} */
  prependOnceListener(name, listener) {
    return this._listen('prependOnceListener', name, listener, this._first(name, listener), true)
  }

  /** Stops calling all listeners of `name`, or of all names. */
  removeAllListeners(...names) {
    if (names.length) this._listeners.delete(names[0])
    else this._listeners.clear()
    return this
  }

  /** The listeners, in their order. @type {Declared['listeners']} */
  listeners(name) {
    return this._of(name).map(one => one.listener)
  }

  /**
   * The number of listeners; of `listener` alone, if it is given.
   * @type {Declared['listenerCount']}
   */
  listenerCount(name, listener) {
    const known = this._of(name)
    return listener ? known.filter(one => one.listener === listener).length : known.length
  }

  /** The names under which somebody listens. @type {Declared['eventNames']} */
  eventNames() {
    return [...this._listeners.keys()]
  }

  /**
   * Kept for code that sets it: nobody is warned of many listeners.
   * @type {Declared['setMaxListeners']}
   */
  setMaxListeners(most) {
    this._most = most
    return this
  }

  /** @type {Declared['getMaxListeners']} */
  getMaxListeners() {
    return this._most
  }

  /** Calls the listeners; whether there was one. @type {Declared['emit']} */
  emit(name, ...args) {
    const known = this._of(name)
    for (const { call } of known) {
      try {
        call.apply(this, args)
      } catch (error) {
        console.error(error)
      }
    }
    return known.length > 0
  }

  _of(name) {
    return this._listeners.get(name) ?? []
  }

  _listen(method, name, listener, call, before = false) {
    if (typeof listener !== 'function')
      throw new TypeError(`${method}: listener must be a function`)
    const one = { listener, call }
    this._keep(name, before ? [one, ...this._of(name)] : [...this._of(name), one])
    return this
  }

  _keep(name, known) {
    if (known.length) this._listeners.set(name, known)
    else this._listeners.delete(name)
  }

  _first(name, listener) {
    const first = (...args) => {
      this.off(name, first)
      return listener.apply(this, args)
    }
    return first
  }
}
