// Types of tidelog/client: the page's side of a database that lives in a worker.

import type { Event, SyncStatus, Untyped } from './worker.js'

export type { Event, SyncStatus, Untyped } from './worker.js'

/**
 * The state of a connection.
 *
 * - `waiting`: another tab of this profile owns the database; calls are queued until it is closed
 * - `opening`: this tab has its turn and loads the engine
 * - `leader`: this tab owns the database
 * - `failed`: the database could not be opened: `error` says why, and so does every call
 * - `crashed`: the worker has ended; connect again
 * - `closed`: after `close()`
 */
export type Role = 'waiting' | 'opening' | 'leader' | 'failed' | 'crashed' | 'closed'

/** What is known about the database. A new object on each change. */
export interface Status {
  role: Role
  /** Where the files are; null until the database is open. `memory` keeps nothing. */
  storage: 'opfs' | 'memory' | 'host' | null
  /** Whether the browser has promised to keep the files; `none` with storage in memory. */
  persistence: 'persisted' | 'best-effort' | 'none' | null
  /** Null until the worker has answered. */
  sync: SyncStatus | null
  /** Why `role` is `failed`, `crashed` or `closed`. */
  error?: { code?: string; message: string }
}

/** An event as `dispatch` resolves to it: durable on this device. */
export interface Dispatched extends Event {
  /**
   * Resolves when the server's log holds the event, rejects with the server's verdict. Rejects with `CRASHED` when this
   * connection ends first: the event is kept and is sent when the database is next open.
   */
  readonly synced: Promise<void>
}

/** An event before it is made. */
export interface Draft {
  type: string
  data?: unknown
  ts?: number
}

/** A live query: newer rows each time something changed that it reads. A slow reader gets the newest rows only. */
export interface Live<T> extends AsyncIterableIterator<T[]> {
  /**
   * Calls `fn` with each new result, until the function it returns is called.
   * @param fail gets the error that ended the query; without it the error is an uncaught one
   */
  subscribe(fn: (rows: T[]) => void, fail?: (error: unknown) => void): () => void
}

/**
 * A model seen from the page. Every method of the model in the worker can be called, the user's own as well, and each
 * returns a promise. Arguments and results must be plain data (structured clone): a function among them is a `TypeError`
 * that names the method, and so is a method that does not exist.
 */
export interface RemoteModel<T = Untyped> {
  set(doc: Partial<T>, insertOnly?: boolean, noReturn?: boolean, meta?: unknown): Promise<T>
  update(doc: Partial<T>, upsert?: boolean, noReturn?: boolean, meta?: unknown): Promise<T>
  get(id: string | number, column?: string): Promise<T | undefined>
  remove(idOrDoc: string | number | Partial<T>, meta?: unknown): Promise<unknown>
  all(): Promise<T[]>
  count(attrs?: Record<string, unknown>, options?: Record<string, unknown>): Promise<number>
  search(attrs?: Record<string, unknown>, options?: Record<string, unknown>): Promise<Untyped>
  live(attrs?: Record<string, unknown>, options?: Record<string, unknown>): Live<T>
  [method: string]: (...args: Untyped[]) => Untyped
}

/**
 * A database in a worker. Errors arrive with `name`, `code`, `message` and `cause`, and the thrower's stack in
 * `remoteStack`; a `TypeError` stays one. Calls that a worker leaves unanswered when it ends reject with `CRASHED`: they
 * may or may not have taken effect. Calls after `close()` reject with `CLOSED`.
 */
export interface Connection<Docs extends object = Record<string, Untyped>> {
  /** The models by name. */
  readonly store: { readonly [Name in keyof Docs]: RemoteModel<Docs[Name]> }
  /** The latest status. */
  readonly status: Status
  /** Calls `fn` on each change of the status; returns a function that ends this. */
  on(name: 'status', fn: (status: Status) => void): () => void
  off(name: 'status', fn: (status: Status) => void): void
  /** Resolves when the event is durable on this device, with what the reducers made of it. */
  dispatch(type: string, data?: unknown, ts?: number): Promise<Dispatched>
  dispatch(event: Draft): Promise<Dispatched>
  /** All or none. `synced` is about all of them. */
  dispatch(events: Draft[]): Promise<Event[] & { readonly synced: Promise<void> }>
  /** Stops or resumes syncing, for all tabs of this profile and until it is called again. */
  setOnline(online: boolean): Promise<void>
  /** Syncs now instead of when it is due. */
  sync(): Promise<void>
  /** The latest events, newest first, the pending ones before the confirmed; `limit` is 100 unless given. */
  log(options?: { limit?: number }): Promise<Event[]>
  /** Closes the database and ends the worker; live queries end. */
  close(): Promise<void>
}

/**
 * Starts the worker and resolves as soon as it answers, which may be long before it owns the database: see `status`.
 * `Docs` types the documents by model name.
 *
 * @param start makes the worker whose file calls `serve` of tidelog/worker
 * @throws `CRASHED` when the worker does not start
 */
export function connect<Docs extends object = Record<string, Untyped>>(
  start: () => Worker,
): Promise<Connection<Docs>>
