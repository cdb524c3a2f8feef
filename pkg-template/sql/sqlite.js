// `SQLite`: one lazily opened database: its hooks, its transactions, its closing. Statements are
// Queries'.

import { deferred } from '../language/deferred.js'
import { TidelogError } from '../language/errors.js'
import { loadEngine } from '../platform/engine.js'
import { openFile } from '../platform/files.js'
import { Kept } from '../platform/kept.js'
import { openLink } from './host-link.js'
import { bound, insideOf, ofTheWhole } from './inside.js'
import { LiveHub } from './live.js'
import { named, nameErrors, Queries } from './queries.js'
import { Running, waitedFor } from './running.js'
import { checkOptions } from './sqlite-options.js'
import { Transaction } from './transaction.js'
import { Upkeep } from './upkeep.js'
import { inHook, refuseOwnWait } from './waits.js'

const USE_CHILD = 'use the database that the function is called with'
/**
 * The time between two looks of an open at whether a file that is open elsewhere has come free, in
 * ms.
 */
const LOOK_MS = 25

let unnamed = 0

/** @typedef {import('../engine/tidelog.js').Engine} Engine */

export class SQLite extends Queries {
  /** Models by name. */
  store = {}
  /**
   * The engine; undefined before and after.
   * @type {any}
   */
  _engine
  /** A promise that calls on an open database wait for: models are being added. */
  _settling
  /** The live queries of this database. */
  _hub = new LiveHub(this)
  /** The state of the storage. */
  _kept = new Kept(() => this.emit('kept'))
  _options
  // No private fields: objects that `_boundTo` makes inherit from this one, and would not have
  // them. Whatever changes is in one object, so that they see it: whether the database is open, the
  // open transaction, the one that all calls join, and the link to a host's database
  /**
   * @type {{
   *   open: boolean,
   *   opening?: Promise<any>,
   *   awaited?: import('../language/deferred.js').Deferred,
   *   root?: Transaction,
   *   joined?: Transaction,
   *   link?: import('./host-link.js').HostLink,
   *   hook?: object,
   *   running: Running,
   * }}
   */
  _now = {
    open: false,
    opening: undefined,
    awaited: undefined,
    root: undefined,
    joined: undefined,
    link: undefined,
    running: new Running(),
  }
  _queued = []
  _upkeep

  constructor(options = {}, more = []) {
    super()
    this._options = checkOptions(options, more)
    this._upkeep = new Upkeep(this._options)
    this.file = this._options.file
    unnamed += 1
    this.name = `${options.name || this.file.split('/').at(-1).replace(/\.db$/, '')}|${unnamed}`
  }

  get isOpen() {
    return this._now.open
  }

  /** `{storage, persistence, full, quota}`. */
  get status() {
    return this._kept.status
  }

  get inTransaction() {
    return this._now.joined !== undefined
  }

  /** The database once somebody has opened it: waiting for it opens nothing. */
  get dbP() {
    const now = this._now
    now.awaited ??= deferred()
    if (now.opening) now.awaited.resolve(now.opening)
    return now.awaited.promise
  }

  /**
   * Opens the database; every operation does by itself. A failed open is tried again by the next
   * call.
   */
  async open() {
    const now = this._now
    if (!now.open) refuseOwnWait(this)
    // a microtask later, so that a hook finds this opening and begins no other
    now.opening ??= Promise.resolve()
      .then(() => this._open())
      .catch(async error => {
        await this._shut().catch(() => {})
        throw error
      })
    now.awaited?.resolve(now.opening)
    return now.opening
  }

  async _open() {
    const { readOnly, reverseUnordered, onWillOpen, onDidOpen } = this._options
    if (onWillOpen)
      await inHook(
        this,
        'onWillOpen',
        'it runs before there is a database: use onDidOpen',
        onWillOpen,
      )
    const { Engine } = await loadEngine()
    const engine = await this._openEngine(Engine)
    const { link } = this._now
    nameErrors(engine, this.name)
    this._engine = engine
    this._kept.open(engine)
    if (reverseUnordered) engine.reverseUnordered()
    if (!readOnly) await this._upkeep.prepare(engine)
    await this._prepareModels()
    const child = this._child(engine)
    if (onDidOpen) await inHook(this, 'onDidOpen', USE_CHILD, () => onDidOpen(child))
    while (this._queued.length) {
      await inQueued(this, this._queued[0], child)
      this._queued.shift()
    }
    // what opening has written is nobody's news
    engine.changed()
    this._now.open = true
    if (link) link.opened = true
    else if (!readOnly) this._upkeep.start(engine)
    return this
  }

  /** Waits up to `busyTimeout` for a file that is open elsewhere. */
  async _openEngine(Engine) {
    const { file, storage: wanted, durability, readOnly, busyTimeout, adapter } = this._options
    if (adapter) {
      this._now.link = await openLink(adapter)
      return Engine.openHosted(this._now.link)
    }
    const { storage, fs } = openFile(file, wanted)
    const until = Date.now() + busyTimeout
    for (;;) {
      try {
        const options = { storage, file, relaxed: durability === 'relaxed', readOnly }
        return await Engine.open(options, fs, /** @type {any} */ (this)._functions?.())
      } catch (error) {
        if (error.code !== 'LOCKED' || Date.now() >= until) throw named(error, this.name)
        await new Promise(go => setTimeout(go, LOOK_MS))
      }
    }
  }

  /** This database as hooks see it, while nobody else can use it yet. */
  _child(engine) {
    const child = Object.create(this)
    const own = {
      isOpen: true,
      _ready: () => engine,
      open: async () => child,
      _announce() {},
      _engine: engine,
    }
    Object.assign(
      own,
      ofTheWhole(this, 'while the database opens: do so before, or once open() has resolved'),
    )
    for (const [name, value] of Object.entries(own)) Object.defineProperty(child, name, { value })
    child.store = bound(this.store, 0, child)
    return child
  }

  /** Prepares a subclass's models before anybody else may use the open database. */
  async _prepareModels() {}

  /** Waits for running operations, then lets the files go. */
  async close() {
    refuseOwnWait(this)
    const { opening, running } = this._now
    await opening?.catch(() => {})
    await this._quit()
    while (running.any) await running.pause()
    await this._shut()
  }

  /** Ends whatever works on the engine by itself. */
  async _quit() {}

  async _shut() {
    const engine = this._engine
    this._engine = undefined
    Object.assign(this._now, { open: false, opening: undefined, awaited: undefined })
    if (!engine) return
    this._upkeep.stop()
    this._hub.end()
    this._kept.close()
    try {
      await this._quit()
      await engine.close()
    } finally {
      engine.free()
      this._now.link = undefined
    }
  }

  /** Runs `fn(db)` once the database is open: now if it is. @param {(db: any) => unknown} fn */
  runOnceOnOpen(fn) {
    if (typeof fn !== 'function') throw new TypeError('runOnceOnOpen: fn must be a function')
    if (this.isOpen) return fn(this)
    this._queued.push(fn)
  }

  /**
   * The engine, opened if need be. Not async: an open database answers at once. `own` is the
   * token of the transaction that the call is part of.
   * @returns {Engine | Promise<Engine>}
   */
  _ready(own = 0) {
    // in a migration the database is not open yet, and waits for its end
    if ((this._settling || !this._now.open) && !own) refuseOwnWait(this)
    if (this._settling) return this._settling.then(() => this._engine)
    if (this._now.link?.taken && !this._tokenOf(own)) return this._now.link.wait(this, own)
    return this._now.open ? this._engine : this.open().then(() => this._engine)
  }

  /**
   * `_ready` for a call that takes its turn to write, unless it is inside a transaction by its
   * token.
   */
  _readyToWrite(own = 0) {
    if (!this._tokenOf(own)) refuseOwnWait(this)
    return this._ready(own)
  }

  /** The token for a call: its own transaction's, or the one that all calls join. */
  _tokenOf(own = 0) {
    return own || this._now.joined?.token || 0
  }

  /** Tells live queries and listeners what a write changed. */
  _announce(anything = false) {
    const tables = this._engine?.changed() ?? []
    if (!tables.length && !anything) return
    this._userWrote()
    this._hub.changed(anything && !tables.length ? undefined : tables)
    this.emit('change', tables)
  }

  /** Something was written, and not by the opening of the database. */
  _userWrote() {
    this._kept.wrote(this._options.durability === 'relaxed')
  }

  /**
   * Gives free pages back to the storage: with `autoVacuum` step by step, else by writing the whole
   * file anew.
   */
  async vacuum() {
    await this._upkeep.vacuum(await this._ready())
  }

  /**
   * Runs `fn` in one transaction: committed when it resolves, undone when it rejects. `fn(tx)`
   * works through `tx.store`, `tx.run` and so on, and only that is inside; while a function of no
   * arguments (its `length` is 0) runs, every call on this database joins in. Inside another it is
   * a part that can be undone alone.
   */
  async withTransaction(fn) {
    if (typeof fn !== 'function') throw new TypeError('withTransaction: fn must be a function')
    if (this._options.readOnly)
      throw new TidelogError(
        'SQLITE_READONLY',
        `${this.name}: withTransaction writes, and the DB is readonly: open it without the option readOnly`,
      )
    const engine = await this._ready(Transaction.around(this)?.token)
    const { joined } = this._now
    const around = Transaction.around(this) ?? (Transaction.follows ? undefined : joined)
    if (around) return around.nest(() => fn(this._boundTo(around.token, around, true)))
    refuseOwnWait(this)
    const root = new Transaction(engine, await engine.begin(), this)
    if (fn.length === 0) this._now.joined = root
    return this._settle(engine, root, () => fn(this._boundTo(root.token, root, true)))
  }

  /** `withTransaction`, by the name one looks for when writing many things at once. */
  batch(fn) {
    return this.withTransaction(fn)
  }

  async _settle(engine, root, fn) {
    const leave = () => {
      if (this._now.joined === root) this._now.joined = undefined
      this._now.root = undefined
    }
    this._now.root = root
    const letIn = this._now.link?.take()
    this.emit('begin')
    try {
      const value = await root.run(fn).catch(error => {
        leave()
        engine.rollback(root.token)
        throw error
      })
      leave()
      // when this fails nothing of it is kept, and the connection goes on
      await engine.commit(root.token)
      this.emit('end')
      this._announce()
      return value
    } catch (error) {
      this.emit('rollback')
      throw named(error, this.name)
    } finally {
      letIn?.()
      this.emit('finally')
    }
  }

  /** This database as seen from inside a transaction, which may be one of the application's. */
  _boundTo(token, root = new Transaction(this._engine, token, this), isApplications = false) {
    const tx = Object.create(this)
    const engine = this._engine
    const own = {
      _tokenOf: () => token,
      _ready: () => engine,
      inTransaction: true,
      _isApplications: isApplications,
      _announce() {},
      withTransaction: fn => root.nest(() => fn(tx)),
      _runInside: fn => root.run(fn),
      _statements: new Map(),
      ...ofTheWhole(this, 'in a transaction: do so on the database, once the transaction is over'),
    }
    for (const [name, value] of Object.entries(own)) Object.defineProperty(tx, name, { value })
    tx.store = bound(this.store, token, tx)
    return tx
  }

  /** A model inside this transaction, also one that is not in `store`. */
  _modelOf(model) {
    const { store } = this
    if (!Object.hasOwn(store, model.name))
      Object.defineProperty(store, model.name, {
        value: insideOf(model, this._tokenOf(), store, this),
      })
    return store[model.name]
  }
}

waitedFor(SQLite, ['withTransaction', 'vacuum', '_call', 'dataVersion', 'userVersion'], db => db)

async function inQueued(db, fn, child) {
  try {
    await inHook(db, 'runOnceOnOpen', USE_CHILD, () => fn(child))
  } catch (error) {
    if (error instanceof Error)
      error.message = `in function queued by runOnceOnOpen: ${error.message}`
    throw error
  }
}
