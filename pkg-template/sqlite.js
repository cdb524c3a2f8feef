// `SQLite`: one lazily opened database and its statements. Checks arguments; everything else is the engine's.

import { Emitter } from './emitter.js'
import { loadEngine } from './engine.js'
import { openFile } from './files.js'
import { checkAdapter, openLink } from './host-link.js'
import { Kept } from './kept.js'
import { LiveHub } from './live.js'
import { sql } from './sql-tag.js'

const OPTIONS = ['file', 'name', 'readOnly', 'durability', 'storage', 'adapter', 'onWillOpen', 'onDidOpen']
/** What a host's database decides by itself. */
const NOT_WITH_ADAPTER = ['file', 'readOnly', 'durability', 'storage']
const STORAGES = ['opfs', 'indexeddb', 'memory']

let unnamed = 0

export class SQLite extends Emitter {
  static sql = sql
  sql = sql
  /** Models by name. */
  store = {}
  /** The opened engine; undefined before and after. */
  engine
  /** What calls wait for on an open database; undefined when there is nothing. */
  settling
  /** The link to a host's database, while one is open. */
  link
  /** Settles when the transaction ends that is open on the only connection of a host's database. */
  alone
  /** The live queries of this database. */
  hub = new LiveHub(this)
  /** How the database is kept. */
  kept = new Kept(() => this.emit('kept'))
  #options
  #opening
  #queued = []
  /** The token that calls join while a function of no arguments runs in `withTransaction`. */
  #joined = 0

  constructor(options = {}, more = []) {
    super()
    if (typeof options !== 'object' || options === null) throw new TypeError('options must be an object')
    const unknown = Object.keys(options).filter(key => !OPTIONS.includes(key) && !more.includes(key))
    if (unknown.length) throw new TypeError(`Unknown options ${unknown.join(', ')}`)
    checkHost(options)
    const { file = ':memory:', durability = 'strict', storage, name } = options
    if (typeof file !== 'string' || !file) throw new TypeError('file must be a path or ":memory:"')
    if (durability !== 'strict' && durability !== 'relaxed') {
      throw new TypeError(`durability must be 'strict' or 'relaxed', not '${durability}'`)
    }
    if (storage !== undefined && !STORAGES.includes(storage)) {
      throw new TypeError(`storage must be one of ${STORAGES.join(', ')}, not '${storage}'`)
    }
    this.#options = { ...options, file, durability }
    this.file = file
    unnamed += 1
    this.name = `${name ?? file.split('/').at(-1)}|${unnamed}`
  }

  get isOpen() {
    return this.engine !== undefined
  }

  /** `{storage, persistence, full, quota}`. */
  get status() {
    return this.kept.status
  }

  get inTransaction() {
    return this.#joined !== 0
  }

  /** Opens the database; every operation does by itself. A failed open is tried again by the next call. */
  open() {
    this.#opening ??= this.#open().catch(async error => {
      await this.close().catch(() => {})
      this.#opening = undefined
      throw error
    })
    return this.#opening
  }

  async #open() {
    const { onWillOpen, onDidOpen } = this.#options
    await onWillOpen?.()
    const engine = await this.#openEngine(await loadEngine())
    this.engine = engine
    this.kept.open(engine)
    await this.prepareModels()
    // what opening has written is nobody's news
    engine.changed()
    if (this.link) this.link.opened = true
    await onDidOpen?.(this)
    for (const run of this.#queued.splice(0)) await run()
    return this
  }

  async #openEngine({ Engine }) {
    const { file, durability, readOnly = false, adapter } = this.#options
    if (adapter) {
      this.link = await openLink(adapter)
      return Engine.openHosted(this.link)
    }
    const { storage, fs } = openFile(file, this.#options.storage)
    return Engine.open(storage, file, durability === 'relaxed', readOnly, fs, this.functions?.())
  }

  /** What subclasses do before anybody else may use the open database. */
  async prepareModels() {}

  /** Waits for running operations, then lets the files go. */
  async close() {
    const engine = this.engine
    this.engine = undefined
    this.#opening = undefined
    if (!engine) return
    this.hub.end()
    this.kept.close()
    try {
      await engine.close()
    } finally {
      engine.free()
      this.link = undefined
    }
  }

  /** Runs `fn(db)` once the database is open: now if it is. */
  runOnceOnOpen(fn) {
    if (this.engine) return fn(this)
    this.#queued.push(() => fn(this))
  }

  /**
   * The engine, opened if need be. Not async: an open database answers without a turn. `own` is the token of the
   * transaction that the call is part of.
   */
  ready(own = 0) {
    if (this.settling) return this.settling.then(() => this.engine)
    if (this.alone && !this.token(own)) return this.alone.then(() => this.ready(own))
    return this.engine ?? this.open().then(() => this.engine)
  }

  /** The token for a call: its own transaction's, or the one that all calls join. */
  token(own = 0) {
    return own || this.#joined
  }

  /** Tells live queries and listeners what a write changed. */
  announce(anything = false) {
    const tables = this.engine?.changed() ?? []
    if (!tables.length && !anything) return
    this.userWrote()
    this.hub.changed(anything && !tables.length ? undefined : tables)
    this.emit('change', tables)
  }

  /** Something was written, and not by the opening of the database. */
  userWrote() {
    this.kept.wrote(this.#options.durability === 'relaxed')
  }

  /** `{changes, lastID}` of a statement that writes. */
  async run(...args) {
    const [text, params] = statement('run', args)
    const engine = await this.ready()
    const token = this.token()
    const done = await engine.runSql(text, params, token)
    if (!token) this.announce(done.changes > 0)
    return done
  }

  /** All rows of a statement, as objects. */
  async all(...args) {
    const [text, params] = statement('all', args)
    const engine = await this.ready()
    const rows = await engine.allSql(text, params, this.token())
    if (!this.token()) this.announce()
    return rows
  }

  /** The first row of a statement, or undefined. */
  async get(...args) {
    return (await this.all(...args))[0]
  }

  /** Calls `fn` with every row; resolves to their number. */
  async each(text, params, fn = params) {
    if (typeof fn !== 'function') throw new TypeError('each: the last argument must be a function')
    const rows = await this.all(text, fn === params ? undefined : params)
    for (const row of rows) fn(row)
    return rows.length
  }

  /** Runs statements without parameters, one after the other. */
  async exec(text) {
    if (typeof text !== 'string') throw new TypeError('exec: sql must be a string')
    const engine = await this.ready()
    await engine.execSql(text, this.token())
    if (!this.token()) this.announce(true)
  }

  /**
   * Runs `fn` in one transaction: committed when it resolves, undone when it rejects. `fn(tx)` works through
   * `tx.store`, `tx.run` and so on, and only that is inside; while a function of no arguments runs, every call on
   * this database joins in.
   */
  async withTransaction(fn) {
    if (typeof fn !== 'function') throw new TypeError('withTransaction: fn must be a function')
    const engine = await this.ready()
    if (fn.length === 0) return this.#joining(engine, fn)
    const token = await engine.begin()
    return this.#settle(engine, token, () => fn(this.transaction(token)))
  }

  /** `withTransaction`, by the name one looks for when writing many things at once. */
  batch(fn) {
    return this.withTransaction(fn)
  }

  async #joining(engine, fn) {
    if (this.#joined) return nested(this, this.#joined, fn)
    const token = await engine.begin()
    this.#joined = token
    this.emit('begin')
    return this.#settle(engine, token, fn, () => {
      this.#joined = 0
    })
  }

  async #settle(engine, token, fn, after = () => {}) {
    const release = this.#keepOthersOut()
    try {
      return await this.#finish(engine, token, fn, after)
    } finally {
      release()
    }
  }

  /** A host's only connection reads what an open transaction has written: who is not inside waits for its end. */
  #keepOthersOut() {
    if (!this.link) return () => {}
    let release
    const alone = new Promise(resolve => {
      release = resolve
    })
    this.alone = alone
    return () => {
      if (this.alone === alone) this.alone = undefined
      release()
    }
  }

  async #finish(engine, token, fn, after) {
    let value
    try {
      value = await (this.link ? this.link.around(fn) : fn())
    } catch (error) {
      after()
      engine.rollback(token)
      this.emit('rollback')
      throw error
    }
    after()
    await engine.commit(token)
    this.emit('end')
    this.announce()
    return value
  }

  /** This database as seen from inside a transaction. */
  transaction(token) {
    const tx = Object.create(this)
    tx.token = () => token
    tx.store = bound(this.store, token)
    tx.withTransaction = fn => this.ready() && nested(this, token, () => fn(tx))
    tx.announce = () => {}
    return tx
  }
}

/** Models that work inside a transaction. */
export function bound(store, token) {
  const inside = {}
  for (const [name, model] of Object.entries(store)) inside[name] = model.inside(token, inside)
  return inside
}

async function nested({ engine, link }, token, fn) {
  const depth = engine.nest(token)
  try {
    const value = await (link ? link.around(fn) : fn())
    engine.unnest(token, depth, true)
    return value
  } catch (error) {
    engine.unnest(token, depth, false)
    throw error
  }
}

function statement(method, [text, ...rest]) {
  if (Array.isArray(text) && 'raw' in text) return sql(text, ...rest)
  if (typeof text !== 'string') throw new TypeError(`${method}: sql must be a string`)
  return [text, rest[0]]
}

function checkHost({ adapter, ...others }) {
  if (adapter === undefined) return
  if (typeof adapter !== 'function') checkAdapter(adapter)
  const clash = NOT_WITH_ADAPTER.find(key => others[key] !== undefined)
  if (clash) throw new TypeError(`${clash} cannot be given with adapter: the host's database has its own`)
}
