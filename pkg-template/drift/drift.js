// driftdb's surface of a database, beside the `DB` that hands its calls on to here: tables by
// `define` and `registerModel`, and the figures that driftdb's database has of itself. The tables
// are JsonModels like any other, in `db.store` too. Reading and writing records is repository.js's.
// There is no sync to S3 here: the methods that need it say so.

import { TidelogError } from '../language/errors.js'
import { JsonModel } from '../models/json-model.js'
import { columnsOf, schemaText } from './column.js'
import { Repository } from './repository.js'

/** The options of driftdb's constructor for its sync to S3. */
const FOR_S3 = [
  's3Config',
  'syncIntervalMs',
  'snapshotEveryNLogs',
  'maxBatchSize',
  'compression',
  'encryption',
  'retryConfig',
]

/**
 * driftdb's options of a database: `{nodeId, options}`, where `options` are what `SQLite` and `DB`
 * know. `sqlitePath` is driftdb's name of `file`.
 */
export function driftOptions(given) {
  if (typeof given !== 'object' || given === null) throw new TypeError('options must be an object')
  const { sqlitePath, nodeId, autoSync, ...options } = given
  const s3 = FOR_S3.find(name => name in options)
  if (s3 || autoSync) throw notSupported(`the option ${s3 ?? 'autoSync'}`)
  if (nodeId !== undefined && (typeof nodeId !== 'string' || !nodeId))
    throw new TypeError('options: nodeId must be a non-empty string')
  if (sqlitePath === undefined) return { nodeId, options }
  if (options.file !== undefined)
    throw new TypeError('options: sqlitePath is another name of file: give one of them')
  return { nodeId, options: { ...options, file: sqlitePath } }
}

export class Drift {
  #db
  #nodeId
  /** By name `{text, fields, Item?}`: the schema as text, its properties, the class of records. */
  #tables

  /** `nodeId` is the option; it is kept in the database also if nobody asks for it. */
  constructor(db, nodeId, tables = new Map()) {
    this.#db = db
    this.#nodeId = nodeId
    this.#tables = tables
  }

  /** This surface on `db`: the database, or what a hook or a transaction has of it. */
  of(db) {
    return db === this.#db ? this : new Drift(db, this.#nodeId, this.#tables)
  }

  /**
   * The repository of a table, which is made or extended when the database opens. Defining it again
   * with the same schema gives another one of the same table.
   */
  define(table, schema) {
    this.#define(table, schema, {})
    return this.repository(table)
  }

  /** Gives a class that extends `Model` its table. */
  registerModel(Class) {
    if (typeof Class !== 'function')
      throw new TypeError('registerModel: give a class that extends Model')
    for (const name of ['tableName', 'schema']) {
      if (!Class[name]) throw new TypeError(`Model ${Class.name} must define a static '${name}'`)
    }
    this.#define(Class.tableName, Class.schema, { Item: Class })
    Class._repo = this.repository(Class.tableName, Class)
  }

  /** The repository of a defined table; that of `tx` in `withTransaction(tx => …)` works inside. */
  repository(table, Item = this.#tables.get(table)?.Item) {
    const { fields } = this.#tables.get(table) ?? {}
    if (!fields)
      throw new TypeError(
        `repository: no table '${table}' was defined: call define('${table}', schema) first`,
      )
    return new Repository(this.#db.store[table], { db: this.#db, fields, Item })
  }

  #define(table, schema, about) {
    const columns = columnsOf(table, schema)
    const text = schemaText(schema)
    const known = this.#tables.get(table)
    if (known && known.text !== text)
      throw new TypeError(
        `define: the table '${table}' was defined with another schema: give the same one, or another name`,
      )
    if (!known) this.#db.addModel(JsonModel, { name: table, columns })
    this.#tables.set(table, { ...known, text, fields: Object.keys(columns), ...about })
  }

  /** `withTransaction`. */
  transaction(fn) {
    return this.#db.withTransaction(fn)
  }

  /** Whether SQLite finds the file in order. */
  async integrityCheck() {
    const rows = await this.#db.all('PRAGMA integrity_check')
    return rows.length === 1 && rows[0].integrity_check === 'ok'
  }

  /** The database below: its own `run`, `get`, `all` and `exec`. */
  raw() {
    return this.#db
  }

  /**
   * The database's own name, 12 hexadecimal digits or the option `nodeId`, kept in it; driftdb's in
   * a file of driftdb's.
   */
  async getNodeId() {
    const db = this.#db
    const wanted = this.#nodeId
    if (wanted && db._options.readOnly) return wanted
    const kept = await keptNodeId(db)
    if (kept && (wanted ?? kept) === kept) return kept
    return db.withTransaction(async tx => {
      // somebody else may have been first
      const id = wanted ?? (await keptNodeId(tx)) ?? newNodeId()
      await tx.run`CREATE TABLE IF NOT EXISTS ${NODE}ID (id TEXT NOT NULL PRIMARY KEY)`
      await tx.run`DELETE FROM ${NODE}ID`
      await tx.run`INSERT INTO ${NODE}ID VALUES (${id})`
      return id
    })
  }

  /** driftdb's figures: the file's size, and that nothing was ever synced to S3. */
  async getMetrics() {
    const db = this.#db
    const { bytes } = await db.get(
      'SELECT page_count * page_size AS bytes FROM pragma_page_count, pragma_page_size',
    )
    return {
      lastSyncAt: null,
      lastSnapshotAt: null,
      pendingChanges: 0,
      dbSizeBytes: db.file === ':memory:' ? 0 : bytes,
      totalSynced: 0,
      syncErrors: 0,
      isRunning: false,
    }
  }

  /** Resolves when nothing waits for S3, which is now. */
  async flush() {}

  /** Ends the sync to S3, of which there is none. */
  stopSync() {}

  async snapshot() {
    throw notSupported('snapshot')
  }

  startSync() {
    throw notSupported('startSync')
  }
}

/** The table of the node's name. */
const NODE = '_node'

async function keptNodeId(db) {
  const tables =
    await db.all`SELECT name FROM sqlite_master WHERE name IN (${NODE}, '_driftdb_meta')`
  const has = name => tables.some(table => table.name === name)
  const kept = has(NODE) && (await db.get`SELECT id FROM ${NODE}ID`)
  if (kept) return kept.id
  return has('_driftdb_meta')
    ? (await db.get`SELECT value AS id FROM _driftdb_meta WHERE key = 'nodeId'`)?.id
    : undefined
}

function newNodeId() {
  const bytes = crypto.getRandomValues(new Uint8Array(6))
  return Array.from(bytes, byte => byte.toString(16).padStart(2, '0')).join('')
}

const notSupported = what =>
  new TidelogError(
    'NOT_SUPPORTED',
    `${what} needs a sync to S3, which this version does not have: leave it out`,
  )
