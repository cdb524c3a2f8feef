// driftdb's surface of a `DB`: tables by `define` and `registerModel`, and what its DB can tell.
// The tables are JsonModels like any other, in `db.store` too. Does not read or write records: that
// is repository.js.

import { TidelogError } from '../language/errors.js'
import { JsonModel } from '../models/json-model.js'
import { SQLite } from '../sql/sqlite.js'
import { columnsOf, schemaText } from './column.js'
import { Repository } from './repository.js'

/** What driftdb's constructor takes for S3, a later part of ours. */
const FOR_S3 = [
  's3Config',
  'syncIntervalMs',
  'snapshotEveryNLogs',
  'maxBatchSize',
  'compression',
  'encryption',
  'retryConfig',
]

export class Tables extends SQLite {
  // no private fields: inside a transaction methods run on an object that inherits from this one
  _tables = new Map()
  _nodeId

  constructor(options = {}, more = []) {
    const { sqlitePath, nodeId, autoSync, ...rest } = options ?? {}
    if (!options) throw new TypeError('options must be an object')
    const s3 = FOR_S3.find(name => name in rest)
    if (s3 || autoSync) notSupported(`option ${s3 ?? 'autoSync'}`)
    if (sqlitePath !== undefined && rest.file !== undefined)
      throw new TypeError('options: sqlitePath is another name of file: give one of them')
    super(sqlitePath === undefined ? rest : { ...rest, file: sqlitePath }, more)
    if (nodeId !== undefined && (typeof nodeId !== 'string' || !nodeId))
      throw new TypeError('options: nodeId must be a non-empty string')
    this._nodeId = nodeId
    // a given one is kept also if nobody asks
    if (nodeId !== undefined && !rest.readOnly) this.runOnceOnOpen(db => db.getNodeId())
  }

  /**
   * The repository of a table, which is made or extended when the database opens. Defining it again
   * with the same schema gives another one of the same table.
   */
  define(table, schema) {
    this._define(table, schema, {})
    return this.repository(table)
  }

  /** Gives a class that extends `Model` its table. */
  registerModel(Class) {
    if (typeof Class !== 'function')
      throw new TypeError('registerModel: give a class that extends Model')
    for (const name of ['tableName', 'schema']) {
      if (!Class[name]) throw new TypeError(`Model ${Class.name} must define a static '${name}'`)
    }
    this._define(Class.tableName, Class.schema, { Item: Class })
    Class._repo = this.repository(Class.tableName, Class)
  }

  /** The repository of a defined table; that of `tx` in `withTransaction(tx => …)` works inside. */
  repository(table, Item = this._tables.get(table)?.Item) {
    const { fields } = this._tables.get(table) ?? {}
    if (!fields) throw new TypeError(`repository: no table '${table}' was defined`)
    return new Repository(this.store[table], { db: this, fields, Item })
  }

  _define(table, schema, about) {
    const columns = columnsOf(table, schema)
    const text = schemaText(schema)
    const known = this._tables.get(table)
    if (known && known.text !== text)
      throw new TypeError(`define: '${table}' was defined with another schema`)
    if (!known) this.addModel(JsonModel, { name: table, columns })
    this._tables.set(table, { ...known, text, fields: Object.keys(columns), ...about })
  }

  /** `withTransaction`. */
  transaction(fn) {
    return this.withTransaction(fn)
  }

  /** Whether SQLite finds the file in order. */
  async integrityCheck() {
    const rows = await this.all('PRAGMA integrity_check')
    return rows.length === 1 && rows[0].integrity_check === 'ok'
  }

  /** What there is below: this database's own `run`, `get`, `all` and `exec`. */
  raw() {
    return this
  }

  /**
   * A name of this database's own, 12 hexadecimal digits or the option `nodeId`, kept in it;
   * driftdb's in a file of it.
   */
  async getNodeId() {
    const wanted = this._nodeId
    if (wanted && this._options.readOnly) return wanted
    const kept = await keptNodeId(this)
    if (kept && (wanted ?? kept) === kept) return kept
    return this.withTransaction(async tx => {
      // somebody else may have been first
      const id = wanted ?? (await keptNodeId(tx)) ?? newNodeId()
      await tx.run`CREATE TABLE IF NOT EXISTS ${NODE}ID (id TEXT NOT NULL PRIMARY KEY)`
      await tx.run`DELETE FROM ${NODE}ID`
      await tx.run`INSERT INTO ${NODE}ID VALUES (${id})`
      return id
    })
  }

  /** driftdb's figures; what tells of S3 stays at its start. */
  async getMetrics() {
    const { bytes } = await this.get(
      'SELECT page_count * page_size AS bytes FROM pragma_page_count, pragma_page_size',
    )
    return {
      lastSyncAt: null,
      lastSnapshotAt: null,
      pendingChanges: 0,
      dbSizeBytes: this.file === ':memory:' ? 0 : bytes,
      totalSynced: 0,
      syncErrors: 0,
      isRunning: false,
    }
  }

  /** Nothing waits for S3. */
  async flush() {}

  /** Nothing runs. */
  stopSync() {}

  async snapshot() {
    notSupported('snapshot')
  }

  startSync() {
    notSupported('startSync')
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

function notSupported(what) {
  throw new TidelogError('NOT_SUPPORTED', `${what} needs the sync to S3, which is not there yet`)
}
