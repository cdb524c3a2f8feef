// `EventSourcingDB`: models that only events write, their queue, and the sync with a server.

import { DB, DB_OPTIONS } from '../db/db.js'
import { Emitter } from '../language/emitter.js'
import { TidelogError } from '../language/errors.js'
import { advice } from '../language/nearest.js'
import { waitedFor } from '../sql/running.js'
import { SQLITE_OPTIONS } from '../sql/sqlite-options.js'
import { refuseEvents, refuseOwnWait } from '../sql/waits.js'
import { Sync } from '../sync/sync.js'
import { ESModel } from './es-model.js'
import { EventQueue, eventDraft } from './event-queue.js'
import { eventTypes } from './event-types.js'
import { Phases } from './phases.js'
import { openingQueue } from './without-effect.js'

const OPTIONS = ['models', 'sync', 'version', 'types', 'onError']
const KEPT_FOR_DB = [...SQLITE_OPTIONS, ...DB_OPTIONS]
const FUNCTIONS = ['preprocessor', 'reducer', 'deriver']
/** `synced` of an event that no server has to confirm. */
const CONFIRMED = { value: Promise.resolve() }
const NOT_YET = ['transact', 'RWModel']

/**
 * The database under it: its engine calls the users' functions, and opens the queue after the
 * models.
 */
class EventDB extends DB {
  constructor(options, owner) {
    super(options)
    this._owner = owner
  }

  _functions() {
    return this._owner._phases
  }

  /** The queue as migrations see it. */
  _queueInMigration(tx) {
    return this._owner.queue._inMigration(tx)
  }

  /** Plain models beside those of events are local, and their own truth. */
  _isOwned(model) {
    return model instanceof ESModel
  }

  /** Nothing: changes that sync brings are announced as well, and are not the user's. */
  _userWrote() {}

  _dispatched() {
    super._userWrote()
  }

  async _prepareModels() {
    await super._prepareModels()
    const open = () => this._owner._openQueue(this._engine)
    if (this._options.readOnly) return open()
    for (const warning of await openingQueue(this, open))
      if (!this._owner.emit('warning', warning)) console.warn(warning)
  }

  // the sync loop works on the engine, which is gone afterwards
  async _quit() {
    await this._owner._stopSync()
  }
}

/** @typedef {import('../types/events.js').EventSourcingDB} Declared */

export class EventSourcingDB extends Emitter {
  #options
  #sync

  constructor(options) {
    super()
    if (typeof options !== 'object' || options === null)
      throw new TypeError('EventSourcingDB: options must be an object')
    if (options.adapter) {
      throw new TidelogError(
        'NOT_SUPPORTED',
        "EventSourcingDB: events are not supported on a host's SQLite (adapter): give it a file, for they need the bundled engine",
      )
    }
    const known = [...OPTIONS, ...KEPT_FOR_DB]
    const unknown = Object.keys(options).filter(key => !known.includes(key))
    if (unknown.length)
      throw new TypeError(
        `EventSourcingDB: unknown options ${unknown.join(', ')}: ${advice(unknown[0], known)}`,
      )
    const { models, sync, version = 0, types, onError = 'reject' } = options
    if (typeof models !== 'object' || models === null)
      throw new TypeError('EventSourcingDB: models must be an object')
    if (!Number.isInteger(version))
      throw new TypeError(`EventSourcingDB: version must be an integer, not ${version}`)
    if (onError !== 'reject')
      throw new TypeError(`EventSourcingDB: onError '${onError}' is not supported: use 'reject'`)
    this.#options = { version, types: eventTypes(types) }
    const kept = Object.entries(options).filter(([key]) => KEPT_FOR_DB.includes(key))
    this.db = new EventDB(Object.fromEntries(kept), this)
    this.rwDb = this.db
    this._phases = new Phases(this)
    for (const [name, definition] of Object.entries(models)) this.#addModel(name, definition)
    this.queue = new EventQueue({ db: this.db, dispatch: draft => this.dispatch(draft) })
    this.#sync = sync ? new Sync(this, sync) : undefined
    this.db.on('change', tables => this.emit('change', tables))
    this.db.on('kept', () => this.emit('status', this.status))
  }

  #addModel(name, definition) {
    if (typeof definition !== 'object' || definition === null)
      throw new TypeError(`model ${name} must be an object`)
    const { Model = ESModel, ...rest } = definition
    if (typeof Model !== 'function' || !(Model === ESModel || Model.prototype instanceof ESModel)) {
      throw new TypeError(`model ${name}: Model must be ESModel or extend it`)
    }
    const later = NOT_YET.find(key => key in rest)
    if (later) throw new TypeError(`model ${name}: '${later}' is not supported yet: leave it out`)
    const options = Object.fromEntries(
      Object.entries(rest).filter(([key]) => !FUNCTIONS.includes(key)),
    )
    const model = this.db.addModel(Model, {
      name,
      ...options,
      dispatch: (events, call) => this._dispatchOnce(call, events),
    })
    this._phases.add(model, definition, Model)
  }

  /** The models. */
  get store() {
    return this.db.store
  }

  get rwStore() {
    return this.db.store
  }

  /** The models as a phase may use them. */
  _storeInside(token) {
    return this.db._boundTo(token).store
  }

  async _openQueue(engine) {
    const { version, types } = this.#options
    await engine.openEvents({ log: this.#sync?.log, version, types })
    await this.#sync?.start(engine)
  }

  async _stopSync() {
    await this.#sync?.stop()
  }

  async open() {
    await this.db.open()
    return this
  }

  /**
   * Waits for what is running, then lets the files go. Pending events stay in the queue.
   * @type {Declared['close']}
   */
  async close() {
    await this.db.close()
  }

  /**
   * Makes an event and runs it: `dispatch(type, data?, ts?)` or `dispatch({type, data?, ts?})`; an
   * array of them is made all or none. Resolves when it is durable here, to `{id, v, type, ts,
   * data, result}`; its `synced` is a promise for when the server's log holds it. Rejects with what
   * a phase threw.
   */
  async dispatch(event, data, ts) {
    return this._dispatchOnce(undefined, event, data, ts)
  }

  /**
   * `dispatch` for a page's call `{tab, n, done, again?}`: when it is sent `again`, it gets its
   * first reply and has no second effect.
   */
  async _dispatchOnce(call, event, data, ts) {
    const many = Array.isArray(event)
    if (typeof event === 'object' && (data !== undefined || ts !== undefined)) {
      throw new TypeError(
        'dispatch: the first argument is an object, so that data and ts belong into it: dispatch({type, data, ts})',
      )
    }
    const given = many ? event : [typeof event === 'object' ? event : { type: event, data, ts }]
    const text = JSON.stringify(given.map(draft => eventDraft(draft)))
    refuseEvents(this.db)
    const engine = await this.db._ready()
    let made
    try {
      made = JSON.parse(await engine.dispatch(text, call))
    } catch (error) {
      this.emit('error', error)
      throw error
    }
    this.#sync?.ring()
    this.db._dispatched()
    this.db._announce()
    for (const one of made) this.#finish(one, call?.again)
    this.#sync?.changed()
    return many ? made : made[0]
  }

  #finish(event, again) {
    const waits = event.pending && this.#sync
    delete event.pending
    const synced = waits ? { value: this.#sync.verdict(event.id, again) } : CONFIRMED
    Object.defineProperty(event, 'synced', synced)
    this.emit('result', event)
  }

  /**
   * When the server's log holds an event that was made earlier, perhaps by another process: as its
   * `synced`.
   */
  async _verdict(id) {
    await this.db._ready()
    await this.#sync?.verdict(id, true)
  }

  /** The tabs of which calls are recorded. */
  _callTabs() {
    return this.db._engine?.callTabs() ?? []
  }

  /** Forgets the calls of a tab that is gone. */
  async _forgetCalls(tab) {
    await this.db._engine?.forgetCalls(tab)
  }

  /**
   * The position of the last event whose effect is in the models.
   * @type {Declared['getVersion']}
   */
  async getVersion() {
    return this.queue.getMaxV()
  }

  /** The event at a position, once it is handled. @type {Declared['handledVersion']} */
  async handledVersion(v) {
    return v ? this.queue.get(v) : undefined
  }

  /**
   * Every event in the queue is handled when its dispatch resolves: there is nothing to wait for
   * but the lane.
   * @type {Declared['waitForQueue']}
   */
  async waitForQueue() {
    return this.handledVersion(await this.queue.getMaxV())
  }

  /** Makes everything that events wrote anew from the log. @type {Declared['rebuild']} */
  async rebuild() {
    refuseOwnWait(this.db)
    const engine = await this.db._ready()
    await engine.rebuild()
    this.#sync?.rebuilt()
    this.db._announce(true)
  }

  /** Resolves when the server's log holds every event made so far. @type {Declared['synced']} */
  async synced() {
    await this.db._ready()
    await this.#sync?.drained()
  }

  /**
   * `{storage, persistence, full, quota, sync: {state, online, pending, seq, head, held, noops,
   * error}}`.
   */
  get status() {
    return {
      ...this.db._kept.status,
      sync: this.#sync?.status ?? {
        state: 'off',
        online: true,
        pending: 0,
        seq: 0,
        head: 0,
        error: null,
        held: null,
        noops: { count: 0, last: null },
      },
    }
  }

  /** What a page needs to notice one day that the browser has cleared the database. */
  get _kept() {
    const { file, _engine: engine, _kept: kept } = this.db
    return {
      file,
      birth: kept.inBrowser ? engine?.birth : undefined,
      written: kept.written,
    }
  }

  /** The page has asked the browser to keep the database. */
  _askedToKeep() {
    this.db._kept.lookAgain()
  }

  /**
   * The application's offline switch: in force at once, and kept for the next start when this
   * resolves.
   * @type {Declared['setOnline']}
   */
  async setOnline(online) {
    await this.#sync?.setOnline(Boolean(online))
  }

  /** Tries to sync now. @type {Declared['sync']} */
  sync() {
    this.#sync?.wake()
  }

  /** Gives a new token, which lifts a fence. @type {Declared['setToken']} */
  setToken(token) {
    this.#sync?.setToken(token)
  }
}

waitedFor(EventSourcingDB, ['_dispatchOnce', 'rebuild'])
