// The page's side of a database that lives in a worker: calls by proxy, live queries, status. It never loads the wasm
// and touches no browser global before `connect` is called, so it can be imported where there is no browser.

import { TidelogError } from './errors.js'
import { cloneable, decodeError, hidden } from './rpc.js'

/** How long a worker may take to close its database before it is ended anyway. */
const CLOSE_MS = 5000

/**
 * Starts the worker and resolves as soon as it answers, which may be long before it owns the database: see `db.status`.
 * @param {() => Worker} start makes the worker whose file calls `serve`
 */
export async function connect(start) {
  if (typeof start !== 'function')
    throw new TypeError('connect: start must be a function that returns a Worker')
  const worker = start()
  if (typeof worker?.postMessage !== 'function') throw new TypeError('connect: start must return a Worker')
  const wire = new Wire(worker)
  await wire.ready
  return new Connection(wire)
}

/** The transport: calls in flight, what they wait for, and the death of the worker. */
class Wire {
  status = { role: 'waiting', storage: null, persistence: null, sync: null }
  listeners = new Set()
  /** Why nothing can be sent any more. */
  ended = null
  #worker
  #id = 0
  #watched = false
  #gone = false
  #calls = new Map()
  #synced = new Map()
  #closed = null

  constructor(worker) {
    this.#worker = worker
    this.ready = new Promise((resolve, reject) => this.#calls.set(0, { resolve, reject }))
    worker.addEventListener('message', ({ data }) => this.#receive(data))
    worker.addEventListener('error', event => {
      // in a living worker this is an uncaught error of the user's own code; its death would free its lock
      if (!this.#watched)
        this.crash(event.error ?? event.message ?? 'the worker did not start: see the console')
    })
    worker.addEventListener('messageerror', () => this.crash('a message could not be read'))
    worker.start?.()
  }

  newId() {
    return ++this.#id
  }

  /** Sends a message that is answered; `what` names the method in errors. */
  ask(message, what, id = this.newId()) {
    if (this.ended) return Promise.reject(this.ended)
    message.id = id
    try {
      this.#worker.postMessage(message)
    } catch (cause) {
      return Promise.reject(new TypeError(`${what}: ${unsendable(message.args, cause)}`, { cause }))
    }
    return new Promise((resolve, reject) => this.#calls.set(id, { resolve, reject }))
  }

  /** Ends a live query here and in the worker. */
  forget(id) {
    this.#calls.get(id)?.resolve({ done: true, value: undefined })
    this.#calls.delete(id)
    if (!this.ended) this.#worker.postMessage({ t: 'end', id })
  }

  /** Closes the database in the worker, then ends the worker. */
  close() {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async #close() {
    if (this.ended) return
    let timer
    const answer = new Promise((resolve, reject) => {
      this.#calls.set('close', { resolve, reject })
      this.#worker.postMessage({ t: 'close' })
      timer = setTimeout(resolve, CLOSE_MS)
    })
    // from here on no call is taken, those on their way may still be answered
    this.ended = new TidelogError('CLOSED', 'the database is closed: connect again')
    try {
      await answer
    } finally {
      clearTimeout(timer)
      this.#end(
        new TidelogError('CRASHED', 'the database was closed before the call was answered'),
        this.ended,
      )
    }
  }

  crash(reason) {
    if (this.#gone) return
    const text = reason?.message ?? String(reason)
    const cause = reason instanceof Error ? reason : undefined
    const error =
      cause?.code === 'CRASHED'
        ? cause
        : new TidelogError('CRASHED', `the engine stopped: ${text}`, { cause })
    this.#calls.get('close')?.resolve()
    this.#calls.delete('close')
    this.#end(error, this.ended ?? error)
  }

  #end(waiting, later) {
    if (this.#gone) return
    this.#gone = true
    this.ended = later
    this.#worker.terminate?.()
    for (const wait of [...this.#calls.values(), ...this.#synced.values()]) wait.reject(waiting)
    this.#calls.clear()
    this.#synced.clear()
    const { code, message } = later
    this.#status({ ...this.status, role: code === 'CLOSED' ? 'closed' : 'crashed', error: { code, message } })
  }

  #receive(message) {
    switch (message.t) {
      case 'ok':
        return this.#take(this.#calls, message.id)?.resolve(
          message.synced ? this.#event(message) : message.value,
        )
      case 'err':
        return this.#take(this.#calls, message.id)?.reject(decodeError(message.error))
      case 'synced':
        return this.#settle(this.#take(this.#synced, message.id), message.error)
      case 'status':
        return this.#status(message.status)
      case 'hello':
        this.#status(message.status)
        this.#watch(message.alive)
        return this.#take(this.#calls, 0)?.resolve()
      case 'closed':
        return this.#settle(this.#take(this.#calls, 'close'), message.error)
      case 'crash':
        return this.crash(decodeError(message.error))
    }
  }

  #take(waits, id) {
    const wait = waits.get(id)
    waits.delete(id)
    return wait
  }

  #settle(wait, error) {
    if (error) wait?.reject(decodeError(error))
    else wait?.resolve()
  }

  #event({ id, value }) {
    const synced = new Promise((resolve, reject) => this.#synced.set(id, { resolve, reject }))
    // nobody has to look at the server's verdict
    synced.catch(() => {})
    hidden(value, 'synced', synced)
    return value
  }

  /** A worker that is ended from outside says nothing: that its lock comes free is the only sign. */
  #watch(alive) {
    const locks = alive && globalThis.navigator?.locks
    if (!locks) return
    this.#watched = true
    locks.request(alive, () => this.crash('the worker was ended')).catch(() => {})
  }

  #status(status) {
    this.status = status
    for (const listener of this.listeners) {
      try {
        listener(status)
      } catch (error) {
        // a faulty listener must not keep the others, or the answer behind this status, from arriving
        uncaught(error)
      }
    }
  }
}

/** What `connect` resolves to. */
class Connection {
  #wire

  constructor(wire) {
    this.#wire = wire
    this.store = names(model => names(method => methodOf(wire, model, method)))
  }

  /** The latest status, a plain object: take it as read-only. */
  get status() {
    return this.#wire.status
  }

  /** Calls `fn(status)` on each change; returns a function that ends this. */
  on(name, fn) {
    if (name !== 'status') throw new TypeError(`on: there is no event '${name}', only 'status'`)
    if (typeof fn !== 'function') throw new TypeError('on: fn must be a function')
    this.#wire.listeners.add(fn)
    return () => this.off(name, fn)
  }

  off(name, fn) {
    if (name === 'status') this.#wire.listeners.delete(fn)
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

  close() {
    return this.#wire.close()
  }

  #call(name, args) {
    return this.#wire.ask({ t: 'call', name, args }, name)
  }
}

/** A live query seen from the page: rows arrive only as fast as they are asked for, always the newest. */
class Live {
  #wire
  #model
  #args
  #id = null
  #last = null
  #done = false

  constructor(wire, model, args) {
    this.#wire = wire
    this.#model = model
    this.#args = args
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

  /** Calls `fn(rows)` for each new result until the function it returns is called; `fail` gets the error that ended it. */
  subscribe(fn, fail = uncaught) {
    const run = async () => {
      for await (const rows of this) fn(rows)
    }
    run().catch(fail)
    return () => this.#end()
  }

  async #ask() {
    if (this.#done) return { done: true, value: undefined }
    const what = `${this.#model}.live`
    try {
      const first = this.#id === null
      const answer = first ? this.#start(what) : this.#wire.ask({ t: 'next' }, what, this.#id)
      const { done, value } = await answer
      if (!this.#done) this.#done = done
      return this.#done ? { done: true, value: undefined } : { done, value }
    } catch (error) {
      this.#done = true
      // closing the database is a regular end of its live queries
      if (this.#wire.ended?.code === 'CLOSED') return { done: true, value: undefined }
      throw error
    }
  }

  #start(what) {
    this.#id = this.#wire.newId()
    return this.#wire.ask({ t: 'live', model: this.#model, args: this.#args }, what, this.#id)
  }

  #end() {
    if (this.#done) return
    this.#done = true
    if (this.#id !== null) this.#wire.forget(this.#id)
  }
}

function methodOf(wire, model, name) {
  if (name === 'live') return (...args) => new Live(wire, model, args)
  const what = `${model}.${name}`
  return (...args) => wire.ask({ t: 'call', model, name, args }, what)
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

function uncaught(error) {
  queueMicrotask(() => {
    throw error
  })
}

function unsendable(args, cause) {
  const at = args.findIndex(arg => !cloneable(arg))
  return `argument ${at + 1} cannot be sent to the worker, which takes plain data only (${cause.message})`
}
