// Opening a database with models: tables brought to their definitions, the application's migrations
// run between, all in one transaction. What happens to a table is the engine's; the order of
// things, users' functions and progress are here.

import { Codec } from '../documents/codec.js'
import { nullish } from '../documents/kinds.js'
import { parsePath } from '../documents/paths.js'
import { TidelogError } from '../language/errors.js'
import { JsonModel } from '../models/json-model.js'
import { at, move, put, take } from './places.js'

/** Documents read and written at a time. */
const BATCH = 200
/** Types of which the documents' text has another form than applications see. */
const CODED = ['DATE', 'BLOB', 'BIGINT', 'JSON']

/**
 * `[{key, up, run(tx)}]` of `{key: fn | {up} | false}`. `about(tx)` gives what each function is
 * called with.
 */
export function migrationsOf(group, given, about) {
  if (given === undefined || given === null) return []
  if (typeof given !== 'object') throw new TypeError(`${group}: migrations must be an object`)
  const found = []
  for (const [name, entry] of Object.entries(given)) {
    if (!entry) continue
    const up = typeof entry === 'function' ? entry : entry.up
    if (typeof up !== 'function')
      throw new TypeError(`${group}: migration '${name}' must be a function or {up}`)
    found.push({ key: `${name} ${group}`, up, run: tx => up(about(tx)) })
  }
  return found
}

/** The argument of a model's migrations. */
export const aboutModel = model => tx => ({
  ...model.migrationOptions,
  ...(tx.queue && { queue: tx.queue }),
  db: tx,
  model: tx.store[model.name],
})

/**
 * Brings the tables of `models` to their definitions and runs what has not run yet of `migrations`.
 * Any failure undoes everything.
 */
export async function migrate(db, models, { migrations = [], before, onProgress = () => {} }) {
  const engine = db._engine
  if (!models.length && !migrations.length && !before) return
  // classes of the application's own may write while migrations run, and else not
  const locked = Object.values(db.store).filter(
    model => !(model instanceof JsonModel) && model.setWritable,
  )
  const token = await engine.begin()
  try {
    const tx = db._boundTo(token)
    // `fn(db)` and `fn({db})` are both written
    tx.db = tx
    const queue = db._queueInMigration?.(tx)
    if (queue) tx.queue = queue
    tx.removeModel = async name => {
      if (!Object.hasOwn(db.store, name)) return engine.dropModel(name, token)
      const remedy = 'no longer add it to the database, then remove it'
      throw new TidelogError('DUPLICATE_MODEL', `removeModel: '${name}' is declared: ${remedy}`)
    }
    await tx._runInside(async () => {
      await before?.(tx)
      for (const model of locked) model.setWritable(true)
      const work = new Work(engine, token, tx, onProgress)
      await work.tables(models, migrations)
    })
  } catch (error) {
    engine.rollback(token)
    for (const model of models) engine.forgetModel(model.name)
    throw error
  } finally {
    for (const model of locked) model.setWritable(false)
  }
  try {
    await engine.commit(token)
  } catch (error) {
    for (const model of models) engine.forgetModel(model.name)
    throw error
  }
}

class Work {
  #engine
  #token
  #tx
  #tell
  /** Models of which columns wait for the migrations: how values of their old types are read. */
  #waiting = new Map()

  constructor(engine, token, tx, tell) {
    this.#engine = engine
    this.#token = token
    this.#tx = tx
    this.#tell = tell
  }

  async tables(models, migrations) {
    const isOwned = model => this.#tx._isOwned(model)
    const rewritten = models.map(model =>
      this.#engine.planModel(model._definition, isOwned(model), this.#token),
    )
    const left = this.#left(migrations)
    for (const model of models) {
      if (left.length && !isOwned(model)) await this.#shape(model)
      else await this.#stage('shape', model)
    }
    await this.#run(left)
    for (const model of models) if (this.#waiting.has(model.name)) await this.#settle(model)
    for (const [i, model] of models.entries()) {
      // events hold the values of what they own: those are made anew from the log
      if (rewritten[i].length && !isOwned(model)) await this.#rewrite(model)
    }
    for (const stage of ['rest', 'refer'])
      for (const model of models) await this.#stage(stage, model)
  }

  async #stage(stage, model) {
    for (;;) {
      const step = await this.#engine.migrateModel(model.name, stage, this.#token)
      if (!step) return
      const [phase, done, total] = step
      this.#tell({ phase, model: model.name, done, total })
    }
  }

  /**
   * Brings a table's columns to the definition: before the application's migrations run, so that
   * they find the new columns filled; or, where an old value has no form in a column's new type,
   * after them, so that they can change it.
   */
  async #shape(model) {
    const change = await this.#changeOf(model)
    if (!change.columns.length) await this.#stage('shape', model)
    else if (change.isCoded || !(await this.#shapedNow(model)))
      await this.#shapeLater(model, change)
  }

  /**
   * The changes of the definition to columns that hold values: `{columns, old, before(name)}`.
   * `isCoded`: one of them had a type whose values migrations see in another form than is stored:
   * they must still be read by it.
   */
  async #changeOf(model) {
    const { definition } = await this.#tx.get(
      'SELECT max(definition) definition FROM _models WHERE name = ?',
      [model.name],
    )
    const old = definition ? JSON.parse(definition) : { columns: [] }
    const before = name => old.columns.find(column => column.name === name)
    const columns = model._definition.columns.filter(
      column =>
        column.name !== model.idCol &&
        isReal(column) &&
        !column.aside &&
        !same(before(column.name), column),
    )
    const wasCoded = ({ name }) => isReal(before(name)) && CODED.includes(before(name).type)
    return { columns, old, before, isCoded: columns.some(wasCoded) }
  }

  /** Shapes the table; false, and nothing is done, when an old value does not fit. */
  async #shapedNow(model) {
    const depth = this.#engine.nest(this.#token)
    try {
      const { link } = this.#tx._now
      // a host without savepoints undoes by its own calls
      await (link ? link.around(() => this.#stage('shape', model)) : this.#stage('shape', model))
    } catch (error) {
      this.#engine.unnest(this.#token, depth, false)
      if (error.code === 'BAD_VALUE') return false
      throw error
    }
    this.#engine.unnest(this.#token, depth, true)
    return true
  }

  /** Leaves the values of changed columns in the documents, for migrations to change them there. */
  async #shapeLater(model, { columns, old, before }) {
    this.#replan(model, meanwhile(model._definition, before, columns))
    await this.#stage('shape', model)
    const coded = old.columns.map(({ name, path, type, real, aside }) => ({
      steps: path ? parsePath(path, name) : [name],
      type,
      real: isReal({ type, real }),
      aside,
    }))
    this.#waiting.set(model.name, new Codec(coded))
  }

  /** Makes the columns that waited; a value that does not fit now fails the opening. */
  async #settle(model) {
    await this.#stage('rest', model)
    this.#replan(model, model._definition)
    await this.#stage('shape', model)
  }

  #replan(model, definition) {
    this.#engine.forgetModel(model.name)
    this.#engine.planModel(definition, false, this.#token)
  }

  #left(migrations) {
    if (!migrations.length) return []
    const done = new Set(this.#engine.migrated(this.#token))
    const left = migrations.filter(({ key }) => !done.has(key))
    // as strings over all models together
    return left.sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0))
  }

  async #run(left) {
    if (!left.length) return
    for (const one of this.#tx._jsonModels()) {
      const model = this.#tx._modelOf(one)
      if (this.#tx._isOwned(one)) readOnly(model)
      else this.#equip(model)
    }
    for (const [i, { key, run }] of left.entries()) {
      try {
        await run(this.#tx)
      } catch (error) {
        if (error instanceof Error) error.message = `migration '${key}': ${error.message}`
        throw error
      }
      this.#engine.noteMigrated(key, Math.floor(Date.now() / 1000), this.#token)
      this.#tell({ phase: 'migrations', migration: key, done: i + 1, total: left.length })
    }
  }

  /** Gives a model the methods that it has in migrations only. */
  #equip(model) {
    model.renameColumn = (from, to) =>
      this.#change(model, doc => move(doc, pathOf(model, from), pathOf(model, to)))
    model.dropColumn = name =>
      this.#change(model, doc => take(doc, pathOf(model, name)) !== undefined)
    model.retypeColumn = (name, fn) => {
      if (typeof fn !== 'function')
        throw new TypeError(`${model.name}.retypeColumn: fn must be a function`)
      const path = pathOf(model, name)
      const codec = this.#waiting.get(model.name) ?? model._codec
      return this.#change(model, async (doc, text) => {
        const seen = codec.revive(JSON.parse(text))
        const value = at(seen, path)
        if (nullish(value)) return false
        const changed = await fn(value, seen)
        if (changed === undefined) take(doc, path)
        else put(doc, path, model._codec.encodeAt(changed, path, `${model.name}.retypeColumn`))
        return true
      })
    }
  }

  /** Has `fn` change the documents as they are stored; how many it says it changed. */
  async #change(model, fn) {
    let count = 0
    for await (const ids of this.#batches(model)) {
      const changed = []
      for (const text of this.#engine.documents(model.name, ids, this.#token)) {
        const doc = JSON.parse(text)
        if (await fn(doc, text)) changed.push(JSON.stringify(doc))
      }
      if (changed.length) this.#engine.rewrite(model.name, changed, this.#token)
      count += changed.length
    }
    return count
  }

  /** Writes every document again through its columns' functions. */
  async #rewrite(model) {
    const inside = this.#tx._modelOf(model)
    const total = await inside.count()
    let done = 0
    for await (const ids of this.#batches(model)) {
      // as they are stored: what SQL computes is no part of them
      await this.#again(inside, await Promise.all(ids.map(id => inside._stored(id))))
      done += ids.length
      this.#tell({ phase: 'versions', model: model.name, done, total })
    }
  }

  /** Writes documents again, together; when that fails one by one, to say which it was. */
  async #again(inside, docs) {
    try {
      await JsonModel.prototype.set.call(inside, docs, false, true)
    } catch (error) {
      if (docs.length > 1) for (const doc of docs) await this.#again(inside, [doc])
      else if (error instanceof Error)
        error.message = `${inside.name}: '${String(docs[0][inside.idCol])}' cannot be written anew: ${error.message}`
      throw error
    }
  }

  /** The ids in their order, some at a time. */
  async *#batches(model) {
    let after = null
    for (;;) {
      const ids = this.#engine.ids(model.name, after, BATCH, this.#token)
      if (!ids.length) return
      yield ids
      after = ids.at(-1)
    }
  }
}

/**
 * The methods that an event-owned model refuses in a migration: its rows are made from the log,
 * which would not have these writes.
 */
const WRITES = `set update remove delete changeId updateWhere removeWhere renameColumn retypeColumn dropColumn`

function readOnly(model) {
  const refuse = name => async () => {
    throw new TidelogError(
      'NOT_SUPPORTED',
      `${model.name}.${name} in a migration: its rows are made from events alone, so that all replicas have the same rows: change the reducers and raise 'version', or dispatch events when the database is open`,
    )
  }
  for (const name of WRITES.split(' ')) Object.defineProperty(model, name, { value: refuse(name) })
}

const isReal = column => Boolean(column && column.sql == null && (column.real || column.type))

/** Whether a column holds the values it held. */
const same = (before, column) =>
  isReal(before) &&
  (before.type ?? null) === (column.type ?? null) &&
  (before.path ?? null) === (column.path ?? null)

/** A definition under which the columns of `waiting` stay in the documents as they are. */
function meanwhile(definition, before, waiting) {
  const columns = definition.columns.map(column => {
    const { name, path } = column
    if (waiting.includes(column)) return { name, path }
    const { index, unique, fts, ...rest } = column
    return { ...rest, foreignKey: column.foreignKey ?? before(name)?.foreignKey }
  })
  return { ...definition, columns, indexes: [], tokenize: undefined }
}

/** The steps to a declared column's value, or along a path. */
function pathOf(model, name) {
  if (typeof name !== 'string' || !name)
    throw new TypeError(`${model.name}: a column's name must be a string`)
  if (name === model.idCol)
    throw new TypeError(
      `${model.name}: '${name}' is the id, which a migration of columns cannot change: use changeId`,
    )
  return model.columns[name]?.steps ?? parsePath(name, model.name)
}
