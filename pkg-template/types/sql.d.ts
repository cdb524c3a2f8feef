// Types of `SQLite`: one database and its statements.

import type { HostAdapter } from '../hosts.js'
import type { BrowserStorage, StorageStatus, Untyped } from '../worker.js'
import type { Emitter } from './emitter.js'

/**
 * A value that SQLite stores. Integers come back as numbers while they are safe, else as BigInt.
 */
export type SqlValue = null | boolean | number | bigint | string | Uint8Array
/**
 * Values for `?` in order, or for `:name`, `@name` and `$name` by name; every one must be there.
 */
export type SqlParams = readonly SqlValue[] | { readonly [name: string]: SqlValue }
export type SqlRow = Record<string, null | number | bigint | string | Uint8Array>
/** The result of a statement that writes. */
export interface RunResult {
  /** The number of rows it inserted, changed or deleted. */
  changes: number
  /** The rowid of the last inserted row of this connection. */
  lastID: number | bigint
}

export interface SQLiteOptions {
  /** A path; default `:memory:`. In a browser it names a database of the origin. */
  file?: string
  /** For messages. Default: the file's base name. */
  name?: string
  /** Writes reject with `SQLITE_READONLY`, and no migration runs. Default false. */
  readOnly?: boolean
  /** Prints every statement with its time; errors say where the call came from. */
  verbose?: boolean
  /**
   * `strict` (default): flushed before a write resolves. `relaxed`: survives a killed process, not
   * a power loss.
   */
  durability?: 'strict' | 'relaxed'
  /** Browsers only: where to keep it, instead of the best storage there is. */
  storage?: BrowserStorage
  /**
   * A host's own SQLite instead of the bundled one, by an adapter of `tidelog/hosts`, or a function
   * that makes one for each opening. Not together with `file`, `readOnly`, `durability` and
   * `storage`. `close` closes it. There is one connection: a read outside of an open transaction
   * waits for its end. `EventSourcingDB` refuses it.
   */
  adapter?: HostAdapter | (() => HostAdapter | Promise<HostAdapter>)
  /** Gives free pages back to the storage, step by step while nobody waits. Default false. */
  autoVacuum?: boolean
  /**
   * Seconds between such steps; every tenth time the database checks whether there is enough to do.
   * Default 30.
   */
  vacuumInterval?: number
  /** Pages per step; steps begin when 20 times as many are free. Default 256. */
  vacuumPageCount?: number
  /** Milliseconds to wait for a file that is open elsewhere, before `LOCKED`. Default 0. */
  busyTimeout?: number
  /** For tests: gives rows without ORDER BY in reversed order. */
  reverseUnordered?: boolean
  /** Awaited before the database is opened; throwing fails the open, which can be tried again. */
  onWillOpen?: () => unknown
  /**
   * Awaited before the open database can be used elsewhere; inside it only the argument `db` works.
   */
  onDidOpen?: (db: Untyped) => unknown
}

/**
 * A template tag: `${x}` becomes a parameter, `${x}ID` an identifier, `${x}LIT` raw text,
 * `${x}JSON` JSON text.
 * @returns the text and its values
 */
export function sql(strings: TemplateStringsArray, ...values: unknown[]): [string, unknown[]]
export namespace sql {
  /** A name as an SQL identifier. */
  function quoteId(name: string): string
}

type Query<Result> = {
  (text: string, params?: SqlParams): Promise<Result>
  (strings: TemplateStringsArray, ...values: unknown[]): Promise<Result>
}

/**
 * A statement that is prepared once and run often; calls run in order. It survives closing and
 * opening.
 */
export interface Statement {
  /** Tells a statement from its text. */
  readonly isStatement: true
  /** Its text. */
  readonly sql: string
  /** Where it runs. */
  readonly db: SQLite
  /** Its name in errors, where `prepare` was given one. */
  readonly name: string | undefined
  /** Runs it, when it writes. */
  run(params?: SqlParams): Promise<RunResult>
  /** Its first row; undefined without any. */
  get(params?: SqlParams): Promise<SqlRow | undefined>
  /** All its rows. */
  all(params?: SqlParams): Promise<SqlRow[]>
  /** Calls `fn` with each row; resolves to their number. */
  each(fn: (row: SqlRow) => void): Promise<number>
  each(params: SqlParams | undefined, fn: (row: SqlRow) => void): Promise<number>
  /**
   * Waits for its running calls and drops the prepared statement. It can be used again all the
   * same.
   */
  finalize(): Promise<void>
}

/** The argument of the event `call`. */
export interface Call {
  /** The database's name. */
  name: string
  /** `run`, `all`, `get`, `each` or `exec`. */
  method: string
  /** Whether it was a prepared statement. */
  isStmt: boolean
  /** The text. */
  query: string
  /** The values. */
  args: unknown
  /** Milliseconds. */
  duration: number
  /** Its result. */
  output?: unknown
  /** Its error. */
  error?: unknown
}

/** One lazily opened SQLite database. A failed open is tried again by the next call. */
export class SQLite extends Emitter {
  /** The template tag, as `import { sql }` gives it. */
  static sql: typeof sql
  /** Opens nothing yet. Throws a `TypeError` for options that are unknown or of another type. */
  constructor(options?: SQLiteOptions)
  /** The path, or `:memory:`. */
  readonly file: string
  /** For messages. */
  readonly name: string
  /** The models by name, of a `DB`. */
  store: Untyped
  /** Whether the database is open. */
  readonly isOpen: boolean
  /** Whether calls on this object run in a transaction, as those on a `tx` do. */
  readonly inTransaction: boolean
  /** Resolves when somebody has opened the database; opens nothing itself. */
  readonly dbP: Promise<unknown>
  /** The state of the storage. The event `kept` is emitted when this changes. */
  readonly status: StorageStatus
  /** The template tag, as `import { sql }` gives it. */
  sql: typeof sql
  /**
   * Opens the database now instead of with the first call, and runs the migrations that are due.
   * Rejects with `LOCKED` while another process or tab has it, with `NEWER_FORMAT` for a file of a
   * newer version, with `CORRUPT` for one that is no database.
   */
  open(): Promise<this>
  /** Waits for running operations and closes the files. The next call opens it again. */
  close(): Promise<void>
  /** Runs `fn` now if the database is open, else once when it opens. */
  runOnceOnOpen(fn: (db: this) => unknown): unknown
  /** Runs a statement that writes; rejects with SQLite's `SQLITE_…`, as all of these do. */
  run: Query<RunResult>
  /** All rows. */
  all: Query<SqlRow[]>
  /** The first row. */
  get: Query<SqlRow | undefined>
  /** Calls `fn` with each row; resolves to their number. */
  each(text: string, fn: (row: SqlRow) => void): Promise<number>
  each(text: string, params: SqlParams | undefined, fn: (row: SqlRow) => void): Promise<number>
  each(
    strings: TemplateStringsArray,
    ...values: unknown[]
  ): (fn: (row: SqlRow) => void) => Promise<number>
  /** Runs statements; with parameters, one. */
  exec(text: string, params?: SqlParams): Promise<void>
  exec(strings: TemplateStringsArray, ...values: unknown[]): Promise<void>
  /** A statement to run often: the same one for the same text. */
  prepare(text: string, name?: string): Statement
  prepare(strings: TemplateStringsArray): Statement
  /** A number that changes when another connection, process or tab has written. */
  dataVersion(): Promise<number>
  /** The database's own version number, after setting it when one is given. */
  userVersion(version?: number): Promise<number>
  /** Gives free pages back: with `autoVacuum` step by step, else by writing the whole file anew. */
  vacuum(): Promise<void>
  /**
   * Runs `fn` in one transaction: committed when it resolves, undone when it rejects. `fn(tx)`
   * works through `tx`, and only that is inside; while an `fn` of no arguments runs, every call on
   * this database joins in. Nests.
   */
  withTransaction<T>(fn: (tx: this) => T | Promise<T>): Promise<T>
  /** The same. */
  batch<T>(fn: (tx: this) => T | Promise<T>): Promise<T>
  /**
   * A transaction began, was committed or rolled back, is over; the status of the storage changed.
   */
  on(name: 'begin' | 'end' | 'rollback' | 'finally' | 'kept', fn: () => void): this
  /** A statement ran. */
  on(name: 'call', fn: (call: Call) => void): this
  /** A search reads a whole table of more than 10,000 rows: once per model and columns. */
  on(name: 'warning', fn: (message: string) => void): this
  /** A commit changed these tables. */
  on(name: 'change', fn: (tables: string[]) => void): this
}

/** The names of the databases; in Node, Bun and Deno those in `directory`. */
export function listDatabases(directory?: string): Promise<string[]>
/**
 * A database as the bytes of an SQLite file. Rejects with `NOT_FOUND`, or `LOCKED` while it is
 * open.
 */
export function exportDatabase(file: string): Promise<Uint8Array>
/**
 * Makes a database of an SQLite file's bytes. Rejects with `EXISTS`, and with `CORRUPT` for other
 * bytes.
 */
export function importDatabase(file: string, bytes: Uint8Array): Promise<void>
/** Removes a database and all it has. Rejects with `LOCKED` while it is open. */
export function deleteDatabase(file: string): Promise<void>
/** Gives a database another name. Rejects with `NOT_FOUND`, `EXISTS` or `LOCKED`. */
export function renameDatabase(file: string, to: string): Promise<void>
