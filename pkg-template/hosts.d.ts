// Adapters: `DB` and `SQLite` on a host's own SQLite, by the option `adapter`.

/**
 * A value as a host's SQLite returns it: integers as numbers or BigInt, bytes as any view of them.
 */
export type HostValue = null | number | bigint | string | Uint8Array | ArrayBuffer

/**
 * The methods that the engine calls on a host's SQLite. All are synchronous.
 *
 * An object of your own with the four required methods is enough. Without the optional members the
 * engine assumes that BEGIN and SAVEPOINT work as statements and that BigInt is bound as an
 * integer; it cannot know then whether a transaction is open.
 */
export interface HostAdapter {
  /**
   * Runs a statement; several, one after the other, when there are no parameters. They are for
   * plain `?`.
   */
  exec(sql: string, ...params: (null | number | bigint | string | Uint8Array)[]): void
  /**
   * The rows of a statement as objects, in the order of its columns. Leaving early must end the
   * statement.
   */
  iterate(
    sql: string,
    ...params: (null | number | bigint | string | Uint8Array)[]
  ): Iterable<object>
  /**
   * Runs `fn` in a transaction, or in a savepoint inside one. When `fn` throws, the transaction is
   * undone and the error is thrown on.
   */
  transaction<T>(fn: () => T): T
  /** Closes the database. A second call does nothing. */
  close(): void
  /**
   * For hosts that open a transaction only by a call: that call for asynchronous functions. It
   * nests.
   */
  transactionAsync?<T>(fn: () => Promise<T>): Promise<T>
  /**
   * `false` where BigInt is refused and numbers are bound as doubles: integers are bound as text
   * then, and cast.
   */
  readonly bigint?: boolean
  /** Whether a transaction is open. */
  readonly inTransaction?: boolean
}

/** The adapter of a `DatabaseSync` of `node:sqlite`. */
export declare function fromNodeSqlite(database: {
  exec(sql: string): unknown
  prepare(sql: string): object
  close(): unknown
  readonly isTransaction?: boolean
}): HostAdapter

/** The adapter of a `Database` of better-sqlite3. */
export declare function fromBetterSqlite3(database: {
  exec(sql: string): unknown
  prepare(sql: string): object
  pragma(text: string): unknown
  close(): unknown
  readonly inTransaction: boolean
}): HostAdapter

/** The adapter of a `Database` of `bun:sqlite`. */
export declare function fromBunSqlite(database: {
  exec(sql: string): unknown
  prepare(sql: string): object
  query(sql: string): object
  close(): unknown
  readonly inTransaction: boolean
}): HostAdapter

interface DurableStorage {
  readonly sql: { exec(sql: string, ...params: unknown[]): { toArray(): object[] } }
  transactionSync<T>(fn: () => T): T
  transaction<T>(fn: () => Promise<T>): Promise<T>
}

/**
 * The adapter of a Durable Object with SQLite: give it `ctx`, or `ctx.storage`.
 *
 * `withTransaction` runs in `storage.transaction`, which keeps other events of the object out until
 * it ends.
 */
export declare function fromDurableObject(
  ctx: { readonly storage: DurableStorage } | DurableStorage,
): HostAdapter
