// Types of tidelog/client: the page's side of a database that lives in a worker.

import type { Columns, IsAny, KeyOf } from './types/columns.js'
import type { ESModel, ModelIn } from './types/events.js'
import type {
  AggregateName,
  AnyModel,
  Changes,
  Id,
  JsonModel,
  Loose,
  Name,
  Patch,
} from './types/model.js'
import type {
  Attrs,
  Explanation,
  FigureOptions,
  Item,
  Results,
  SearchOptions,
  Snippets,
} from './types/search.js'
import type { Event, StorageStatus, SyncStatus, Untyped } from './worker.js'

export type { BrowserStorage, Event, Noop, StorageStatus, SyncStatus, Untyped } from './worker.js'

/**
 * The state of a connection.
 *
 * - `waiting`: nobody leads at the moment; calls are kept until somebody does
 * - `opening`: this tab is to lead and opens the database; with `error` `LOCKED` the storage is not
 *   free yet
 * - `leader`: this tab owns the database, for all tabs of the profile
 * - `follower`: another tab does, and answers this page's calls
 * - `failed`: the database could not be opened, or another tab runs a newer version: `error` says
 *   why, and so does every call
 * - `crashed`: the worker ended again and again; connect again
 * - `closed`: after `close()`
 */
export type Role = 'waiting' | 'opening' | 'leader' | 'follower' | 'failed' | 'crashed' | 'closed'

/** The state of the database as this page knows it. A new object on each change. */
export interface Status extends StorageStatus {
  /** The leader as this page sees it: this tab, another one, or none. */
  role: Role
  /**
   * This profile wrote to a database of this name before, and found another one: the browser or the
   * user has cleared the storage. There until `acknowledgeEviction()`. Noticed by a note in
   * localStorage, so not when that went, too.
   */
  evicted?: true
  /** Null until the worker has answered. */
  sync: SyncStatus | null
  /** Why `role` is `failed`, `crashed` or `closed`. */
  error?: { code?: string; message: string }
}

/** An event as `dispatch` resolves to it: durable on this device. */
export interface Dispatched extends Event {
  /**
   * Resolves when the server's log holds the event, rejects with the server's verdict, whichever
   * tab leads by then. Rejects with `CLOSED` or `CRASHED` when this connection ends first: the
   * event is kept and is sent when the database is next open.
   */
  readonly synced: Promise<void>
}

/** An event before it is made. */
export interface Draft {
  /** Its type, not empty. */
  type: string
  /** Its data; kept as JSON. */
  data?: unknown
  /** Milliseconds since 1970; default now. */
  ts?: number
}

/**
 * A live query: newer rows each time something changed that it reads. A slow reader gets the newest
 * rows only.
 */
export interface Live<T> extends AsyncIterableIterator<T[]> {
  /**
   * Calls `fn` with each new result, until the function it returns is called.
   * @param fail gets the error that ended the query; without it the error is an uncaught one
   */
  subscribe(fn: (rows: T[]) => void, fail?: (error: unknown) => void): () => void
}

/**
 * A model seen from the page. Every method of the model in the worker can be called, the user's own
 * as well, and each returns a promise. Arguments and results must be plain data (structured clone):
 * a function among them is a `TypeError` that names the method, and so is a method that does not
 * exist.
 */
export interface RemoteModel<
  Doc = Untyped,
  C extends Columns = Columns,
  In = Loose<Doc>,
  Key = Id,
> {
  /**
   * Writes a document whole by an event, replacing the one with its id, or an array of documents,
   * all or none. Resolves to what is stored; with `noReturn` to undefined. `meta` is kept in the
   * event's data.
   *
   * Rejects with `REQUIRED` or `INVALID` where a column or a `validate` refuses a value, with
   * `EEXIST` where `insertOnly` meets an id that is taken, and with what a function of the model's
   * definition threw.
   */
  set(doc: In, insertOnly?: boolean, noReturn?: boolean, meta?: unknown): Promise<Doc>
  set(docs: readonly In[], insertOnly?: boolean, noReturn?: boolean, meta?: unknown): Promise<Doc[]>
  set(doc: In, insertOnly?: boolean, noReturn?: boolean, meta?: unknown): Promise<Doc>
  /**
   * Merges `doc` by an event into the document with its id, property by property; null and
   * undefined remove one. Resolves to the whole document; with `noReturn` to undefined.
   *
   * `update(id, {$set, $unset, $inc, $push})` changes places deep in a document instead, so that
   * the `$inc` of two devices add up.
   *
   * Rejects with `ENOENT` when there is no such document, unless `upsert` has it made.
   */
  update(doc: Changes<Doc>, upsert?: boolean, noReturn?: boolean, meta?: unknown): Promise<Doc>
  update(id: Key, patch: Patch, noReturn?: boolean, meta?: unknown): Promise<Doc>
  /**
   * Changes every document that matches by events, all or none, and gives their number: by
   * properties to merge, or by a patch. An id cannot be changed. A function can only be given where
   * the model is, in a method of its class.
   */
  updateWhere(attrs: Attrs<Doc, C>, change: Changes<Doc> | Patch, meta?: unknown): Promise<number>
  /** Removes a document by an event. Resolves to true, also when there is none. */
  remove(idOrDoc: Key | Changes<Doc>, meta?: unknown): Promise<unknown>
  /** Removes every document that matches by events, all or none, and gives their number. */
  removeWhere(attrs: Attrs<Doc, C>, meta?: unknown): Promise<number>
  /** The document with an id, or the first with a value in a column; undefined if there is none. */
  get(id: Key): Promise<Doc | undefined>
  get<N extends Name<C>>(value: KeyOf<C, N>, column: N): Promise<Doc | undefined>
  /**
   * The documents with these ids, or with these values in a column, in their order; undefined where
   * there is none.
   */
  getAll(ids: readonly Key[]): Promise<(Doc | undefined)[]>
  getAll<N extends Name<C>>(values: readonly KeyOf<C, N>[], column: N): Promise<(Doc | undefined)[]>
  /** Every document, whatever a `makeSelect` of the class says. */
  all(): Promise<Doc[]>
  /**
   * The documents that match, as `{items, total?, cursor?, prevCursor?}`; with `itemsOnly` the
   * array alone. `attrs` are columns with the values or operators they must satisfy; without any
   * everything matches.
   *
   * A column, an operator or an option that is unknown is a `TypeError`; with a cursor of another
   * search it rejects with `BAD_VALUE`.
   */
  search<
    const Cols extends readonly string[] = never,
    const Only extends boolean = false,
    const Snip extends Snippets = never,
  >(
    attrs?: Attrs<Doc, C> | null,
    options?: SearchOptions<Doc, C, Cols, Only, Snip>,
  ): Promise<Results<Item<Doc, C, Cols, Snip>, Only>>
  /** The documents that match, without cursors and total. */
  searchAll<const Cols extends readonly string[] = never, const Snip extends Snippets = never>(
    attrs?: Attrs<Doc, C> | null,
    options?: SearchOptions<Doc, C, Cols, boolean, Snip>,
  ): Promise<Item<Doc, C, Cols, Snip>[]>
  /** The first document that matches; undefined if none does. */
  searchOne<const Cols extends readonly string[] = never, const Snip extends Snippets = never>(
    attrs?: Attrs<Doc, C> | null,
    options?: SearchOptions<Doc, C, Cols, boolean, Snip>,
  ): Promise<Item<Doc, C, Cols, Snip> | undefined>
  /**
   * Whether there is a document with this id, or one that matches; without arguments whether there
   * is any.
   */
  exists(idOrAttrs?: Key | Attrs<Doc, C>, options?: SearchOptions<Doc, C>): Promise<boolean>
  /** The number of documents that match. */
  count(attrs?: Attrs<Doc, C> | null, options?: SearchOptions<Doc, C>): Promise<number>
  /**
   * `OP(column)` over the numbers of the documents that match, a BigInt beyond 2^53; null when
   * there is none, of `COUNT` and `TOTAL` 0.
   */
  numAggOp(
    op: AggregateName,
    column: Name<C>,
    attrs?: Attrs<Doc, C> | null,
    options?: FigureOptions<Doc, C>,
  ): Promise<number | bigint | null>
  /** The greatest number in a column of the documents that match; null when there is none. */
  max(
    column: Name<C>,
    attrs?: Attrs<Doc, C> | null,
    options?: FigureOptions<Doc, C>,
  ): Promise<number | bigint | null>
  /** The least number in a column of the documents that match; null when there is none. */
  min(
    column: Name<C>,
    attrs?: Attrs<Doc, C> | null,
    options?: FigureOptions<Doc, C>,
  ): Promise<number | bigint | null>
  /** The sum of the numbers in a column of the documents that match; null when there is none. */
  sum(
    column: Name<C>,
    attrs?: Attrs<Doc, C> | null,
    options?: FigureOptions<Doc, C>,
  ): Promise<number | bigint | null>
  /** The mean of the numbers in a column of the documents that match; null when there is none. */
  avg(
    column: Name<C>,
    attrs?: Attrs<Doc, C> | null,
    options?: FigureOptions<Doc, C>,
  ): Promise<number | bigint | null>
  /** The plan by which SQLite will search: `{plan, indexes, scans, sql}`. */
  explain(attrs?: Attrs<Doc, C> | null, options?: SearchOptions<Doc, C>): Promise<Explanation>
  /**
   * The documents that match, at once and again after each commit that changed them. A slow reader
   * gets the newest result only. Closing the database ends it.
   */
  live<const Cols extends readonly string[] = never, const Snip extends Snippets = never>(
    attrs?: Attrs<Doc, C> | null,
    options?: SearchOptions<Doc, C, Cols, boolean, Snip>,
  ): Live<Item<Doc, C, Cols, Snip>>
}

/** A model's class seen from the page: with the methods of its own. */
export type Remote<M> =
  M extends JsonModel<infer Doc, infer C, infer In, infer Key>
    ? RemoteModel<Doc, C, In, Key> & {
        // of `keyof M` itself: what an editor shows has the doc texts of the class
        [K in keyof M as K extends keyof ESModel
          ? never
          : M[K] extends (...args: never) => unknown
            ? K
            : never]: M[K] extends (...args: infer A) => infer R
          ? (...args: A) => Promise<Awaited<R>>
          : never
      }
    : never

/**
 * The type of a model seen from a page: by its definition in `serve`, its class, or the type of its
 * documents.
 */
type Seen<T> =
  IsAny<T> extends true
    ? Untyped
    : T extends AnyModel
      ? Remote<T>
      : T extends
            | { columns: Untyped }
            | { Model: Untyped }
            | { reducer: Untyped }
            | { preprocessor: Untyped }
        ? Remote<ModelIn<T>>
        : RemoteModel<T>

/**
 * A database in a worker: this tab's, or another tab's that leads. Errors arrive with `name`,
 * `code`, `message` and `cause`, and the thrower's stack in `remoteStack`; a `TypeError` stays one.
 *
 * When the leader ends (its tab is closed or frozen, its worker dies) another tab leads, and a
 * worker of this page that died is started anew. Reads and the library's own writes (`dispatch`,
 * `set`, `update`, `remove`) that were on their way are sent again and take effect once; live
 * queries go on. A method of the application's own, or one of its class that replaces the
 * library's, is not sent again, for it may do several things: it rejects with `LEADER_LOST`, and
 * may have taken effect in part or whole. So does a call that three leaders did not survive.
 * `CRASHED` is the end of the connection: three workers in a row lived less than 2 s. Calls after
 * `close()` reject with `CLOSED`. All calls of a page reject with `VERSION_SKEW` once another tab
 * runs a newer version of this package or of the models: reload the page.
 */
export interface Connection<Models extends object = Record<string, Untyped>> {
  /** The models by name. */
  readonly store: string extends keyof Models
    ? Untyped
    : { readonly [Name in keyof Models]: Seen<Models[Name]> }
  /** The latest status. */
  readonly status: Status
  /** Calls `fn` on each change of the status; returns a function that ends this. */
  on(name: 'status', fn: (status: Status) => void): () => void
  /** Calls `fn` no more. */
  off(name: 'status', fn: (status: Status) => void): void
  /** Resolves when the event is durable on this device, with the reducers' results. */
  dispatch(type: string, data?: unknown, ts?: number): Promise<Dispatched>
  dispatch(event: Draft): Promise<Dispatched>
  /** All or none. `synced` is about all of them. */
  dispatch(events: Draft[]): Promise<Event[] & { readonly synced: Promise<void> }>
  /** Stops or resumes syncing, for all tabs of this profile and until it is called again. */
  setOnline(online: boolean): Promise<void>
  /** Syncs now instead of when it is due. */
  sync(): Promise<void>
  /**
   * The latest events, newest first, the pending ones before the confirmed; `limit` is 100 unless
   * given.
   */
  log(options?: { limit?: number }): Promise<Event[]>
  /** The user knows that the storage was cleared: ends `status.evicted`. */
  acknowledgeEviction(): void
  /**
   * Ends this tab's part, once library calls on their way are answered (at most 5 s): another tab
   * may lead. Live queries end.
   */
  close(): Promise<void>
}

/**
 * Starts the worker and resolves as soon as it answers, which may be long before any tab leads: see
 * `status`. `Models` types the store: `connect<typeof models>(…)` by the definitions that the
 * worker serves, or by model name the classes or the documents.
 *
 * @param start makes the worker whose file calls `serve` of tidelog/worker; called again when that
 *   worker dies
 * @throws `CRASHED` when the worker does not start
 */
export function connect<Models extends object = Record<string, Untyped>>(
  start: () => Worker,
): Promise<Connection<Models>>
