// Types of `JsonModel`: options, writing and reading.

import type { Untyped } from '../worker.js'
import type {
  Also,
  AlsoBig,
  Columns,
  DocOf,
  Flat,
  IdOf,
  InputOf,
  KeyOf,
  Same,
  StandardSchema,
  Validate,
  WithId,
} from './columns.js'
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
/** What `numAggOp` computes. */
export type AggregateName = Aggregate | Uppercase<Aggregate>
type Aggregate = 'max' | 'min' | 'sum' | 'avg' | 'count' | 'total'

/** An index over several columns. */
export interface IndexDefinition {
  /** Its name behind the table's; default the columns' names joined by `_`. */
  readonly name?: string
  readonly columns: readonly string[]
  readonly unique?: boolean
  /** Leave out rows in which all of them have no value. */
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
  readonly columns?: C
  readonly indexes?: readonly IndexDefinition[]
  /** Checks a document before it is written. */
  readonly validate?: V
  /** What results are instances of. */
  readonly ItemClass?: new () => Untyped
  /** For ids that are not integers: rows keep their rowid over a VACUUM. Default true. */
  readonly keepRowId?: boolean
  /** By key; each runs once. `false` takes one out. */
  readonly migrations?: { readonly [key: string]: Migration | false }
  /** Handed to the migrations. */
  readonly migrationOptions?: object
  readonly emitter?: unknown
  readonly dispatch?: unknown
}

/** What `set` takes where nothing says what it needs. */
export type Loose<Doc> = { [K in keyof Doc]?: Doc[K] | undefined }
/**
 * What `update` takes: null and undefined remove a property; a value also as another form that is
 * stored as the same.
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

/** What a write without a return value resolves to. */
export interface Written {
  changes: number
  lastID: number | bigint | string
}

/** What `getCached` loads through. */
export interface Loader<Doc, Key = Id> {
  load(id: Key): Promise<Doc | undefined>
  prime(id: Key, doc: Doc | undefined): this
  clear(id: Key): this
  clearAll(): this
  loadMany(ids: readonly Key[]): Promise<(Doc | undefined)[]>
}

export interface EachOptions<Doc, C extends Columns>
  extends Omit<SearchOptions<Doc, C>, 'cursor' | 'itemsOnly'> {
  /** How many calls of `fn` run at the same time. Default 5. */
  concurrent?: number
  /** How many documents are read at a time. Default 50. */
  batchSize?: number
  fn?: (item: Doc, i: number) => unknown
}

/**
 * A table of JSON documents. `Doc` is what it gives, `C` its columns, `In` what `set` takes, `Key`
 * an id as it is asked for; `addModel` infers them from the definition, a class says them: `class
 * Things extends JsonModel<Thing, typeof columns>`.
 */
export class JsonModel<Doc = Untyped, C extends Columns = Columns, In = Loose<Doc>, Key = Id> {
  constructor(options: ModelOptions)
  readonly db: SQLite
  readonly name: string
  /** The name as an SQL identifier. */
  readonly quoted: string
  readonly idCol: string
  readonly idColQ: string
  /** What results are instances of. */
  readonly Item: (new () => Untyped) | undefined
  readonly columns: Record<string, Untyped>
  readonly columnArr: Untyped[]
  readonly getCols: Untyped[]
  /** The columns that a search selects, `json` among them. */
  readonly selectCols: Untyped[]

  /**
   * Writes a document whole, or an array of them all or none. Rejects with `SQLITE_CONSTRAINT_…` as
   * SQLite does.
   */
  set(doc: In, insertOnly: boolean | undefined, noReturn: true): Promise<Written>
  set(doc: In, insertOnly?: boolean, noReturn?: boolean): Promise<Doc>
  set(docs: readonly In[], insertOnly: boolean | undefined, noReturn: true): Promise<Written>
  set(docs: readonly In[], insertOnly?: boolean, noReturn?: boolean): Promise<Doc[]>
  // again: errors are told of the last one
  set(doc: In, insertOnly?: boolean, noReturn?: boolean): Promise<Doc>
  /**
   * Merges property by property; null and undefined remove one. Rejects with `ENOENT` unless
   * `upsert`.
   */
  update(doc: Changes<Doc>, upsert: boolean | undefined, noReturn: true): Promise<Written>
  update(doc: Changes<Doc>, upsert?: boolean, noReturn?: boolean): Promise<Doc>
  /** Changes places deep in a document. Rejects with `ENOENT` when there is none. */
  update(id: Key, patch: Patch, noReturn: true): Promise<Written>
  update(id: Key, patch: Patch, noReturn?: boolean): Promise<Doc>
  /** `update`, which needs no transaction of its own here. */
  updateNoTrans(doc: Changes<Doc>, upsert?: boolean, noReturn?: boolean): Promise<Doc>
  /**
   * Changes every document that matches: a merge, a patch, or what a function makes of each,
   * undefined leaving it.
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
  /** Removes every document that matches; gives their number. */
  removeWhere(attrs: Attrs<Doc, C>): Promise<number>
  /** Deprecated name of `remove`. */
  delete(idOrDoc: Key | Changes<Doc>): Promise<Untyped>
  /** Gives a document another id. Rejects with `ENOENT`, or as SQLite does when the id is taken. */
  changeId(oldId: Key, newId: Key): Promise<void>

  /** The document with an id, or with a value in a column; undefined when there is none. */
  get(id: Key): Promise<Doc | undefined>
  get<N extends Name<C>>(value: KeyOf<C, N>, column: N): Promise<Doc | undefined>
  /** In the order of `ids`, undefined where there is none. */
  getAll(ids: readonly Key[] | null | undefined): Promise<(Doc | undefined)[]>
  getAll<N extends Name<C>>(values: readonly KeyOf<C, N>[], column: N): Promise<(Doc | undefined)[]>
  /**
   * `get`, collected with others of the same tick into one, and kept in `cache`. Without a cache,
   * or in a transaction, `get`.
   */
  getCached(cache: object | null | undefined, id: Key): Promise<Doc | undefined>
  getCached<N extends Name<C>>(
    cache: object | null | undefined,
    value: KeyOf<C, N>,
    column: N,
  ): Promise<Doc | undefined>
  /** Forgets what `getCached` kept, of one id or of all. Gives the loader, which can be primed. */
  clearCache(cache: object, id?: Key | null): Loader<Doc, Key>
  clearCache<N extends Name<C>>(
    cache: object,
    value: KeyOf<C, N> | null | undefined,
    column: N,
  ): Loader<Doc, KeyOf<C, N>>
  /** Every document, whatever an own `makeSelect` says. */
  all(): Promise<Doc[]>
  search<
    const Cols extends readonly string[] = never,
    const Only extends boolean = false,
    const Snip extends Snippets = never,
  >(
    attrs?: Attrs<Doc, C> | null,
    options?: SearchOptions<Doc, C, Cols, Only, Snip>,
  ): Promise<Results<Item<Doc, C, Cols, Snip>, Only>>
  searchAll<const Cols extends readonly string[] = never, const Snip extends Snippets = never>(
    attrs?: Attrs<Doc, C> | null,
    options?: SearchOptions<Doc, C, Cols, boolean, Snip>,
  ): Promise<Item<Doc, C, Cols, Snip>[]>
  searchOne<const Cols extends readonly string[] = never, const Snip extends Snippets = never>(
    attrs?: Attrs<Doc, C> | null,
    options?: SearchOptions<Doc, C, Cols, boolean, Snip>,
  ): Promise<Item<Doc, C, Cols, Snip> | undefined>
  exists(idOrAttrs?: Key | Attrs<Doc, C>, options?: SearchOptions<Doc, C>): Promise<boolean>
  count(attrs?: Attrs<Doc, C> | null, options?: SearchOptions<Doc, C>): Promise<number>
  /**
   * `OP(column)` over the numbers of what matches, a BigInt beyond 2^53; null when there is none,
   * of `COUNT` and `TOTAL` 0.
   */
  numAggOp(
    op: AggregateName,
    column: Name<C>,
    attrs?: Attrs<Doc, C> | null,
    options?: FigureOptions<Doc, C>,
  ): Promise<number | bigint | null>
  max(
    column: Name<C>,
    attrs?: Attrs<Doc, C> | null,
    options?: FigureOptions<Doc, C>,
  ): Promise<number | bigint | null>
  min(
    column: Name<C>,
    attrs?: Attrs<Doc, C> | null,
    options?: FigureOptions<Doc, C>,
  ): Promise<number | bigint | null>
  sum(
    column: Name<C>,
    attrs?: Attrs<Doc, C> | null,
    options?: FigureOptions<Doc, C>,
  ): Promise<number | bigint | null>
  avg(
    column: Name<C>,
    attrs?: Attrs<Doc, C> | null,
    options?: FigureOptions<Doc, C>,
  ): Promise<number | bigint | null>
  /**
   * Calls `fn` with every document that matches, page by page; gives their number. An error stops
   * it.
   */
  each(fn: (item: Doc, i: number) => unknown): Promise<number>
  each(attrs: Attrs<Doc, C>, fn: (item: Doc, i: number) => unknown): Promise<number>
  each(
    attrs: Attrs<Doc, C>,
    options: EachOptions<Doc, C>,
    fn?: (item: Doc, i: number) => unknown,
  ): Promise<number>
  /**
   * The matching documents, and again after each commit that changed them. A slow reader gets the
   * newest only.
   */
  live<const Cols extends readonly string[] = never, const Snip extends Snippets = never>(
    attrs?: Attrs<Doc, C> | null,
    options?: SearchOptions<Doc, C, Cols, boolean, Snip>,
  ): AsyncIterable<Item<Doc, C, Cols, Snip>[]>
  /** How SQLite will search. */
  explain(attrs?: Attrs<Doc, C> | null, options?: SearchOptions<Doc, C>): Promise<Explanation>
  /** Rows of a SELECT over this table as documents; with `cols` these columns of them. */
  toObj(rows: readonly object[], options?: { cols?: readonly Name<C>[] }): Doc[]
  toObj(row: object, options?: { cols?: readonly Name<C>[] }): Doc
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

  /** In a migration: gives a column's values another name in every document; how many had one. */
  renameColumn(from: string, to: string): Promise<number>
  /** In a migration: removes a column's values; how many there were. */
  dropColumn(name: string): Promise<number>
  /**
   * In a migration: makes a column's values anew; undefined removes one. How many there were. `fn`
   * gets values of the column's old type and gives ones of its new type: a `Date` for DATE, a
   * `Uint8Array` for BLOB, a BigInt for BIGINT. `parse` and `stringify` have no part in it: it
   * gets, and gives, what is stored.
   */
  retypeColumn(name: string, fn: (value: Untyped, doc: Untyped) => unknown): Promise<number>
}

/** The name of a column. */
export type Name<C> = string extends keyof C ? string : keyof C & string
/** Any model. */
export type AnyModel = JsonModel<Untyped, Untyped, Untyped, Untyped>
/** The model of a definition. */
export type ModelOf<C extends Columns, IdCol extends string, V> = JsonModel<
  With<Output<V>, DocOf<C, IdCol>>,
  WithId<C, IdCol>,
  With<Input<V>, InputOf<C, IdCol>>,
  IdKey<IdOf<C, IdCol>>
>
/** What asks for an id. */
export type IdKey<V> = [V] extends [Date] ? Date | number : [V] extends [Uint8Array] ? V : Id
/**
 * What `addModel(Model, options)` gives: JsonModel by its definition, another class its instance.
 */
export type Added<M, C extends Columns, IdCol extends string, V> =
  Same<M, typeof JsonModel> extends true
    ? ModelOf<C, IdCol, V>
    : M extends new (
          ...args: Untyped[]
        ) => infer Instance
      ? Instance
      : never
/** What a schema says, and what the columns do. */
type With<Said, Doc> = unknown extends Said ? Doc : Flat<Said & Doc>
type Output<V> = [V] extends [StandardSchema<Untyped, infer O>] ? O : unknown
type Input<V> = [V] extends [StandardSchema<infer I, Untyped>] ? I : unknown
