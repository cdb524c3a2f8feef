// `EventQueue`: the queue as applications see it: confirmed events, then pending ones. Read only
// but for `add`; an event is never edited.

import { TidelogError } from '../language/errors.js'
import { JsonModel } from '../models/json-model.js'
import { waitedFor } from '../sql/running.js'

export class EventQueue extends JsonModel {
  /** How `add` makes an event; an EventSourcingDB's queue also runs it. */
  _dispatch
  _waiting = []
  /** How often something changed. */
  _changes = 0
  _migrating = false
  hasTable = false

  constructor({ name = 'history', dispatch, ...options }) {
    super({ ...options, name })
    this._dispatch = dispatch
    this.db.on('change', () => {
      this._changes += 1
      for (const look of this._waiting.splice(0)) look()
    })
  }

  async prepare(engine) {
    if (!this._dispatch) await engine.openEvents({ version: 0 })
  }

  /** This queue in a migration, which may read what there is, and adds nothing. */
  inMigration(tx) {
    return Object.create(this, {
      db: { value: tx },
      _token: { value: tx.token() },
      _migrating: { value: true },
    })
  }

  /** Adds an event; gives it with its position `v`. */
  async add(type, data, ts) {
    if (this._migrating) {
      throw new TidelogError(
        'NOT_SUPPORTED',
        `${this.name}.add: a migration runs on every replica, and each would add its own event: dispatch it when the database is open`,
      )
    }
    const draft = eventDraft({ type, data, ts })
    if (this._dispatch) return this._dispatch(draft)
    const engine = await this.db.readyToWrite()
    const [event] = JSON.parse(await engine.dispatch(JSON.stringify([draft])))
    this.db.announce()
    const { result, pending, ...added } = event
    return added
  }

  async set() {
    throw new TidelogError(
      'NOT_SUPPORTED',
      'an event is never edited: dispatch one that corrects it',
    )
  }

  /** The event at a position, or undefined. */
  async get(v) {
    this.checkId('get', v)
    return (await this._read({ after: v - 1, upTo: v, limit: 1 }))[0]
  }

  /** The position of the last event. */
  async getMaxV() {
    if (this._migrating)
      return (await this._read({ after: 0, limit: 1, newestFirst: true }))[0]?.v ?? 0
    const engine = await this.db.ready()
    const [confirmed, pending] = engine.progress()
    return confirmed + pending
  }

  /** The first event after position `v`; waits for it unless `noWait`. */
  async getNext(v = 0, noWait = false) {
    for (;;) {
      const { _changes } = this
      const [event] = await this._read({ after: v, limit: 1 })
      if (event || noWait || this._migrating) return event
      // what came since the read began has been told of already
      if (this._changes === _changes) await new Promise(look => this._waiting.push(look))
      if (!this.db.isOpen) return undefined
    }
  }

  /** `{items}`: events of a type, in the order of `v` or with `sort: {v: -1}` the newest first. */
  async _page({ type, ...others }, { limit, sort, after = 0 }) {
    const [unknown] = Object.keys(others)
    if (unknown)
      throw new TypeError(`${this.name}.search: events are searched by type, not by '${unknown}'`)
    return { items: await this._read({ type, after, limit, newestFirst: sort?.v < 0 }) }
  }

  /** How many events there are, of a type if one is given. */
  async count(attrs = {}) {
    return (await this.search(attrs, { itemsOnly: true })).length
  }

  live(attrs = {}, { limit, sort = {} } = {}) {
    const filter = { type: attrs.type, limit, newestFirst: sort.v < 0 }
    return this.db.hub.query('_log', engine => engine.history(filter, 0), JSON.parse)
  }

  async _read(filter) {
    const engine = await this._ready()
    // the first migrations run before there is a queue
    if (
      this._migrating &&
      !(await this.db.get`SELECT 1 FROM sqlite_schema WHERE name = '_history'`)
    )
      return []
    return JSON.parse(engine.history(filter, this._token))
  }
}

waitedFor(EventQueue, ['add', 'getMaxV', '_read'])

/** A checked draft of an event. */
export function eventDraft(draft) {
  if (typeof draft !== 'object' || draft === null)
    throw new TypeError('dispatch: an event must be {type, data?, ts?}')
  const { type, data, ts, ...others } = draft
  const [unknown] = Object.keys(others)
  if (unknown) throw new TypeError(`dispatch: an event has type, data and ts, not '${unknown}'`)
  if (typeof type !== 'string' || !type)
    throw new TypeError('dispatch: type must be a non-empty string')
  if (ts !== undefined && !Number.isSafeInteger(ts))
    throw new TypeError(`dispatch: ts must be milliseconds, not ${ts}`)
  return { type, data, ts }
}
