// Types of `JsonModel`: options, writing and reading.

import type { Untyped } from '../worker.js'
import type { Also, AlsoBig, Columns, KeyOf, Validate } from './columns.js'
import type { Migration } from './db.js'
import type {
  Attrs,
  Explanation,
  FigureOptions,
  Item,
  Results,
  SearchOptions,
  Snippets,
} from './search.js'
import type { SQLite } from './sql.js'

export type Id = string | number | bigint
/** The figures that `numAggOp` computes. */
export type AggregateName = Aggregate | Uppercase<Aggregate>
type Aggregate = 'max' | 'min' | 'sum' | 'avg' | 'count' | 'total'

/** An index over several columns. */
export interface IndexDefinition {
  /** Its name behind the table's; default the columns' names joined by `_`. */
  readonly name?: string
  /** The columns' names, in the index's order. */
  readonly columns: readonly string[]
  /** No two documents may have the same values. Default false. */
  readonly unique?: boolean
  /** Leave out rows in which none of them has a value. Default false. */
  readonly sparse?: boolean
}

export interface ModelOptions<
  C extends Columns = Columns,
  IdCol extends string = string,
  V = Validate | undefined,
> {
  /** The database; `addModel` gives it. */
  readonly db?: SQLite
  /** The table. */
  readonly name?: string
  /** Default `id`. */
  readonly idCol?: IdCol
  /** The declared columns by name. Documents may have other properties besides. */
  readonly columns?: C
  /** Indexes over several columns. */
  readonly indexes?: readonly IndexDefinition[]
  /** Checks a document before it is written. */
  readonly validate?: V
  /** The class of results. */
  readonly ItemClass?: new () => Untyped
  /** For ids that are not integers: rows keep their rowid over a VACUUM. Default true. */
  readonly keepRowId?: boolean
  /** By key; each runs once. `false` takes one out. */
  readonly migrations?: { readonly [key: string]: Migration | false }
  /** Handed to the migrations. */
  readonly migrationOptions?: object
  /** Accepted and not used. */
  readonly emitter?: unknown
  /** The function that makes the events of an `ESModel`; `EventSourcingDB` gives it. */
  readonly dispatch?: unknown
}

/** The argument of `set` where no type declares the properties it needs. */
export type Loose<Doc> = { [K in keyof Doc]?: Doc[K] | undefined }
/**
 * The argument of `update`: null and undefined remove a property; a value can have another form
 * that is stored as the same.
 */
export type Changes<Doc> = {
  [K in keyof Doc]?: Doc[K] | Also<Doc[K]> | AlsoBig<Doc[K]> | null | undefined
}

/** A patch: places are dotted, `a.b[0].c`. All or nothing. */
export interface Patch {
  /** Writes values. */
  $set?: { readonly [path: string]: Untyped }
  /** Removes values. */
  $unset?: string | readonly string[] | { readonly [path: string]: true }
  /** Adds to numbers; nothing counts as 0. */
  $inc?: { readonly [path: string]: number | bigint }
  /** Appends to arrays; nothing counts as an empty one. */
  $push?: { readonly [path: string]: Untyped }
}

/** The result of a write with `noReturn`. */
export interface Written {
  /** The number of documents that were written. */
  changes: number
  /** The id of the last one. */
  lastID: number | bigint | string
}

/** The loader of `getCached`. */
export interface Loader<Doc, Key = Id> {
  /** The document with an id, as it was when it was first asked for. */
  load(id: Key): Promise<Doc | undefined>
  /** Keeps a document without reading it, unless one is kept under this id. */
  prime(id: Key, doc: Doc | undefined): this
  /** Forgets one id. */
  clear(id: Key): this
  /** Forgets all ids. */
  clearAll(): this
  /** `load` for each id, in their order. */
  loadMany(ids: readonly Key[]): Promise<(Doc | undefined)[]>
}

export interface EachOptions<Doc, C extends Columns>
  extends Omit<SearchOptions<Doc, C>, 'cursor' | 'itemsOnly'> {
  /** The number of calls of `fn` that run at the same time. Default 5. */
  concurrent?: number
  /** The number of documents that are read at a time. Default 50. */
  batchSize?: number
  /**
   * The function that is called with each document and its number from 0, if it is not an argument.
   */
  fn?: (item: Doc, i: number) => unknown
}

/**
 * A table of JSON documents. `Doc` is the type of its documents, `C` its columns, `In` the argument
 * of `set`, `Key` an id as it is asked for; `addModel` infers them from the definition, a class
 * declares them: `class Things extends JsonModel<Thing, typeof columns>`.
 */
export class JsonModel<Doc = Untyped, C extends Columns = Columns, In = Loose<Doc>, Key = Id> {
  /** Throws a `TypeError` for options that are unknown or of another type, naming them. */
  constructor(options: ModelOptions)
  /** The database, in a transaction the transaction's. */
  readonly db: SQLite
  /** The table. */
  readonly name: string
  /** The name as an SQL identifier. */
  readonly quoted: string
  /** The name of the id's column. */
  readonly idCol: string
  /** The same as an SQL identifier. */
  readonly idColQ: string
  /** The class of results. */
  readonly Item: (new () => Untyped) | undefined
  /** Every column by its name, the id and `json` among them. */
  readonly columns: Record<string, Untyped>
  /** The same columns as an array. */
  readonly columnArr: Untyped[]
  /** Those whose values are put back into documents that are read. */
  readonly getCols: Untyped[]
  /** The columns that a search selects, `json` among them. */
  readonly selectCols: Untyped[]
  /** Their names. */
  readonly selectColNames: string[]
  /** The names that `selectColsSql` gives their values. */
  readonly selectColAliases: string[]
  /** The list of a SELECT over the table, called `tbl`, of which `toObj` makes documents. */
  readonly selectColsSql: string
  /** The option. */
  readonly migrations: ModelOptions['migrations']
  /** The option. */
  readonly migrationOptions: object | undefined

  /**
   * Writes a document whole, replacing the one with its id, or an array of documents, all or none.
   * Resolves to what is stored; with `noReturn` to `{changes, lastID}`.
   *
   * Rejects with `REQUIRED` or `INVALID` where a column or a `validate` refuses a value, and with
   * SQLite's `SQLITE_CONSTRAINT_…`: with `insertOnly` also where the id is taken.
   */
  set(doc: In, insertOnly: boolean | undefined, noReturn: true): Promise<Written>
  set(doc: In, insertOnly?: boolean, noReturn?: boolean): Promise<Doc>
  set(docs: readonly In[], insertOnly: boolean | undefined, noReturn: true): Promise<Written>
  set(docs: readonly In[], insertOnly?: boolean, noReturn?: boolean): Promise<Doc[]>
  // again, for a compiler's message is about the last one
  set(doc: In, insertOnly?: boolean, noReturn?: boolean): Promise<Doc>
  /**
   * Merges `doc` into the document with its id, property by property; null and undefined remove
   * one. Resolves to the whole document; with `noReturn` to `{changes, lastID}`.
   *
   * `update(id, {$set, $unset, $inc, $push})` changes places deep in a document instead.
   *
   * Rejects with `ENOENT` when there is no such document, unless `upsert` has it made.
   */
  update(doc: Changes<Doc>, upsert: boolean | undefined, noReturn: true): Promise<Written>
  update(doc: Changes<Doc>, upsert?: boolean, noReturn?: boolean): Promise<Doc>
  /** Changes places deep in a document. Rejects with `ENOENT` when there is none. */
  update(id: Key, patch: Patch, noReturn: true): Promise<Written>
  update(id: Key, patch: Patch, noReturn?: boolean): Promise<Doc>
  /** The same as `update`. */
  updateNoTrans(doc: Changes<Doc>, upsert?: boolean, noReturn?: boolean): Promise<Doc>
  /**
   * Changes every document that matches, all or none, and gives their number: by properties to
   * merge, by a patch, or by a function that makes the new document of the old one, or undefined to
   * leave it. An id cannot be changed.
   */
  updateWhere(
    attrs: Attrs<Doc, C>,
    change:
      | Changes<Doc>
      | Patch
      | ((doc: Doc) => Changes<Doc> | undefined | Promise<Changes<Doc> | undefined>),
  ): Promise<number>
  /** Removes a document; resolves also when there is none, and for undefined. */
  remove(idOrDoc: Key | Changes<Doc> | undefined): Promise<Untyped>
  /** Removes every document that matches, all or none, and gives their number. */
  removeWhere(attrs: Attrs<Doc, C>): Promise<number>
  /** Deprecated name of `remove`. */
  delete(idOrDoc: Key | Changes<Doc>): Promise<Untyped>
  /** Gives a document another id. Rejects with `ENOENT`, or as SQLite does when the id is taken. */
  changeId(oldId: Key, newId: Key): Promise<void>

  /** The document with an id, or the first with a value in a column; undefined if there is none. */
  get(id: Key): Promise<Doc | undefined>
  get<N extends Name<C>>(value: KeyOf<C, N>, column: N): Promise<Doc | undefined>
  /**
   * The documents with these ids, or with these values in a column, in their order; undefined where
   * there is none.
   */
  getAll(ids: readonly Key[] | null | undefined): Promise<(Doc | undefined)[]>
  getAll<N extends Name<C>>(values: readonly KeyOf<C, N>[], column: N): Promise<(Doc | undefined)[]>
  /**
   * `get`, read together with the other ids that are asked for in the same task, at most 100 at a
   * time, and kept in `cache`. Without a cache, or in a transaction, it is `get`.
   */
  getCached(cache: object | null | undefined, id: Key): Promise<Doc | undefined>
  getCached<N extends Name<C>>(
    cache: object | null | undefined,
    value: KeyOf<C, N>,
    column: N,
  ): Promise<Doc | undefined>
  /**
   * Forgets the documents that `getCached` kept, of one id or of all. Gives the loader, which can
   * be primed.
   */
  clearCache(cache: object, id?: Key | null): Loader<Doc, Key>
  clearCache<N extends Name<C>>(
    cache: object,
    value: KeyOf<C, N> | null | undefined,
    column: N,
  ): Loader<Doc, KeyOf<C, N>>
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
  /**
   * Calls `fn` with every document that matches and its number from 0, and gives their number. They
   * are read `batchSize` at a time. The first error that `fn` throws ends it.
   */
  each(fn: (item: Doc, i: number) => unknown): Promise<number>
  each(attrs: Attrs<Doc, C>, fn: (item: Doc, i: number) => unknown): Promise<number>
  each(
    attrs: Attrs<Doc, C>,
    options: EachOptions<Doc, C>,
    fn?: (item: Doc, i: number) => unknown,
  ): Promise<number>
  /**
   * The documents that match, at once and again after each commit that changed them. A slow reader
   * gets the newest result only. Closing the database ends it.
   */
  live<const Cols extends readonly string[] = never, const Snip extends Snippets = never>(
    attrs?: Attrs<Doc, C> | null,
    options?: SearchOptions<Doc, C, Cols, boolean, Snip>,
  ): AsyncIterable<Item<Doc, C, Cols, Snip>[]>
  /** The plan by which SQLite will search: `{plan, indexes, scans, sql}`. */
  explain(attrs?: Attrs<Doc, C> | null, options?: SearchOptions<Doc, C>): Promise<Explanation>
  /** Rows of a SELECT over this table as documents; with `cols` these columns of them. */
  toObj(rows: readonly object[], options?: { cols?: readonly Name<C>[] }): Doc[]
  toObj(row: object, options?: { cols?: readonly Name<C>[] }): Doc
  /** One row of a SELECT over this table as a document. */
  parseRow(row: object, options?: { cols?: readonly Name<C>[] }): Doc
  /**
   * `[sql, values, cursorAliases, totalSql, totalValues, invert]` of a search, on an open database.
   * Override it for searches of your own: all of them, counts and figures go through it, with
   * attributes that are no columns as well.
   */
  makeSelect(
    options: { attrs?: Attrs<Doc, C> } & SearchOptions<Doc, C>,
  ): [
    string,
    unknown[],
    string[] | undefined,
    string | undefined,
    unknown[] | undefined,
    boolean | undefined,
  ]
}

/** A model as a migration has it. */
export interface MigrationModel<
  Doc = Untyped,
  C extends Columns = Columns,
  In = Loose<Doc>,
  Key = Id,
> extends JsonModel<Doc, C, In, Key> {
  /** Gives a column's values another name in every document; returns how many had one. */
  renameColumn(from: string, to: string): Promise<number>
  /** Removes a column's values; returns how many there were. */
  dropColumn(name: string): Promise<number>
  /**
   * Makes a column's values anew; undefined removes one. Returns how many there were. `fn` gets
   * values of the column's old type and gives ones of its new type: a `Date` for DATE, a
   * `Uint8Array` for BLOB, a BigInt for BIGINT. `parse` and `stringify` are not called: `fn` gets
   * and gives stored values.
   */
  retypeColumn(name: string, fn: (value: Untyped, doc: Untyped) => unknown): Promise<number>
}

/** The name of a column. */
export type Name<C> = string extends keyof C ? string : keyof C & string
/** Any model. */
export type AnyModel = JsonModel<Untyped, Untyped, Untyped, Untyped>
