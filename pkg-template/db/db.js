// `DB`: a database with models and migrations. Its methods of driftdb hand on to drift/drift.js;
// the opening of tables and the running of migrations is migrations.js's.

import { Drift, driftOptions } from '../drift/drift.js'
import { TidelogError } from '../language/errors.js'
import { JsonModel } from '../models/json-model.js'
import { SQLite } from '../sql/sqlite.js'
import { aboutModel, migrate, migrationsOf } from './migrations.js'

/** The options of `DB` beyond those of `SQLite`. */
export const DB_OPTIONS = ['migrations', 'onBeforeMigrations', 'onProgress']

/** @typedef {import('../types/db.js').DB} Declared */

export class DB extends SQLite {
  /** `{key, up, run}` of the application's migrations. */
  _migrations = []
  /** JsonModels that were made without `addModel`. */
  _loose = []
  /** Queues of events that were made for this database: they are no JsonModels. */
  _queues = []
  /** The model that a constructor makes while `addModel` runs it. */
  _constructed
  /** driftdb's surface of this database. */
  _drift

  constructor(given = {}, more = []) {
    const { nodeId, options } = driftOptions(given)
    super(options, [...DB_OPTIONS, ...more])
    this._drift = new Drift(this, nodeId)
    if (nodeId !== undefined && !options.readOnly) this.runOnceOnOpen(db => db.getNodeId())
    const { migrations = [], onBeforeMigrations, onProgress } = options
    for (const [name, fn] of Object.entries({ onBeforeMigrations, onProgress })) {
      if (fn !== undefined && typeof fn !== 'function')
        throw new TypeError(`${name} must be a function`)
    }
    if (!Array.isArray(migrations))
      throw new TypeError('migrations must be an array of {runKey, up}')
    for (const { runKey, up } of migrations) {
      if (typeof runKey !== 'string' || typeof up !== 'function')
        throw new TypeError('migrations must be an array of {runKey, up}')
      this._addMigrations('migrations', [{ key: runKey, up, run: up }])
    }
  }

  /** Adds migrations; of two functions with one key only one would ever run. */
  _addMigrations(what, migrations) {
    const known = new Map(this._migrations.map(({ key, up }) => [key, up]))
    const twice = migrations.find(({ key, up }) => known.has(key) && known.get(key) !== up)
    if (twice)
      throw new TypeError(
        `${what}: there are two migrations '${twice.key}', of which only one would run: give one another key`,
      )
    this._migrations.push(...migrations.filter(({ key }) => !known.has(key)))
  }

  /**
   * Adds a model; its table is made or brought to its definition when the database opens. Gives the
   * model. A class that is no JsonModel gets `{...options, db}` as well, has tables of its own, and
   * is only kept in `store`.
   */
  addModel(Model, options = {}) {
    if (typeof Model !== 'function') throw new TypeError('addModel: Model must be a class')
    const { model, made } = this._construct(() => new Model({ ...options, db: this }))
    if (Object.hasOwn(this.store, model.name))
      throw new TypeError(
        `addModel: a model '${model.name}' was added already: give this one another name`,
      )
    for (const one of made) this._register(one, one !== model)
    this.store[model.name] = model
    return model
  }

  /** The object that `make` gives, and the models and queues that it made on the way. */
  _construct(make) {
    const before = this._constructed
    const made = []
    this._constructed = made
    try {
      return { model: make(), made }
    } finally {
      this._constructed = before
    }
  }

  /** A model or a queue has been made for this database, by `addModel` or by itself. */
  _made(model) {
    if (this._constructed) this._constructed.push(model)
    else this._register(model, true)
  }

  _register(model, isLoose) {
    const own = migrationsOf(model.name, model.migrations, aboutModel(model))
    this._addMigrations(model.name, own)
    if (!(model instanceof JsonModel)) this._queues.push(model)
    else if (isLoose) this._loose.push(model)
    if (this._now.opening) this._prepareLate(model, own)
  }

  /**
   * Adds migrations `{key: fn(db) | {up}}`; each runs once ever, in the order of `key group` as
   * strings.
   * @type {Declared['registerMigrations']}
   */
  registerMigrations(group, migrations) {
    if (typeof group !== 'string' || !group)
      throw new TypeError('registerMigrations: group must be a string')
    if (this._now.opening)
      throw new Error(
        'registerMigrations: the database is open, and migrations already done: register them before',
      )
    const given = /** @type {Record<string, any>} */ (migrations ?? {})
    for (const [key, entry] of Object.entries(given)) {
      if (typeof (entry?.up ?? entry) !== 'function')
        throw new TypeError(`registerMigrations: '${key}' must be a function or {up}`)
    }
    this._addMigrations(
      'registerMigrations',
      migrationsOf(group, migrations, tx => tx),
    )
  }

  /**
   * A model added to an open database: calls wait until its table is there. When that fails they
   * are told why, and the model's next call tries again.
   */
  _prepareLate(model, migrations) {
    const before = this._settling ?? this._now.opening
    const prepare = () => this._prepare([model], migrations)
    const settling = this._now.running.of(() => before.then(prepare))
    const settled = () => {
      if (this._settling === settling) this._settling = undefined
    }
    const failed = () => {
      settled()
      model._again = () => {
        model._again = undefined
        if (this._now.opening) this._prepareLate(model, migrations)
      }
    }
    this._settling = settling
    settling.then(settled, failed)
  }

  /** Deprecated name of `store`. */
  get models() {
    return this.store
  }

  /** Whether only events write to a model. */
  _isOwned(_model) {
    return false
  }

  /** Every model that has a definition, in `store` or not. */
  _jsonModels() {
    const stored = Object.values(this.store).filter(model => model instanceof JsonModel)
    return [...stored, ...this._loose]
  }

  async _prepareModels() {
    const members = [...this._jsonModels(), ...this._queues]
    await this._prepare(members, this._migrations, this._options.onBeforeMigrations)
  }

  async _prepare(members, migrations, before) {
    const { _engine: engine } = this
    const models = members.filter(member => member instanceof JsonModel)
    engine.claim(models.filter(model => this._isOwned(model)).map(model => model.name))
    if (this._options.readOnly) {
      for (const model of models) engine.declareModel(model._definition, this._isOwned(model))
      for (const model of models) await this._checkColumns(model)
    } else {
      await migrate(this, models, { migrations, before, onProgress: this._options.onProgress })
    }
    for (const member of members) await member._prepare?.(engine)
  }

  /** Refuses columns that the table of a read-only database doesn't have: each read would fail. */
  async _checkColumns({ name, columnArr }) {
    const rows = await this._child(this._engine).all('SELECT name FROM pragma_table_xinfo(?)', [
      name,
    ])
    const there = new Set(rows.map(row => row.name.toLowerCase()))
    const missing = columnArr.find(column => column.real && !there.has(column.name.toLowerCase()))
    if (!there.size || !missing) return
    throw new TidelogError(
      'SQLITE_READONLY',
      `${this.name}: the table '${name}' has no column '${missing.name}' yet: open the database once without readOnly, which makes it`,
    )
  }

  // driftdb's surface: on a transaction's object each works inside it

  define(table, schema) {
    return this._drift.of(this).define(table, schema)
  }

  /** @type {Declared['registerModel']} */
  registerModel(Class) {
    return this._drift.of(this).registerModel(Class)
  }

  repository(table) {
    return this._drift.of(this).repository(table)
  }

  transaction(fn) {
    return this._drift.of(this).transaction(fn)
  }

  /** @type {Declared['integrityCheck']} */
  integrityCheck() {
    return this._drift.of(this).integrityCheck()
  }

  raw() {
    return this._drift.of(this).raw()
  }

  /** @type {Declared['getNodeId']} */
  getNodeId() {
    return this._drift.of(this).getNodeId()
  }

  /** @type {Declared['getMetrics']} */
  getMetrics() {
    return this._drift.of(this).getMetrics()
  }

  /** @type {Declared['flush']} */
  flush() {
    return this._drift.of(this).flush()
  }

  /** @type {Declared['snapshot']} */
  snapshot() {
    return this._drift.of(this).snapshot()
  }

  startSync() {
    return this._drift.of(this).startSync()
  }

  /** @type {Declared['stopSync']} */
  stopSync() {
    return this._drift.of(this).stopSync()
  }
}
