// Types of event sourcing: models that only events write, the queue, and the sync with a server.

import type { Event, Noop, StorageStatus, SyncOptions, SyncStatus, Untyped } from '../worker.js'
import type { IdKey } from './added.js'
import type { Columns, DocOf, IdOf, InputOf, Same, WithId } from './columns.js'
import type { DB } from './db.js'
import type { Emitter } from './emitter.js'
import type { Changes, Id, JsonModel, Loose, ModelOptions, Patch } from './model.js'
import type { Attrs } from './search.js'
import type { SQLiteOptions } from './sql.js'

/** The changes that a reducer returns for its model. */
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
  /** The event is valid and has no effect on this model; a method of the model rejects with it. */
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
export interface ESModelDefinition<Doc = Untyped> extends Omit<ModelOptions, 'db' | 'name'> {
  /** Default: ESModel. */
  readonly Model?: Untyped
  /** Runs where an event is made: may change its type and data before it is logged. */
  readonly preprocessor?: (args: PhaseArgs & { cache: object }) => unknown
  /**
   * Runs on every replica and returns the event's changes. Must depend on the event and the models
   * alone.
   */
  readonly reducer?: (
    args: PhaseArgs & { cache: object },
  ) => Result<Doc> | undefined | false | null | Promise<Result<Doc> | undefined>
  /** Runs on every replica after the results were applied: may write to the models. */
  readonly deriver?: (args: PhaseArgs & { result?: Result<Doc> }) => unknown
}

/** Models by name, as `EventSourcingDB` and `serve` take them. */
export type Definitions = { readonly [name: string]: ESModelDefinition }
/** The model of a definition: its class's instance, or an ESModel by its columns. */
export type ModelIn<D> = D extends { Model: infer M }
  ? Same<M, typeof ESModel> extends true
    ? ByDefinition<D>
    : M extends new (
          ...args: Untyped[]
        ) => infer Instance
      ? Instance
      : ESModel
  : ByDefinition<D>
type ByDefinition<D> = D extends { columns: infer C extends Columns }
  ? ESModel<DocOf<C, IdIn<D>>, WithId<C, IdIn<D>>, InputOf<C, IdIn<D>>, IdKey<IdOf<C, IdIn<D>>>>
  : ESModel
type IdIn<D> = D extends { idCol: infer I extends string } ? I : 'id'
/** The store of some definitions. */
export type Store<M extends Definitions> = string extends keyof M
  ? Untyped
  : { readonly [K in keyof M]: ModelIn<M[K]> }

interface Draft {
  type: string
  data?: unknown
  ts?: number
}

/** A model whose writes are events. */
export class ESModel<
  Doc = Untyped,
  C extends Columns = Columns,
  In = Loose<Doc>,
  Key = Id,
> extends JsonModel<Doc, C, In, Key> {
  /**
   * The action with which the data of its events begins, `[action, id, document?, meta?]`: a
   * document is removed.
   */
  static REMOVE: 0
  /** The document is written whole. */
  static SET: 1
  /** The same; an id that is taken fails the event with `EEXIST`. */
  static INSERT: 2
  /** The properties are merged; a missing document fails the event with `ENOENT`. */
  static UPDATE: 3
  /** The same; a missing document is made. */
  static SAVE: 4
  /** The third value is a patch, `{$set, $unset, $inc, $push}`. */
  static PATCH: 5
  /**
   * Several actions, all or none: the third value is `[[action, id, document?], …]`, the second
   * null. Preprocessors, reducers and derivers are called with each alone, in the form of one
   * action.
   */
  static MANY: 6
  /** `EventSourcingDB` makes it, and gives `dispatch`. */
  constructor(options: ModelOptions & { dispatch: (events: Untyped[]) => Promise<Untyped[]> })
  /** The type of its events: `es/` and the model's name. */
  readonly TYPE: string
  /** Makes events without dispatching them. */
  readonly event: {
    /** An event that writes a document whole. */
    set(doc: In, insertOnly?: boolean, meta?: unknown): Draft
    /** An event that merges properties, or with an id and a patch changes places. */
    update(doc: Changes<Doc>, upsert?: boolean, meta?: unknown): Draft
    update(id: Key, patch: Patch, meta?: unknown): Draft
    /** An event that removes a document. */
    remove(idOrDoc: Key | Changes<Doc>, meta?: unknown): Draft
  }
  /**
   * Writes a document whole by an event, replacing the one with its id, or an array of documents,
   * all or none. Resolves to what is stored; with `noReturn` to undefined. `meta` is kept in the
   * event's data.
   *
   * Rejects with `REQUIRED` or `INVALID` where a column or a `validate` refuses a value, with
   * `EEXIST` where `insertOnly` meets an id that is taken, and with what a function of the model's
   * definition threw.
   */
  set(doc: In, insertOnly: boolean | undefined, noReturn: true, meta?: unknown): Promise<Untyped>
  set(doc: In, insertOnly?: boolean, noReturn?: boolean, meta?: unknown): Promise<Doc>
  set(
    docs: readonly In[],
    insertOnly: boolean | undefined,
    noReturn: true,
    meta?: unknown,
  ): Promise<Untyped>
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
  update(
    doc: Changes<Doc>,
    upsert: boolean | undefined,
    noReturn: true,
    meta?: unknown,
  ): Promise<Untyped>
  update(doc: Changes<Doc>, upsert?: boolean, noReturn?: boolean, meta?: unknown): Promise<Doc>
  update(id: Key, patch: Patch, noReturn: true, meta?: unknown): Promise<Untyped>
  update(id: Key, patch: Patch, noReturn?: boolean, meta?: unknown): Promise<Doc>
  /** Removes a document by an event. Resolves to true, also when there is none. */
  remove(idOrDoc: Key | Changes<Doc>, meta?: unknown): Promise<true>
  /**
   * Changes every document that matches by events, all or none, and gives their number: by
   * properties to merge, by a patch, or by a function that makes the new document of the old one,
   * or undefined to leave it. An id cannot be changed.
   */
  updateWhere(
    attrs: Attrs<Doc, C>,
    change:
      | Changes<Doc>
      | Patch
      | ((doc: Doc) => Changes<Doc> | undefined | Promise<Changes<Doc> | undefined>),
    meta?: unknown,
  ): Promise<number>
  /** Removes every document that matches by events, all or none, and gives their number. */
  removeWhere(attrs: Attrs<Doc, C>, meta?: unknown): Promise<number>
  /**
   * Gives a document another id, by a removal and an insertion made together. Rejects with `ENOENT`
   * when there is none, and with `EEXIST` when the other id is taken.
   */
  changeId(oldId: Key, newId: Key, meta?: unknown): Promise<void>
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

/** The queue: confirmed events, then pending ones. It reads and adds; an event is never edited. */
export class EventQueue {
  /** `dispatch` makes the events of `add`; an EventSourcingDB gives its own. */
  constructor(options: {
    db: DB
    name?: string
    dispatch?: (draft: Draft) => Promise<Event>
  })
  /** The database. */
  readonly db: DB
  /** Its name in messages. Default `history`. */
  readonly name: string
  /** Makes an event, as `dispatch` does, and gives it with its position `v`. */
  add(type: string, data?: unknown, ts?: number): Promise<Event>
  /** Rejects with `NOT_SUPPORTED`: dispatch an event that corrects another. */
  set(): Promise<never>
  /** The event at a position; undefined without one. */
  get(v: number): Promise<QueuedEvent | undefined>
  /**
   * The first event after a position, default 0. Waits for it unless `noWait`; undefined when the
   * database is closed meanwhile.
   */
  getNext(v?: number, noWait?: boolean): Promise<QueuedEvent | undefined>
  /** The position of the last event; 0 without any. */
  getMaxV(): Promise<number>
  /**
   * Events in the order of their positions, of one type if it is given, behind `after`; with `sort:
   * {v: -1}` the newest first. As `{items}`; with `itemsOnly` the array alone.
   */
  search(
    attrs: { type?: string } | undefined,
    options: { limit?: number; sort?: { v: number }; after?: number; itemsOnly: true },
  ): Promise<QueuedEvent[]>
  search(
    attrs?: { type?: string },
    options?: { limit?: number; sort?: { v: number }; after?: number; itemsOnly?: false },
  ): Promise<{ items: QueuedEvent[] }>
  /** The events of a `search` alone. */
  searchAll(
    attrs?: { type?: string },
    options?: { limit?: number; sort?: { v: number }; after?: number },
  ): Promise<QueuedEvent[]>
  /** The first of them; undefined without any. */
  searchOne(
    attrs?: { type?: string },
    options?: { sort?: { v: number }; after?: number },
  ): Promise<QueuedEvent | undefined>
  /** Every event. */
  all(): Promise<QueuedEvent[]>
  /** The number of events, of one type if it is given. */
  count(attrs?: { type?: string }): Promise<number>
  /** The events of a `search`, at once and again after each commit that changed them. */
  live(
    attrs?: { type?: string },
    options?: { limit?: number; sort?: { v: number } },
  ): AsyncIterable<QueuedEvent[]>
}

export interface EventSourcingOptions<M extends Definitions = Definitions>
  extends Omit<SQLiteOptions, 'adapter'> {
  /** The models by name. */
  models: M
  /** Where and how to sync. Without it the events stay on this device. */
  sync?: SyncOptions
  /** The version of the reducers: another one than last time rebuilds the models. Default 0. */
  version?: number
  /**
   * The types of events that this version of the application makes and understands, each with its
   * schema version (default 0). When given, a confirmed event of another type, or of a newer
   * version, holds the state: nothing from it on is applied (`status.sync.held`) until a version
   * that knows it opens the database, while the log goes on. An `optional` one is passed over
   * instead. Without `types` only events of models that are not there hold.
   */
  types?: Record<string, number | { tv?: number; optional?: boolean }>
  /** Events that fail where they are made reject. The other policies are not built yet. */
  onError?: 'reject'
}

/** An event as `dispatch` resolves to it: durable on this device. */
export interface Dispatched extends Event {
  /**
   * Resolves when the server's log holds the event; rejects with the server's or the reducers'
   * verdict.
   */
  readonly synced: Promise<unknown>
}

/**
 * Models that only events write, their queue, and the sync with a server. `store` is typed by the
 * definitions.
 */
export class EventSourcingDB<const M extends Definitions = Definitions> extends Emitter {
  /** Opens nothing yet. Throws a `TypeError` for options that are unknown or of another type. */
  constructor(options: EventSourcingOptions<M>)
  /** The database below: for reading, and for models that are not synced. */
  readonly db: DB
  /** The models by name. */
  readonly store: Store<M>
  /** strato-db's name of `db`: one connection writes, and reads do not wait for it. */
  readonly rwDb: DB
  /** strato-db's name of `store`. */
  readonly rwStore: Store<M>
  /** The events. */
  readonly queue: EventQueue
  /** The state of the storage, and of the sync between this device and the server. */
  readonly status: StorageStatus & { sync: SyncStatus }
  /** Opens the database now instead of with the first call, and starts to sync. */
  open(): Promise<this>
  /** Waits for running operations and closes the files. Pending events stay in the queue. */
  close(): Promise<void>
  /**
   * Resolves when the event is durable here and its effect is in the models; rejects with the error
   * that a phase threw.
   */
  dispatch(type: string, data?: unknown, ts?: number): Promise<Dispatched>
  dispatch(event: Draft): Promise<Dispatched>
  dispatch(events: Draft[]): Promise<Dispatched[]>
  /** The position of the last event whose effect is in the models. */
  getVersion(): Promise<number>
  /** The event at a position, once its effect is in the models. */
  handledVersion(v: number): Promise<QueuedEvent | undefined>
  /** The last event, once the effect of all is in the models. */
  waitForQueue(): Promise<QueuedEvent | undefined>
  /** Makes everything that events wrote anew from the log. */
  rebuild(): Promise<void>
  /** Resolves when the server's log holds every event made so far. */
  synced(): Promise<void>
  /** Stops or resumes syncing: in force at once, and also after a restart once this resolves. */
  setOnline(online: boolean): Promise<void>
  /** Syncs now instead of when it is due. */
  sync(): void
  /** Gives a new bearer token; the server is asked again where it refused access. */
  setToken(token: string | undefined): void
  /** The status changed. */
  on(name: 'status', fn: (status: StorageStatus & { sync: SyncStatus }) => void): this
  /** An event was made and its effect is in the models. */
  on(name: 'result', fn: (event: Dispatched) => void): this
  /** `dispatch` failed: the error it rejects with. */
  on(name: 'error', fn: (error: unknown) => void): this
  /** A commit changed these tables. */
  on(name: 'change', fn: (tables: string[]) => void): this
  /**
   * A confirmed event failed at its place in the log, here as on every device, and has no effect:
   * the row it would have written was taken or gone. Also for events of other devices.
   */
  on(name: 'noop', fn: (noop: Noop) => void): this
  /** Events lost their effect by a new definition of a model: their number, and the reason. */
  on(name: 'warning', fn: (message: string) => void): this
}
