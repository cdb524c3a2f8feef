// Adapters: `DB` and `SQLite` on a host's own SQLite, by the option `adapter`.

/** What a host's SQLite gives back: integers as numbers or BigInt, bytes as any view of them. */
export type HostValue = null | number | bigint | string | Uint8Array | ArrayBuffer

/**
 * What the engine asks of a host's SQLite. All of it is synchronous.
 *
 * A four-method object of your own will do; what it leaves out means: BEGIN and SAVEPOINT are
 * understood as statements, BigInt is bound as an integer, and nobody knows whether a transaction
 * is open.
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
   * Runs `fn` in a transaction, or a savepoint inside one: undone when it throws, whose error is
   * thrown on.
   */
  transaction<T>(fn: () => T): T
  /** Lets the database go. A second call does nothing. */
  close(): void
  /**
   * Where a transaction can only be had by a call: such a call for functions that wait. It nests.
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
