// The page's side of a database that lives in a worker: calls by proxy, live queries, status. It
// never loads the wasm and touches no browser global before `connect` is called, so it can be
// imported where there is no browser.

import { Connection, uncaught } from './tabs/connection.js'

/**
 * Starts the worker and resolves as soon as it answers, which may be long before anybody leads: see
 * `db.status`.
 * @param {() => Worker} start makes the worker whose file calls `serve`; called again when that
 *   worker dies
 * @param {object} [surroundings] for tests: the locks
 */
export async function connect(start, surroundings) {
  if (typeof start !== 'function')
    throw new TypeError('connect: start must be a function that returns a Worker')
  const { locks } = { locks: globalThis.navigator?.locks, ...surroundings }
  const connection = new Connection(start, locks)
  await connection.open()
  return new Database(connection)
}

/** The result of `connect`. */
class Database {
  #connection

  constructor(connection) {
    this.#connection = connection
    this.store = names(model => names(method => methodOf(connection, model, method)))
  }

  /** The latest status, a plain object: take it as read-only. */
  get status() {
    return this.#connection.status
  }

  /** Calls `fn(status)` on each change; returns a function that ends this. */
  on(name, fn) {
    if (name !== 'status') throw new TypeError(`on: there is no event '${name}', only 'status'`)
    if (typeof fn !== 'function') throw new TypeError('on: fn must be a function')
    this.#connection.listeners.add(fn)
    return () => this.off(name, fn)
  }

  off(name, fn) {
    if (name === 'status') this.#connection.listeners.delete(fn)
  }

  dispatch(...args) {
    return this.#call('dispatch', args)
  }

  setOnline(online) {
    return this.#call('setOnline', [online])
  }

  sync() {
    return this.#call('sync', [])
  }

  log(options) {
    return this.#call('log', [options])
  }

  acknowledgeEviction() {
    this.#connection.acknowledgeEviction()
  }

  close() {
    return this.#connection.close()
  }

  #call(name, args) {
    return this.#connection.call({ name, args }, name)
  }
}

/**
 * A live query seen from the page: rows arrive only as fast as they are asked for, always the
 * newest.
 */
class Live {
  #connection
  #query
  #id
  /** @type {Promise<IteratorResult<unknown[]>> | null} */
  #last = null
  /** The rows of the last answer, and when it was that their leader began to serve us. */
  #rows
  #served
  #done = false

  constructor(connection, model, args) {
    this.#connection = connection
    this.#query = { model, args }
    this.#id = connection.newId()
  }

  [Symbol.asyncIterator]() {
    return this
  }

  next() {
    const ask = () => this.#ask()
    // never two wishes at a time, also for a caller who does not wait
    this.#last = this.#last ? this.#last.then(ask, ask) : ask()
    return this.#last
  }

  async return(value) {
    this.#end()
    return { done: true, value }
  }

  /**
   * Calls `fn(rows)` for each new result until the function it returns is called; `fail` gets the
   * error that ended it.
   */
  subscribe(fn, fail = uncaught) {
    const run = async () => {
      for await (const rows of this) fn(rows)
    }
    run().catch(fail)
    return () => this.#end()
  }

  async #ask() {
    const connection = this.#connection
    try {
      while (!this.#done) {
        const { done, value } = await connection.live(this.#id, this.#query)
        this.#done ||= done
        if (this.#done) break
        // another leader begins with all rows, which need not be news
        const anew = this.#served !== undefined && this.#served !== connection.served
        this.#served = connection.served
        if (anew && JSON.stringify(value) === JSON.stringify(this.#rows)) continue
        this.#rows = value
        return { done: false, value }
      }
    } catch (error) {
      this.#done = true
      // closing the database is a regular end of its live queries
      if (connection.ended?.code !== 'CLOSED') throw error
    }
    return { done: true, value: undefined }
  }

  #end() {
    if (this.#done) return
    this.#done = true
    this.#connection.forget(this.#id)
  }
}

function methodOf(connection, model, name) {
  if (name === 'live') return (...args) => new Live(connection, model, args)
  const what = `${model}.${name}`
  return (...args) => connection.call({ model, name, args }, what)
}

/** An object with a member for every name, made when first asked for. */
function names(make) {
  const made = new Map()
  const get = (_, name) => {
    // a thenable would be called by `await`, a toJSON by anybody who logs it
    if (typeof name === 'symbol' || name === 'then' || name === 'toJSON') return undefined
    if (!made.has(name)) made.set(name, make(name))
    return made.get(name)
  }
  return new Proxy(Object.create(null), { get })
}
