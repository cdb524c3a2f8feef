// Types of searches: conditions by the type of a column, options and results.

import type { Untyped } from '../worker.js'
import type { Columns, Flat, IsAny, Made, ValueOf } from './columns.js'

interface Equality<V> {
  /** Null asks for documents without a value. */
  $eq?: V | null
  /** Another value, or none. */
  $ne?: V | null
  /** One of these; null stands for no value. */
  $in?: readonly (V | null)[]
  /** None of these. */
  $nin?: readonly (V | null)[]
  /** Whether there is a value. */
  $exists?: boolean
  /** Whether there is none. */
  $null?: boolean
}

interface Order<V> {
  /** Greater. */
  $gt?: V
  /** Greater or equal. */
  $gte?: V
  /** Less. */
  $lt?: V
  /** Less or equal. */
  $lte?: V
  /** From the first to the second, both included. */
  $between?: readonly [V, V]
}

interface Pattern {
  /**
   * SQL's LIKE: `%` any text, `_` any character; case counts for other letters than A to Z only. No
   * NUL.
   */
  $like?: string
  /** SQL's GLOB: `*`, `?`, `[a-z]`; case counts. */
  $glob?: string
  /** A part of the text, whatever it has in it. */
  $text?: string
}

interface Members<E> {
  /** The array holds it. */
  $contains?: E
  /** The array holds all of them. */
  $containsAll?: readonly E[]
  /** The array holds one of them. */
  $containsAny?: readonly E[]
}

/**
 * Words of a user, any text, in any order; the last may be a beginning; a phrase; or FTS5's own
 * language.
 */
export type Match =
  | string
  | { words: string; prefix?: boolean }
  | { phrase: string }
  | { query: string }

interface FullText {
  /** Columns with `fts`. */
  $match?: Match
}

type Anything = Equality<Untyped> & Order<Untyped> & Pattern & Members<Untyped> & FullText

/** The operators for a value. */
type OperatorsFor<V> =
  IsAny<V> extends true
    ? Anything
    : [V] extends [readonly (infer E)[]]
      ? Equality<V> & Members<E>
      : [V] extends [string]
        ? Equality<V> & Order<V> & Pattern
        : [V] extends [boolean]
          ? Equality<boolean>
          : [V] extends [number | bigint]
            ? Equality<number | bigint> & Order<number | bigint>
            : [V] extends [Date]
              ? Equality<Date | number> & Order<Date | number>
              : [V] extends [Uint8Array]
                ? Equality<V> & Order<V>
                : Equality<V> & Members<Untyped>

/** The operators of a column. */
type OperatorsOf<D> = OperatorsFor<D extends { falsyBool: true } ? boolean : ValueOf<D>> &
  (D extends { fts: infer F } ? (F extends false ? unknown : FullText) : unknown)

/** The value that a search gives for a column without an operator. */
type Wanted<D> = D extends { where: (value: infer V, ...more: Untyped[]) => unknown }
  ? V
  : D extends { whereVal: (value: infer V) => unknown }
    ? V
    : D extends { textSearch: true }
      ? string
      : D extends { inAll: true } | { isAnyOfArray: true }
        ? readonly Untyped[]
        : D extends { in: true; isArray: true }
          ? readonly Untyped[]
          : D extends { in: true }
            ? readonly Compared<ValueOf<D>>[]
            : D extends { isArray: true }
              ? Untyped
              : D extends { falsyBool: true }
                ? boolean
                : Compared<ValueOf<D>>

/** A Date also as milliseconds, numbers of either kind. */
type Compared<V> =
  IsAny<V> extends true
    ? Untyped
    : [V] extends [number | bigint]
      ? number | bigint
      : [V] extends [Date]
        ? Date | number
        : V

/** Null and undefined are no condition. */
type Condition<W, O> = IsAny<W> extends true ? W : W | O | null | undefined

/** `{$and, $or, $not}` of attributes, and full text in all columns of its index. */
export interface Logical<A> {
  /** All of them. */
  $and?: readonly A[]
  /** One of them. */
  $or?: readonly A[]
  /** Not this one. */
  $not?: A
  /** Any column with `fts`. */
  $match?: Match
}

/** A place further down: `meta.city`, `tags[0]`. */
type Deep<Name extends string> = `${Name}.${string}` | `${Name}[${string}`

type Names<C> = keyof C & string

/** The path of a column where it is another than a column's name. */
type PathOf<D, C> = D extends { path: infer P extends string }
  ? string extends P
    ? never
    : P extends keyof C
      ? never
      : P
  : never
type Paths<C extends Columns> = { [K in Names<C>]: PathOf<Made<C[K]>, C> }[Names<C>]

interface ColumnAttrs<C extends Columns> extends Logical<Attrs<Untyped, C>> {}
type ByColumn<C extends Columns> = {
  [K in Names<C>]?: Asked<C[K]>
} & { [K in Names<C> as PathOf<Made<C[K]>, C>]?: Asked<C[K]> } & {
  [K in Deep<Names<C> | Paths<C>>]?: Untyped
} & ColumnAttrs<C>
type Asked<D> = Made<D> extends infer M ? Condition<Wanted<M>, OperatorsOf<M>> : never

interface DocAttrs<Doc> extends Logical<Attrs<Doc, Columns>> {}
type ByProperty<Doc> = {
  [K in Names<Doc>]?: Condition<NonNullable<Doc[K]>, OperatorsFor<NonNullable<Doc[K]>>>
} & { [K in Deep<Names<Doc>>]?: Untyped } & DocAttrs<Doc>

/**
 * The conditions of a search: columns and the values they must have, or operators. Null and
 * undefined are no condition; `{$eq: null}` asks for documents without a value. Checked by the
 * columns where they are known, else by the document.
 */
export type Attrs<Doc = Untyped, C extends Columns = Columns> = string extends keyof C
  ? IsAny<Doc> extends true
    ? { [column: string]: Untyped }
    : ByProperty<Doc>
  : ByColumn<C>

/** The names that can be sorted by. */
type Sortable<Doc, C extends Columns> = string extends keyof C
  ? IsAny<Doc> extends true
    ? string
    : Names<Doc> | Deep<Names<Doc>>
  : Names<C> | Paths<C> | Deep<Names<C> | Paths<C>>

/**
 * `{column: n}`: by |n| ascending; negative means descending, 0 is ignored. `$rank` sorts by the
 * relevance of `$match`.
 */
export type Sort<Doc = Untyped, C extends Columns = Columns> = {
  [K in Sortable<Doc, C> | '$rank']?: number
}

export interface SnippetOptions {
  /** Put before each word found. Default nothing. */
  before?: string
  /** Put after each word found. Default nothing. */
  after?: string
  /** Put where text was left out. Default `…`. */
  ellipsis?: string
  /** The number of words. Default 16, at most 64. */
  tokens?: number
}

export type Snippets = { readonly [column: string]: SnippetOptions | true }

export interface SearchOptions<
  Doc = Untyped,
  C extends Columns = Columns,
  Cols extends readonly string[] = readonly string[],
  Only extends boolean = boolean,
  Snip extends Snippets = Snippets,
> {
  /** The most documents to give; 0 and undefined mean all. */
  limit?: number | undefined
  /** The number of documents to pass over. Default 0. */
  offset?: number | undefined
  /** The order: `{column: n}`, by |n| ascending, where a negative one means descending. */
  sort?: Sort<Doc, C>
  /**
   * SQL conditions with their values, the developer's own code; one with a falsy value is skipped.
   */
  where?: { readonly [sql: string]: readonly unknown[] | null | undefined | false }
  /**
   * SQL after the table, which is `tbl`: the developer's own code. Give a joined table a name that
   * no column has.
   */
  join?: string
  /** The values for the `?` of `join`. */
  joinVals?: readonly unknown[]
  /**
   * Columns to give instead of documents, each at its path, or SQL of the developer's own, by its
   * text or the `n` of `count(*) AS n`.
   */
  cols?: Cols
  /** Give equal rows once. Default false. */
  distinct?: boolean
  /** The page after, or before, an earlier search with the same sort. */
  cursor?: string | undefined
  /** Give no cursors and no total. */
  noCursor?: boolean
  /** Don't count all matches. */
  noTotal?: boolean
  /** Give the array alone. */
  itemsOnly?: Only
  /**
   * Parts of the text around the words that `$match` found, else its beginning, by column, as
   * `$snippet`.
   */
  snippet?: Snip
}

/**
 * The options of a figure: it is of all numbers that match, so the page, order and columns of a
 * search are not among them.
 */
export type FigureOptions<Doc = Untyped, C extends Columns = Columns> = Omit<
  SearchOptions<Doc, C>,
  'cols' | 'distinct' | 'snippet'
>

/** A page of results. */
export interface Page<Item> {
  /** The documents, or the wanted columns of them. */
  items: Item[]
  /** The number of all matches. */
  total?: number
  /** For the next page; absent on the last. */
  cursor?: string
  /** For the page before; absent on the first. */
  prevCursor?: string
}

/** An item of a search: a document, or the wanted columns as far as they have values. */
export type Item<Doc, C extends Columns, Cols extends readonly string[] = never, Snip = never> = [
  Cols,
] extends [never]
  ? [Snip] extends [never]
    ? Doc
    : Flat<Doc & { $rank?: number; $snippet: { -readonly [K in keyof Snip]: string } }>
  : Flat<
      {
        [N in Exclude<Cols[number], Placed<C>> as Given<N>]?: N extends keyof C
          ? ValueOf<Made<C[N]>>
          : N extends keyof Doc
            ? Doc[N]
            : Untyped
      } & ([Cols[number] & Placed<C>] extends [never] ? unknown : Partial<Doc>)
    >
/** Columns whose values lie elsewhere than under their names. */
type Placed<C> = string extends keyof C
  ? never
  : { [N in keyof C]: Made<C[N]> extends { path: string } ? N : never }[keyof C] & string
/** The name that SQL gets: `n` of `count(*) AS n`. */
type Given<N extends string> = [AliasIn<N>] extends [never] ? N : AliasIn<N>
type AliasIn<N extends string> = N extends `${infer Word} ${infer Rest}`
  ? Rest extends `${string}${' ' | ')' | '(' | '"' | '.' | ','}${string}`
    ? AliasIn<Rest>
    : Lowercase<Word> extends 'as' | `${string})as`
      ? Rest
      : AliasIn<Rest>
  : never

/** A page, or with `itemsOnly` the array alone. */
export type Results<Item, Only extends boolean> = Only extends true ? Item[] : Page<Item>

/** The plan by which SQLite will search. */
export interface Explanation {
  /** The lines of its plan. */
  plan: string[]
  /** The indexes it uses. */
  indexes: string[]
  /** Whether it reads the whole table. */
  scans: boolean
  /** The statement. */
  sql: string
}
