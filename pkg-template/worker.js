// The worker's side: waits for the tab's turn, loads the engine only then, and answers the page. It decides nothing
// about data: every call goes to the `EventSourcingDB` as it is.

import { TidelogError } from './errors.js'
import { encodeError, isCrash } from './rpc.js'

const OPTIONS = ['file', 'models', 'sync', 'version', 'durability']
const NO_SYNC = { state: 'off', online: true, pending: 0, seq: 0, head: 0, error: null }

/** What a page may call on the database itself. */
const DATABASE = {
  dispatch: (db, args) => db.dispatch(...args),
  setOnline: (db, [online]) => db.setOnline(online),
  sync: db => db.sync(),
  async log(db, [{ limit = 100 } = {}]) {
    const found = await db.queue.search({}, { limit, sort: { v: -1 } })
    return found.items ?? found
  },
}

/**
 * Answers the page that started this worker. Resolves to the `EventSourcingDB` once this tab owns the file.
 * @param {{file: string, models: object, sync?: object, version?: number, durability?: 'strict' | 'relaxed'}} options
 * @param {object} [surroundings] for tests: the port to the page, the locks, and what opens the database
 */
export function serve(options, surroundings) {
  check(options)
  const desk = new Desk(options, {
    port: globalThis,
    locks: globalThis.navigator?.locks,
    open: openDatabase,
    ...surroundings,
  })
  const db = desk.start()
  // the page hears of a failed open with each of its calls; the user's worker file need not listen
  db.catch(() => {})
  return db
}

/** When the server's log holds the event, or each of several that were dispatched at once. */
async function verdict(dispatched) {
  await (Array.isArray(dispatched) ? Promise.all(dispatched.map(event => event.synced)) : dispatched.synced)
}

async function openDatabase(options) {
  const { EventSourcingDB } = await import('./index.js')
  const db = new EventSourcingDB(options)
  await db.open()
  return db
}

function check(options) {
  if (typeof options !== 'object' || options === null) throw new TypeError('serve: options must be an object')
  for (const name of Object.keys(options)) {
    if (!OPTIONS.includes(name))
      throw new TypeError(`serve: there is no option '${name}': use ${OPTIONS.join(', ')}`)
  }
  if (typeof options.file !== 'string' || !options.file) throw new TypeError('serve: file must be a name')
  if (typeof options.models !== 'object' || options.models === null) {
    throw new TypeError('serve: models must be an object of models')
  }
}

class Desk {
  #options
  #port
  #locks
  #open
  #db = null
  /** Messages that came before there was a database; null once there is one. */
  #early = []
  /** Why there will be no database. */
  #failure = null
  #role = 'waiting'
  #error = null
  #stale = false
  #lives = new Map()
  #leave = () => {}

  constructor(options, { port, locks, open }) {
    this.#options = options
    this.#port = port
    this.#locks = locks
    this.#open = open
  }

  async start() {
    this.#listen()
    try {
      const alive = this.#locks ? `tidelog-worker:${crypto.randomUUID()}` : undefined
      if (alive) await this.#hold(alive)
      this.#post({ t: 'hello', alive, status: this.#status() })
      if (this.#locks) this.#leave = await this.#hold(`tidelog-tab:${this.#options.file}`)
      this.#setRole('opening')
      const db = await this.#open(this.#options)
      db.on('status', () => this.#changed())
      this.#db = db
    } catch (error) {
      this.#fail(error)
      throw error
    }
    this.#setRole('leader')
    this.#drain()
    return this.#db
  }

  #listen() {
    this.#port.addEventListener('message', ({ data }) => this.#receive(data))
    // a trap in a task of the engine's own reaches no caller
    this.#port.addEventListener('error', ({ error }) => isCrash(error) && this.#crash(error))
    this.#port.addEventListener('unhandledrejection', ({ reason }) => isCrash(reason) && this.#crash(reason))
    this.#port.start?.()
  }

  /** Resolves when the lock is held, to what gives it back. */
  #hold(name) {
    return new Promise((resolve, reject) => {
      const held = () => new Promise(release => resolve(release))
      this.#locks.request(name, held).catch(reject)
    })
  }

  #receive(message) {
    if (message.t === 'close') this.#close()
    else if (this.#early) this.#early.push(message)
    else this.#handle(message)
  }

  #drain() {
    const early = this.#early
    this.#early = null
    for (const message of early) this.#handle(message)
  }

  #handle(message) {
    if (this.#failure) return message.t === 'end' || this.#refuse(message.id, this.#failure)
    switch (message.t) {
      case 'call':
        return this.#call(message)
      case 'live':
        return this.#live(message)
      case 'next':
        return this.#next(message.id)
      case 'end':
        return this.#endLive(message.id)
    }
  }

  async #call({ id, model, name, args }) {
    try {
      if (model === undefined) return this.#answer(id, await this.#ofDatabase(name)(this.#db, args), name)
      const target = this.#model(model)
      const value = await this.#method(target, model, name).apply(target, args)
      this.#answer(id, value, `${model}.${name}`)
    } catch (error) {
      this.#refuse(id, error)
    }
  }

  #answer(id, value, what) {
    const synced = what === 'dispatch' ? verdict(value) : undefined
    this.#tellStatus()
    try {
      this.#post(synced ? { t: 'ok', id, value, synced: true } : { t: 'ok', id, value })
    } catch (cause) {
      throw new TypeError(`${what}: its result cannot be sent to the page (${cause.message})`, { cause })
    }
    synced?.then(
      () => this.#post({ t: 'synced', id }),
      error => this.#post({ t: 'synced', id, error: encodeError(error) }),
    )
  }

  #refuse(id, error) {
    if (isCrash(error)) return this.#crash(error)
    this.#tellStatus()
    this.#post({ t: 'err', id, error: encodeError(error) })
  }

  #ofDatabase(name) {
    if (Object.hasOwn(DATABASE, name)) return DATABASE[name]
    throw new TypeError(`there is no method '${name}' of the database`)
  }

  #model(name) {
    const { store } = this.#db
    if (Object.hasOwn(store, name)) return store[name]
    throw new TypeError(`there is no model '${name}': serve it in models`)
  }

  #method(model, modelName, name) {
    const method = name in Object.prototype ? undefined : model[name]
    if (typeof method === 'function') return method
    throw new TypeError(`${modelName}.${name} is not a method of the model`)
  }

  #live({ id, model, args }) {
    try {
      const target = this.#model(model)
      const rows = this.#method(target, model, 'live').apply(target, args)
      this.#lives.set(id, rows[Symbol.asyncIterator]())
    } catch (error) {
      return this.#refuse(id, error)
    }
    return this.#next(id)
  }

  async #next(id) {
    const rows = this.#lives.get(id)
    if (!rows) return this.#answer(id, { done: true }, 'live')
    try {
      const { done, value } = await rows.next()
      // ended meanwhile: the page no longer waits
      if (!this.#lives.has(id)) return
      if (done) this.#lives.delete(id)
      this.#answer(id, { done, value }, 'live')
    } catch (error) {
      if (this.#lives.delete(id)) this.#refuse(id, error)
    }
  }

  #endLive(id) {
    const rows = this.#lives.get(id)
    this.#lives.delete(id)
    Promise.resolve(rows?.return?.()).catch(() => {})
  }

  #changed() {
    if (this.#stale) return
    this.#stale = true
    queueMicrotask(() => this.#tellStatus())
  }

  /** A page that has its answer has the status that goes with it: many changes are told once, before any answer. */
  #tellStatus() {
    if (!this.#stale) return
    this.#stale = false
    this.#post({ t: 'status', status: this.#status() })
  }

  #status() {
    const { storage = null, persistence = null, sync = NO_SYNC } = this.#db?.status ?? {}
    const status = { role: this.#role, storage, persistence, sync }
    if (this.#error) status.error = this.#error
    return status
  }

  #setRole(role) {
    this.#role = role
    this.#post({ t: 'status', status: this.#status() })
  }

  #fail(error) {
    if (isCrash(error)) return this.#crash(error)
    this.#failure = error
    this.#error = { code: error?.code, message: error?.message ?? String(error) }
    this.#setRole('failed')
    this.#leave()
    this.#drain()
  }

  async #close() {
    for (const id of [...this.#lives.keys()]) this.#endLive(id)
    try {
      await this.#db?.close()
      this.#post({ t: 'closed' })
    } catch (error) {
      this.#post({ t: 'closed', error: encodeError(error) })
    }
    this.#leave()
    this.#port.close()
  }

  /** After a trap the engine's memory cannot be trusted: nothing more is asked of it, and the worker ends. */
  #crash(cause) {
    const error = new TidelogError('CRASHED', `the engine stopped: ${cause.message}`, { cause })
    this.#post({ t: 'crash', error: encodeError(error) })
    this.#port.close()
  }

  #post(message) {
    this.#port.postMessage(message)
  }
}
