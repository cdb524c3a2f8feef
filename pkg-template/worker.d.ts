// Types of tidelog/worker: the database that a page's worker serves.

import type { Definitions, EventSourcingDB } from './types/events.js'

/**
 * A value whose type only the application knows: it can declare the type, and needs no cast where
 * it does not.
 */
// biome-ignore lint/suspicious/noExplicitAny: `unknown` would ask for a cast at each use
export type Untyped = any

/** An event of the log. */
export interface Event {
  /** Given where the event is made; the same on every replica. */
  id: string
  /** The position: `seq` once confirmed, head + k while pending, so it may move. */
  v: number
  /** Its type, such as `es/todos` for the writes of a model `todos`. */
  type: string
  /** The server's log does not hold it yet. */
  pending?: boolean
  /** In the queue, while pending: it may have reached the server. */
  sent?: boolean
  /** Milliseconds since 1970 on the author's clock. */
  ts: number
  /** Its data, as plain data. */
  data?: Untyped
  /** The reducers' results, by model. */
  result?: Untyped
}

/**
 * A storage of a browser. Without a choice a database is opened where it is; a new one is made in
 * the first of these that this realm has, found by trying:
 *
 * - `opfs`: files with synchronous handles; in dedicated workers only, and not in private windows
 *   of Firefox and Safari
 * - `indexeddb`: the whole database in memory, its changed blocks written in one IndexedDB
 *   transaction per commit, which `strict` writes wait for. `relaxed` ones do not: a killed tab may
 *   lose the last of them, and after a failure no further write is taken until they are kept
 * - `memory`: nothing is kept
 *
 * A database that is in IndexedDB stays there, also where OPFS is available; one that is in OPFS is
 * refused with `NOT_SUPPORTED` where its handles are missing.
 */
export type BrowserStorage = 'opfs' | 'indexeddb' | 'memory'

/** The state of a database's storage. */
export interface StorageStatus {
  /**
   * Where it is; null until it is open. `file` is a file of the system's, in Node, Bun and Deno;
   * `adapter` is a host's own SQLite.
   */
  storage: BrowserStorage | 'file' | 'adapter' | null
  /**
   * `persistent`: kept until the user removes it. `best-effort`: the browser may clear it when the
   * device lacks room; it is asked once, after the first write, for more than that. `none`: in
   * memory, gone with the tab.
   */
  persistence: 'persistent' | 'best-effort' | 'none' | null
  /**
   * The last write found no room. Reads go on, writes reject with `QUOTA` and leave nothing behind;
   * each is tried, and the first that succeeds ends this.
   */
  full: boolean
  /**
   * The browser's estimate in bytes for the whole origin, at most about 10 s old when the status is
   * looked at; null where there is none. Chromium reports 10 GiB more than is used as `quota`,
   * whatever the disk has.
   */
  quota: { usage: number; quota: number } | null
}

/** The state of the sync between this device and the server. */
export interface SyncStatus {
  /**
   * `off` without the option `sync`; `offline`: switched off, or waiting to try again; `catchUp`;
   * `live`; `resume`: the server lost events, this replica offers its own again; `fenced`: the
   * server refuses access; `needsUpgrade`; `stopped`: only a snapshot would help. The queue is kept
   * in all of them.
   */
  state: string
  /** The value that `setOnline` was last given. */
  online: boolean
  /** Events that the server has not confirmed. */
  pending: number
  /** The last position of the server's log that was applied here. */
  seq: number
  /** The last position of the server's log that is known here. */
  head: number
  /** The error that keeps it from syncing. */
  error: { code: string; message: string } | null
  /**
   * The confirmed event from which on nothing is applied, because this version does not know its
   * type; see `types`.
   */
  held: { seq: number; type: string; tv: number; message: string } | null
  /** How many confirmed events have no effect, and the last of them. */
  noops: { count: number; last: Noop | null }
}

/**
 * A confirmed event without effect: at its place in the log what it would have written was taken
 * (`EEXIST`, `SQLITE_CONSTRAINT_UNIQUE`) or gone (`ENOENT`), or a function of its model failed.
 */
export interface Noop {
  /** Its position. */
  v: number
  id: string
  type: string
  code: string
  message: string
}

/** Where and how to sync. */
export interface SyncOptions {
  /** The server's address, such as `/sync`; the protocol's paths are put behind it. */
  url: string
  /**
   * The name of the log at the server: 1 to 63 of a-z, 0-9, `-` and `_`, beginning with a letter or
   * digit. Default: made of the file's name.
   */
  log?: string
  /** The bearer token; asked again with `reason` after a 401. */
  getToken?: (about: { reason: string }) => string | Promise<string>
  /** Instead of the global `fetch`. */
  fetch?: typeof fetch
}

export interface ServeOptions<M extends Definitions = Definitions> {
  /**
   * The database's name; of the tabs of one profile that serve the same name one leads and the
   * others follow it.
   */
  file: string
  /**
   * Models by name: `{todos: {columns, reducer, …}}` or `{todos: {Model: class …}}`, as for
   * `EventSourcingDB`.
   */
  models: M
  /** Where and how to sync. Without it the events stay on this device. */
  sync?: SyncOptions
  /**
   * The version of the reducers: another one than last time rebuilds the models. While a tab runs a
   * higher one, those with a lower one refuse with `VERSION_SKEW`.
   */
  version?: number
  /**
   * The types of events that this version of the application makes and understands, each with its
   * schema version (default 0). When given, a confirmed event of another type, or of a newer
   * version, holds the state: nothing from it on is applied (`status.sync.held`) until a version
   * that knows it opens the database, while the log goes on. An `optional` one is passed over
   * instead. Without `types` only events of models that are not there hold.
   */
  types?: Record<string, number | { tv?: number; optional?: boolean }>
  /**
   * `strict` (default): flushed before a write resolves. `relaxed`: survives a killed browser, not
   * a power loss.
   */
  durability?: 'strict' | 'relaxed'
  /** Where to keep it, instead of the best storage there is; see {@link BrowserStorage}. */
  storage?: BrowserStorage
}

/**
 * Answers the page that started this worker, and when this tab leads the pages of the other tabs
 * too. The engine is loaded then, and not before.
 *
 * @returns the `EventSourcingDB`, once this tab leads. It is closed when the tab hands over
 */
export function serve<const M extends Definitions>(
  options: ServeOptions<M>,
): Promise<EventSourcingDB<M>>
