// Types of tidelog: the class API for workers, Node, Bun and Deno.

import type { BrowserStorage, Event, StorageStatus, SyncOptions, SyncStatus, Untyped } from './worker.js'

export type { BrowserStorage, Event, StorageStatus, SyncOptions, SyncStatus, Untyped } from './worker.js'

/** Every `code` of a {@link TidelogError}; SQLite's own names begin with `SQLITE_`. */
export type ErrorCode =
  | `SQLITE_${string}`
  | 'LOCKED'
  | 'QUOTA'
  | 'IO'
  | 'NOT_FOUND'
  | 'EXISTS'
  | 'NEWER_FORMAT'
  | 'CORRUPT'
  | 'CLOSED'
  | 'BAD_NAME'
  | 'BAD_VALUE'
  | 'UNKNOWN_MODEL'
  | 'DUPLICATE_MODEL'
  | 'UNKNOWN_COLUMN'
  | 'REQUIRED'
  | 'INVALID'
  | 'EEXIST'
  | 'ENOENT'
  | 'USER'
  | 'TOO_LARGE'
  | 'PROTOCOL'
  | 'FORBIDDEN'
  | 'REJECTED'
  | 'NOT_SUPPORTED'
  | 'CRASHED'
  | 'LEADER_LOST'
  | 'VERSION_SKEW'

/** An error of the package. Misuse of the API is a `TypeError` that names the argument instead. */
export class TidelogError extends Error {
  constructor(code: ErrorCode, message: string, options?: { cause?: unknown })
  readonly name: 'TidelogError'
  code: ErrorCode
  /** With code `USER`: what the application's function threw. */
  cause?: unknown
}

/** What SQLite stores. Integers come back as numbers while they are safe, else as BigInt. */
export type SqlValue = null | boolean | number | bigint | string | Uint8Array
/** Values for `?` in order, or for `:name`, `@name` and `$name` by name; every one must be there. */
export type SqlParams = readonly SqlValue[] | { readonly [name: string]: SqlValue }
export type SqlRow = Record<string, null | number | bigint | string | Uint8Array>

export interface SQLiteOptions {
  /** A path; default `:memory:`. In a browser it names a database of the origin. */
  file?: string
  /** For messages. Default: the file's base name. */
  name?: string
  readOnly?: boolean
  /** `strict` (default): flushed before a write resolves. `relaxed`: survives a killed process, not a power loss. */
  durability?: 'strict' | 'relaxed'
  /** Browsers only: where to keep it, instead of the best storage there is. */
  storage?: BrowserStorage
  /** Awaited before the database is opened; throwing fails the open, which can be tried again. */
  onWillOpen?: () => unknown
  /** Awaited before anybody else can use the open database. */
  onDidOpen?: (db: Untyped) => unknown
}

/**
 * A template tag: `${x}` becomes a parameter, `${x}ID` an identifier, `${x}LIT` raw text, `${x}JSON` JSON text.
 * @returns the text and its values
 */
export function sql(strings: TemplateStringsArray, ...values: unknown[]): [string, unknown[]]
export namespace sql {
  /** A name as an SQL identifier. */
  function quoteId(name: string): string
}

type Statement<Result> = {
  (text: string, params?: SqlParams): Promise<Result>
  (strings: TemplateStringsArray, ...values: unknown[]): Promise<Result>
}

/** One lazily opened SQLite database. A failed open is tried again by the next call. */
export class SQLite {
  static sql: typeof sql
  constructor(options?: SQLiteOptions)
  readonly file: string
  readonly name: string
  readonly isOpen: boolean
  readonly inTransaction: boolean
  /** How the database is kept. The event `kept` is emitted when this changes. */
  readonly status: StorageStatus
  sql: typeof sql
  open(): Promise<this>
  /** Waits for running operations and lets the files go. The next call opens it again. */
  close(): Promise<void>
  /** Runs `fn` now if the database is open, else once when it opens. */
  runOnceOnOpen(fn: (db: this) => unknown): unknown
  /** Runs a statement that writes. */
  run: Statement<{ changes: number; lastID: number | bigint }>
  /** All rows. */
  all: Statement<SqlRow[]>
  /** The first row. */
  get: Statement<SqlRow | undefined>
  /** Calls `fn` with each row; resolves to their number. */
  each(text: string, fn: (row: SqlRow) => void): Promise<number>
  each(text: string, params: SqlParams | undefined, fn: (row: SqlRow) => void): Promise<number>
  /** Runs statements without parameters. */
  exec(text: string): Promise<void>
  /**
   * Runs `fn` in one transaction: committed when it resolves, undone when it rejects. `fn(tx)` works through `tx`, and
   * only that is inside; while an `fn` of no arguments runs, every call on this database joins in. Nests.
   */
  withTransaction<T>(fn: (tx: this) => T | Promise<T>): Promise<T>
  /** The same. */
  batch<T>(fn: (tx: this) => T | Promise<T>): Promise<T>
  on(name: 'begin' | 'end' | 'rollback', fn: () => void): this
  on(name: 'change', fn: (tables: string[]) => void): this
  once(name: string, fn: (...args: Untyped[]) => void): this
  off(name: string, fn: (...args: Untyped[]) => void): this
}

/** The names of the databases; in Node, Bun and Deno those in `directory`. */
export function listDatabases(directory?: string): Promise<string[]>
/** A database as the bytes of an SQLite file. Rejects with `NOT_FOUND`, or `LOCKED` while it is open. */
export function exportDatabase(file: string): Promise<Uint8Array>
/** Makes a database of an SQLite file's bytes. Rejects with `EXISTS`, and with `CORRUPT` for other bytes. */
export function importDatabase(file: string, bytes: Uint8Array): Promise<void>
/** Removes a database and all it has. Rejects with `LOCKED` while it is open. */
export function deleteDatabase(file: string): Promise<void>
/** Gives a database another name. Rejects with `NOT_FOUND`, `EXISTS` or `LOCKED`. */
export function renameDatabase(file: string, to: string): Promise<void>

/** A declared column. Without `type` or `real` it is virtual: an expression over the JSON, that can be indexed. */
export interface Column<Doc = Untyped> {
  /** What it holds; makes it a column of the table. */
  type?: 'TEXT' | 'NUMERIC' | 'INTEGER' | 'REAL' | 'JSON'
  real?: boolean
  /** Where the value is in the document, dotted. Default: the column's name. */
  path?: string
  /** Real columns: keep the value in the column alone and put it back when reading. Default true. */
  get?: boolean
  /** `true` leaves out rows without a value unless `unique`, `default` or `required` ask for all. */
  index?: boolean | 'ALL' | 'SPARSE'
  unique?: boolean
  /** Stored when there is no value. */
  default?: unknown
  /** Without a value `set` rejects with `REQUIRED`. */
  required?: boolean
  /** Computes the stored value from the document; for the id only when there is none. */
  value?: (doc: Doc) => unknown
}

export interface ModelOptions<Doc = Untyped> {
  /** The database; `addModel` gives it. */
  db?: SQLite
  /** The table. */
  name?: string
  /** Default `id`. */
  idCol?: string
  columns?: Record<
    string,
    Column<Doc> | ((about: { columnName: string }) => Column<Doc> | undefined) | undefined
  >
  /** What results are instances of. */
  ItemClass?: new () => Untyped
  /** For ids that are not integers: rows keep their rowid over a VACUUM. Default true. */
  keepRowId?: boolean
}

export type Id = string | number | bigint
/** Columns and the values they must have. Null and undefined are no condition. */
export type Attrs = Record<string, string | number | bigint | boolean | null | undefined>

export interface SearchOptions {
  /** 0 and undefined mean all. */
  limit?: number
  offset?: number
  /** `{column: n}`: by |n| ascending; negative means descending, 0 is ignored. */
  sort?: Record<string, number>
  /** Give the array alone. */
  itemsOnly?: boolean
  /** Don't count all matches. */
  noTotal?: boolean
  noCursor?: boolean
}

/** A table of JSON documents. */
export class JsonModel<Doc = Untyped> {
  constructor(options: ModelOptions<Doc>)
  readonly db: SQLite
  readonly name: string
  readonly idCol: string
  /** Writes a document whole, or an array of them all or none. Rejects with `SQLITE_CONSTRAINT_…` as SQLite does. */
  set(doc: Partial<Doc>, insertOnly?: boolean, noReturn?: boolean): Promise<Doc>
  set(docs: Partial<Doc>[], insertOnly?: boolean, noReturn?: boolean): Promise<Doc[]>
  /** Merges property by property; null and undefined remove one. Rejects with `ENOENT` unless `upsert`. */
  update(doc: Partial<Doc>, upsert?: boolean, noReturn?: boolean): Promise<Doc>
  remove(idOrDoc: Id | Partial<Doc>): Promise<Untyped>
  get(id: Id): Promise<Doc | undefined>
  getAll(ids: Id[]): Promise<(Doc | undefined)[]>
  all(): Promise<Doc[]>
  search(attrs: Attrs | undefined, options: SearchOptions & { itemsOnly: true }): Promise<Doc[]>
  search(attrs?: Attrs, options?: SearchOptions): Promise<{ items: Doc[]; total?: number }>
  searchAll(attrs?: Attrs, options?: SearchOptions): Promise<Doc[]>
  searchOne(attrs?: Attrs, options?: SearchOptions): Promise<Doc | undefined>
  count(attrs?: Attrs): Promise<number>
  exists(idOrAttrs?: Id | Attrs): Promise<boolean>
  /** The matching documents, and again after each commit that changed them. A slow reader gets the newest only. */
  live(attrs?: Attrs, options?: SearchOptions): AsyncIterable<Doc[]>
}

/** A database with models. */
export class DB extends SQLite {
  /** The models by name. */
  store: Record<string, Untyped>
  /** Adds a model; its table is made or extended when the database opens. */
  addModel<M extends JsonModel>(Model: new (options: Untyped) => M, options?: ModelOptions): M
}

/** What a reducer wants done to its model. */
export interface Result<Doc = Untyped> {
  /** Ids to remove. */
  rm?: Id[]
  /** Documents to insert; one that exists fails the event. */
  ins?: Doc[]
  /** Documents to write whole. */
  set?: Doc[]
  /** Changes to existing documents; a missing one fails the event. */
  upd?: Partial<Doc>[]
  /** Changes to documents that are made when missing. */
  sav?: Partial<Doc>[]
  /** The event is fine, and has no effect. */
  esFail?: string
  /** Fails the event. */
  error?: unknown
}

interface PhaseArgs<Model = Untyped> {
  event: Event
  model: Model
  /** The models as they are inside the event's transaction. */
  store: Record<string, Untyped>
}

/** A model of an EventSourcingDB and its functions, sync or async. */
export interface ESModelDefinition<Doc = Untyped> extends Omit<ModelOptions<Doc>, 'db' | 'name'> {
  /** Default: ESModel. */
  Model?: Untyped
  /** Where an event is made: may change its type and data before it is logged. */
  preprocessor?: (args: PhaseArgs & { cache: object }) => unknown
  /** On every replica: what the event does. Must depend on the event and the models alone. */
  reducer?: (
    args: PhaseArgs & { cache: object },
  ) => Result<Doc> | undefined | false | null | Promise<Result<Doc> | undefined>
  /** On every replica, after the results were applied: may write to the models. */
  deriver?: (args: PhaseArgs & { result?: Result<Doc> }) => unknown
}

/** A model whose writes are events. */
export class ESModel<Doc = Untyped> extends JsonModel<Doc> {
  static REMOVE: 0
  static SET: 1
  static INSERT: 2
  static UPDATE: 3
  static SAVE: 4
  constructor(options: ModelOptions<Doc> & { dispatch: (events: Untyped[]) => Promise<Untyped[]> })
  /** With `insertOnly` an existing id rejects with `EEXIST`. */
  set(doc: Partial<Doc>, insertOnly?: boolean, noReturn?: boolean, meta?: unknown): Promise<Doc>
  set(docs: Partial<Doc>[], insertOnly?: boolean, noReturn?: boolean, meta?: unknown): Promise<Doc[]>
  update(doc: Partial<Doc>, upsert?: boolean, noReturn?: boolean, meta?: unknown): Promise<Doc>
  /** True, also when there was none. */
  remove(idOrDoc: Id | Partial<Doc>, meta?: unknown): Promise<true>
}

/** An event in the queue. */
export interface QueuedEvent extends Event {
  /** Not confirmed by the server. */
  pending: boolean
  /** The replica that made it, once confirmed. */
  client?: string
  /** The server's verdict, if it rejected the event. */
  code?: string
  /** Why the event has no effect. */
  error?: string
}

/** Confirmed events, then pending ones. */
export class EventQueue {
  add(type: string, data?: unknown, ts?: number): Promise<Event>
  get(v: number): Promise<QueuedEvent | undefined>
  getNext(v?: number, noWait?: boolean): Promise<QueuedEvent | undefined>
  getMaxV(): Promise<number>
  search(
    attrs?: { type?: string },
    options?: { limit?: number; sort?: { v: number }; after?: number; itemsOnly?: false },
  ): Promise<{ items: QueuedEvent[] }>
  count(attrs?: { type?: string }): Promise<number>
  live(
    attrs?: { type?: string },
    options?: { limit?: number; sort?: { v: number } },
  ): AsyncIterable<QueuedEvent[]>
}

export interface EventSourcingOptions extends SQLiteOptions {
  models: Record<string, ESModelDefinition>
  sync?: SyncOptions
  /** The version of the reducers: another one than last time rebuilds what they made. Default 0. */
  version?: number
  /**
   * The types of events that this version of the application makes and understands, each with its schema version
   * (default 0). When given, a confirmed event of another type, or of a newer version, holds the state: nothing from
   * it on is applied (`status.sync.held`) until a version that knows it opens the database, while the log goes on. An
   * `optional` one is passed over instead. Without `types` only events of models that are not there hold.
   */
  types?: Record<string, number | { tv?: number; optional?: boolean }>
  /** Events that fail where they are made reject. The other policies are not built yet. */
  onError?: 'reject'
}

export interface Dispatched extends Event {
  /** Resolves when the server's log holds the event; rejects with the server's or the reducers' verdict. */
  readonly synced: Promise<unknown>
}

/** Models that only events write, their queue, and the sync with a server. */
export class EventSourcingDB {
  constructor(options: EventSourcingOptions)
  readonly db: DB
  readonly store: Record<string, Untyped>
  readonly queue: EventQueue
  readonly status: StorageStatus & { sync: SyncStatus }
  open(): Promise<this>
  close(): Promise<void>
  /** Resolves when the event is durable here and its effect is in the models; rejects with what a phase threw. */
  dispatch(type: string, data?: unknown, ts?: number): Promise<Dispatched>
  dispatch(event: { type: string; data?: unknown; ts?: number }): Promise<Dispatched>
  dispatch(events: { type: string; data?: unknown; ts?: number }[]): Promise<Dispatched[]>
  getVersion(): Promise<number>
  handledVersion(v: number): Promise<QueuedEvent | undefined>
  waitForQueue(): Promise<QueuedEvent | undefined>
  /** Makes everything that events wrote anew from the log. */
  rebuild(): Promise<void>
  /** Resolves when the server's log holds every event made so far. */
  synced(): Promise<void>
  /** Stops or resumes syncing: in force at once, and also after a restart once this resolves. */
  setOnline(online: boolean): Promise<void>
  sync(): void
  setToken(token: string | undefined): void
  on(name: 'status', fn: (status: EventSourcingDB['status']) => void): this
  on(name: 'result', fn: (event: Dispatched) => void): this
  on(name: 'error', fn: (error: unknown) => void): this
  on(name: 'change', fn: (tables: string[]) => void): this
  off(name: string, fn: (...args: Untyped[]) => void): this
}
