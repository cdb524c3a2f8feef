// Types of tidelog: the class API for workers, Node, Bun and Deno. By subject in types/.

export type { HostAdapter } from './hosts.js'
export type {
  ColumnDefinition,
  Columns,
  ColumnType,
  DocOf,
  ForeignKey,
  InputOf,
  StandardSchema,
  Validate,
} from './types/columns.js'
export type {
  DBOptions,
  Metrics,
  Migration,
  MigrationArgs,
  MigrationDB,
  Progress,
} from './types/db.js'
export { DB } from './types/db.js'
export type {
  BaseRecord,
  ColumnBuilder,
  FindOptions,
  ModelClass,
  NewRecord,
  RecordData,
  RecordOf,
  Schema,
  SchemaColumn,
  Where,
} from './types/define.js'
export { Column, Model, Repository } from './types/define.js'
export type {
  Definitions,
  Dispatched,
  ESModelDefinition,
  EventSourcingOptions,
  ModelIn,
  QueuedEvent,
  Result,
} from './types/events.js'
export { ESModel, EventQueue, EventSourcingDB } from './types/events.js'
export type {
  AggregateName,
  AnyModel,
  Changes,
  EachOptions,
  Id,
  IndexDefinition,
  Loader,
  MigrationModel,
  ModelOptions,
  Patch,
  Written,
} from './types/model.js'
export { JsonModel } from './types/model.js'
export type {
  Attrs,
  Explanation,
  FigureOptions,
  Match,
  Page,
  SearchOptions,
  SnippetOptions,
  Sort,
} from './types/search.js'
export type {
  Call,
  RunResult,
  SQLiteOptions,
  SqlParams,
  SqlRow,
  SqlValue,
  Statement,
} from './types/sql.js'
export {
  deleteDatabase,
  exportDatabase,
  importDatabase,
  listDatabases,
  renameDatabase,
  SQLite,
  sql,
} from './types/sql.js'
export type {
  BrowserStorage,
  Event,
  Noop,
  StorageStatus,
  SyncOptions,
  SyncStatus,
  Untyped,
} from './worker.js'

/** Every `code` of a {@link TidelogError}; SQLite's own names begin with `SQLITE_`. */
export type ErrorCode =
  | `SQLITE_${string}`
  | 'LOCKED'
  | 'QUOTA'
  | 'IO'
  | 'NOT_FOUND'
  | 'EXISTS'
  | 'NEWER_FORMAT'
  | 'OLDER_FORMAT'
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
  | 'VOID'
  | 'NOT_SUPPORTED'
  | 'CRASHED'
  | 'LEADER_LOST'
  | 'VERSION_SKEW'

/** An error of the package. Misuse of the API is a `TypeError` that names the argument instead. */
export class TidelogError extends Error {
  constructor(code: ErrorCode, message: string, options?: { cause?: unknown })
  /** `TidelogError`, also where the class itself is not at hand. */
  readonly name: 'TidelogError'
  /** The kind of error. Stable: compare this and not the message. */
  code: ErrorCode
  /**
   * With code `USER`: the value that the application's function threw. With `INVALID`: the issues
   * that the schema found.
   */
  cause?: unknown
}
