// `EventQueue`: the queue as applications see it: confirmed events, then pending ones. It reads,
// waits for events, and adds them; an event is never edited, so there is nothing else that writes.

import { nullish } from '../documents/kinds.js'
import { TidelogError } from '../language/errors.js'
import { waitedFor } from '../sql/running.js'

const OPTIONS = ['db', 'name', 'dispatch']

/** @typedef {import('../types/events.js').EventQueue} Declared */

export class EventQueue {
  // no private fields: in transactions and migrations an object that inherits from this one is used
  /** The token of the transaction this object works in; 0 outside. */
  _token = 0
  /** How `add` makes an event; an EventSourcingDB's queue also runs it. */
  _dispatch
  /** Prepares a queue whose late adding failed; `DB` sets it. */
  _again
  _waiting = []
  /** How often something changed. */
  _changes = 0
  _migrating = false

  constructor(options) {
    if (typeof options !== 'object' || options === null)
      throw new TypeError('EventQueue: options must be an object')
    const unknown = Object.keys(options).find(key => !OPTIONS.includes(key))
    if (unknown)
      throw new TypeError(`EventQueue: there is no option '${unknown}': use ${OPTIONS.join(', ')}`)
    const { db, name = 'history', dispatch } = options
    if (!db) throw new TypeError('EventQueue: db is required: give the DB whose events it has')
    if (typeof name !== 'string' || !name)
      throw new TypeError('EventQueue: name must be a non-empty string')
    this.db = db
    this.name = name
    this._dispatch = dispatch
    db._made?.(this)
    db.on('change', () => {
      this._changes += 1
      for (const look of this._waiting.splice(0)) look()
    })
  }

  /** Makes the tables of the queue; an EventSourcingDB does that for its own. */
  async _prepare(engine) {
    if (!this._dispatch) await engine.openEvents({ version: 0 })
  }

  /** Its name in messages: an EventSourcingDB has it as `queue`. */
  get _called() {
    return this._dispatch ? 'queue' : this.name
  }

  /** This queue inside a transaction. */
  _boundTo(token) {
    return Object.create(this, { _token: { value: token } })
  }

  /** This queue in a migration, which may read what there is, and adds nothing. */
  _inMigration(tx) {
    return Object.create(this, {
      db: { value: tx },
      _token: { value: tx._tokenOf() },
      _migrating: { value: true },
    })
  }

  /** Adds an event; gives it with its position `v`. @type {Declared['add']} */
  async add(type, data, ts) {
    if (this._migrating) {
      throw new TidelogError(
        'NOT_SUPPORTED',
        `${this._called}.add: a migration runs on every replica, and each would add its own event: dispatch it when the database is open`,
      )
    }
    const draft = eventDraft({ type, data, ts }, `${this._called}.add`)
    if (this._dispatch) return this._dispatch(draft)
    const engine = await this.db._readyToWrite()
    const [event] = JSON.parse(await engine.dispatch(JSON.stringify([draft])))
    this.db._announce()
    const { result, pending, ...added } = event
    return added
  }

  /** Refuses: strato-db's queue has it, and an event of ours is never edited. */
  async set() {
    throw new TidelogError(
      'NOT_SUPPORTED',
      `${this._called}.set: an event is never edited: dispatch one that corrects it`,
    )
  }

  /** The event at a position, or undefined. @type {Declared['get']} */
  async get(v) {
    if (!Number.isSafeInteger(v))
      throw new TypeError(`${this._called}.get: v must be a whole number, not ${String(v)}`)
    if (v < 1) return undefined
    return (await this._read({ after: v - 1, upTo: v, limit: 1 }))[0]
  }

  /** The position of the last event. @type {Declared['getMaxV']} */
  async getMaxV() {
    if (this._migrating)
      return (await this._read({ after: 0, limit: 1, newestFirst: true }))[0]?.v ?? 0
    const engine = await this.db._ready()
    const [confirmed, pending] = engine.progress()
    return confirmed + pending
  }

  /**
   * The first event after position `v`; waits for it unless `noWait`.
   * @type {Declared['getNext']}
   */
  async getNext(v = 0, noWait = false) {
    for (;;) {
      const { _changes } = this
      const [event] = await this._read({ after: v, limit: 1 })
      if (event || noWait || this._migrating) return event
      // a change since the read began has woken nobody: read again
      if (this._changes === _changes) await new Promise(look => this._waiting.push(look))
      if (!this.db.isOpen) return undefined
    }
  }

  /**
   * `{items}`, or the items alone with `itemsOnly`: events of a type, in the order of `v` or with
   * `sort: {v: -1}` the newest first.
   */
  async search(attrs, options) {
    const items = await this.searchAll(attrs, options)
    return options?.itemsOnly ? items : { items }
  }

  /** The events alone. @type {Declared['searchAll']} */
  async searchAll(attrs, options) {
    const type = this._typeOf('search', attrs)
    const { limit, sort, after = 0 } = options ?? {}
    return this._read({ type, after, limit, newestFirst: Number(sort?.v) < 0 })
  }

  /** The first event, or undefined. @type {Declared['searchOne']} */
  async searchOne(attrs, options) {
    return (await this.searchAll(attrs, { ...options, limit: 1 }))[0]
  }

  /** Every event. @type {Declared['all']} */
  async all() {
    return this.searchAll()
  }

  /** How many events there are, of a type if one is given. @type {Declared['count']} */
  async count(attrs) {
    const type = this._typeOf('count', attrs)
    const engine = await this._ready()
    if (this._migrating && !(await this._isThere())) return 0
    return engine.countEvents(type, this._token)
  }

  /**
   * An async iterable over the events that `search` finds, again after each commit with news.
   * @param {{type?: string}} [attrs]
   * @param {{limit?: number, sort?: {v?: number}}} [options]
   */
  live(attrs, { limit, sort = {} } = {}) {
    const type = this._typeOf('live', attrs)
    const filter = { type, limit, newestFirst: Number(sort.v) < 0 }
    return this.db._hub.query('_log', engine => engine.history(filter, 0), JSON.parse)
  }

  /** The type that is asked for. */
  _typeOf(method, attrs) {
    const { type, ...others } = attrs ?? {}
    const [unknown] = Object.keys(others)
    if (unknown)
      throw new TypeError(
        `${this._called}.${method}: events are searched by type, not by '${unknown}'`,
      )
    return nullish(type) ? undefined : type
  }

  async _read(filter) {
    const engine = await this._ready()
    if (this._migrating && !(await this._isThere())) return []
    return JSON.parse(engine.history(filter, this._token))
  }

  /** Whether the tables of the queue are there: the first migrations run before them. */
  async _isThere() {
    return Boolean(await this.db.get`SELECT 1 FROM sqlite_schema WHERE name = '_history'`)
  }

  _ready() {
    if (this._again && !this.db._tokenOf(this._token)) this._again()
    return this.db._ready(this._token)
  }
}

waitedFor(EventQueue, ['add', 'getMaxV', 'count', '_read'])

/** A checked draft of an event. */
export function eventDraft(draft, what = 'dispatch') {
  if (typeof draft !== 'object' || draft === null)
    throw new TypeError(`${what}: an event must be {type, data?, ts?}`)
  const { type, data, ts, ...others } = draft
  const [unknown] = Object.keys(others)
  if (unknown) throw new TypeError(`${what}: an event has type, data and ts, not '${unknown}'`)
  if (typeof type !== 'string' || !type)
    throw new TypeError(`${what}: type must be a non-empty string`)
  if (ts !== undefined && !Number.isSafeInteger(ts))
    throw new TypeError(`${what}: ts must be milliseconds, not ${ts}`)
  return { type, data, ts }
}
