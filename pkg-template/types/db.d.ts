// Types of `DB`: models, migrations, and driftdb's members of it.

import type { Untyped } from '../worker.js'
import type { Added } from './added.js'
import type { Columns, Validate } from './columns.js'
import type { ModelClass, NewRecord, RecordOf, Repository, Schema } from './define.js'
import type { EventQueue } from './events.js'
import type { AnyModel, JsonModel, ModelOptions } from './model.js'
import type { SQLite, SQLiteOptions } from './sql.js'

/**
 * The argument of a migration: the database and the models bound to the migrations' transaction,
 * and the model's options.
 */
export interface MigrationArgs {
  /** The database inside the transaction of the migrations. */
  db: MigrationDB
  /** The model, for a model's own migrations; as {@link MigrationModel} says. */
  model?: Untyped
  /** The events, to be read, where events own the models. */
  queue?: EventQueue
  /** The properties of the model's `migrationOptions`. */
  [option: string]: Untyped
}
/** A database as a migration has it; its models are as {@link MigrationModel} says. */
export interface MigrationDB extends DB<Untyped> {
  /** Removes the table of a model that is no longer added; else rejects with `DUPLICATE_MODEL`. */
  removeModel(name: string): Promise<void>
}

/** Runs once, in the one transaction of all. */
export type Migration =
  | ((args: MigrationArgs) => unknown)
  | { up: (args: MigrationArgs) => unknown }

/** A step in the opening of a database. */
export interface Progress {
  /**
   * `migrations`, or the part of a model's table that is made: `columns`, `versions`, `indexes` and
   * others.
   */
  phase: string
  /** The model, where one is being made fit. */
  model?: string
  /** The key of a migration that has run. */
  migration?: string
  /** The number of steps, or rows, that are done. */
  done: number
  /** The number of all of them. */
  total: number
}

export interface DBOptions extends SQLiteOptions {
  /**
   * Migrations with their keys, of which no two are the same; all together run in the order of the
   * keys' text.
   */
  migrations?: readonly { runKey: string; up: (args: MigrationArgs) => unknown }[]
  /** Awaited before the migrations, when there are any to run; gets the database to use there. */
  onBeforeMigrations?: (db: Untyped) => unknown
  /** Told each step when tables, columns, indexes or rows are made fit for the models. */
  onProgress?: (progress: Progress) => void
  /** driftdb's name of `file`. */
  sqlitePath?: string
  /** The value of `getNodeId` from now on, also when the file is opened without this option. */
  nodeId?: string
  /** There is no sync to S3 yet. */
  autoSync?: false
}

/** driftdb's figures. */
export interface Metrics {
  /** Null: there is no sync to S3. */
  lastSyncAt: number | null
  /** Null: there is no sync to S3. */
  lastSnapshotAt: number | null
  /** 0: there is no sync to S3. */
  pendingChanges: number
  /** Bytes of the file; 0 for a database in memory. */
  dbSizeBytes: number
  /** 0: there is no sync to S3. */
  totalSynced: number
  /** 0: there is no sync to S3. */
  syncErrors: number
  /** False: there is no sync to S3. */
  isRunning: boolean
}

/** A database with models. `Store` types `store`: `new DB<{things: Things}>()`. */
export class DB<Store extends object = Record<string, Untyped>> extends SQLite {
  /** Opens nothing yet. Throws a `TypeError` for options that are unknown or of another type. */
  constructor(options?: DBOptions)
  /** The models by name. */
  store: string extends keyof Store ? Untyped : Store
  /** Deprecated name of `store`. */
  readonly models: this['store']
  /**
   * Keeps an instance of a class that is no `JsonModel` in `store`: it gets `{...options, db}`, and
   * sees to its tables.
   */
  addModel<M extends new (options: Untyped) => object>(
    Model: InstanceType<M> extends AnyModel ? never : M,
    options?: object,
  ): InstanceType<M>
  /**
   * Adds a model; its table is made or extended when the database opens. Documents, searches and
   * results of a `JsonModel` are typed by its definition.
   */
  addModel<
    M extends new (
      options: Untyped,
    ) => AnyModel = typeof JsonModel,
    const C extends Columns = Columns,
    const IdCol extends string = 'id',
    const V extends Validate | undefined = Validate | undefined,
  >(Model: M, options?: ModelOptions<C, IdCol, V>): Added<M, C, IdCol, V>
  /** Adds migrations before the database is open. */
  registerMigrations(group: string, migrations: { readonly [key: string]: Migration }): void

  // driftdb's methods; in a transaction those of its `tx` work inside

  /** driftdb: the repository of a table, which is made or extended when the database opens. */
  define<const S extends Schema>(table: string, schema: S): Repository<RecordOf<S>, NewRecord<S>>
  /** driftdb: gives a class with static `tableName` and `schema` its table. */
  registerModel(Class: ModelClass): void
  /** driftdb: the repository of a defined table; that of a transaction's `tx` works inside. */
  repository<T extends object = Untyped>(table: string): Repository<T>
  /** driftdb: `withTransaction`. */
  transaction<T>(fn: (tx: this) => T | Promise<T>): Promise<T>
  /** driftdb: the file's size; the figures of S3 stay as at the start, for there is no sync. */
  getMetrics(): Promise<Metrics>
  /** driftdb: whether SQLite finds the file in order. */
  integrityCheck(): Promise<boolean>
  /** driftdb: the database below: this one. */
  raw(): this
  /**
   * driftdb: the database's own name: `nodeId`, what a driftdb file has, or 12 random hexadecimal
   * digits. Kept in the file.
   */
  getNodeId(): Promise<string>
  /** driftdb: resolves at once, for nothing waits for S3. */
  flush(): Promise<void>
  /** driftdb: rejects with `NOT_SUPPORTED`: there is no sync to S3. */
  snapshot(): Promise<never>
  /** driftdb: throws `NOT_SUPPORTED`: there is no sync to S3. */
  startSync(): never
  /** driftdb: does nothing, for there is no sync to S3. */
  stopSync(): void
}
