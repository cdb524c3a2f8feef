// Types of columns: a definition, and the documents that follow from it. Conditions on columns are
// in types/search.d.ts.

import type { Untyped } from '../worker.js'

/** The types of real columns, and their values in JavaScript. */
export interface ColumnTypes {
  /** Any text. */
  TEXT: string
  /** Numbers, integers or not, as SQLite's NUMERIC keeps them. */
  NUMERIC: number
  /** Beyond 2^53 a BigInt. */
  INTEGER: number
  /** Any number, as a double. */
  REAL: number
  /** Any JSON. */
  JSON: Untyped
  /** Bytes. */
  BLOB: Uint8Array
  /** Stored as milliseconds since 1970. */
  DATE: Date
  /** 64 bits, always as a BigInt. */
  BIGINT: bigint
}

export type ColumnType = keyof ColumnTypes

/** The row that a row refers to: writing fails while it does not exist. Real columns only. */
export interface ForeignKey {
  /** The other model's name. */
  model: string
  /** Its column; default its id. */
  column?: string
  /** The effect on this row when the other is removed. Default `RESTRICT`: the other cannot be. */
  onDelete?: 'CASCADE' | 'SET NULL' | 'RESTRICT'
  /** The same when the other's column changes. */
  onUpdate?: 'CASCADE' | 'SET NULL' | 'RESTRICT'
}

/** The result of a {@link StandardSchema}. */
export type SchemaResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly { readonly message: string }[] }

/** A schema of zod, valibot, arktype and others: https://standardschema.dev. */
export interface StandardSchema<Input = unknown, Output = Input> {
  /** The interface that Standard Schema requires of a library's schemas. */
  readonly '~standard': {
    readonly version: 1
    readonly vendor: string
    readonly validate: (value: unknown) => SchemaResult<Output> | Promise<SchemaResult<Output>>
    readonly types?: { readonly input: Input; readonly output: Output } | undefined
  }
}

/**
 * Checks a value before it is written. A schema's output is stored, and its issues reject the write
 * with `INVALID`. A function refuses by throwing or by `false`; another value than undefined and
 * true is stored instead. The stored value is checked again when a part of the document is changed:
 * accept it, and return the same.
 */
export type Validate = StandardSchema<Untyped, Untyped> | ((value: Untyped) => unknown)

/**
 * A declared column. Without `type` or `real` it is virtual: an expression over the JSON, that can
 * be indexed.
 */
export interface ColumnDefinition {
  /** The type of its values; makes it a column of the table. */
  readonly type?: ColumnType
  /** A column of the table. Default: whether there is a `type`. */
  readonly real?: boolean
  /** Where the value is in the document: `a.b`, `a[0].b`. Default: the column's name. */
  readonly path?: string
  /**
   * Real columns: keep the value in the column alone and put it back when reading. Default true.
   */
  readonly get?: boolean
  /** Another name for it in rows that `toObj` takes. */
  readonly alias?: string
  /**
   * Computes the stored value from the document; for the id only when there is none. `this` is the
   * model.
   */
  readonly value?: (this: Untyped, doc: Untyped) => unknown
  /**
   * Text of which a slug is made that no other document has, when there is no value. Needs `index`.
   */
  readonly slugValue?: (this: Untyped, doc: Untyped) => unknown
  /**
   * Stored when there is no value; with `sql`, read then. A function is refused: that is `value`. A
   * truthy one is no default of `falsyBool`.
   */
  readonly default?: unknown
  /** Without a value `set` rejects with `REQUIRED`. */
  readonly required?: boolean
  /** True or nothing: false is stored and read as nothing. Not with `required`. */
  readonly falsyBool?: boolean
  /**
   * Converts the stored value to the value that is read. `this` is the column. When it throws, the
   * call rejects with `USER`. So does a write that has been made already: the message names the
   * stored document.
   */
  readonly parse?: (this: Untyped, value: Untyped) => unknown
  /** Converts a value that is written or searched for to the stored value. `this` is the column. */
  readonly stringify?: (this: Untyped, value: Untyped) => unknown
  /** JSON columns: `{}` instead of nothing. */
  readonly alwaysObject?: boolean
  /**
   * An SQL expression to read, search, sort and index, the developer's own code; the table is `tbl`
   * in it.
   */
  readonly sql?: string
  /**
   * `true` leaves out rows without a value unless `unique`, `default` or `required` ask for all.
   */
  readonly index?: boolean | 'ALL' | 'SPARSE'
  /** Aggregates leave rows without a value out. */
  readonly ignoreNull?: boolean
  /** No two documents may have the same value. Needs `index`. */
  readonly unique?: boolean
  /** INTEGER ids: an id is never given twice. */
  readonly autoIncrement?: boolean
  /** The SQL condition of a search, with `?` for the value: the developer's own code. */
  readonly where?: string | ((value: Untyped, given: Untyped) => string | null | undefined | false)
  /** The values for the `?` of `where`; nothing means no condition. */
  readonly whereVal?: (value: Untyped) => readonly unknown[] | null | undefined | false
  /** Searches give an array: any of them. An empty one is no condition. */
  readonly in?: boolean
  /** The value is an array; searches give one that is in it. */
  readonly isArray?: boolean
  /** The value is an array; searches give an array: any of them is in it. `isArray` and `in`. */
  readonly isAnyOfArray?: boolean
  /** The value is an array; searches give an array: all of them are in it. */
  readonly inAll?: boolean
  /** Searches give a part of the text. */
  readonly textSearch?: boolean
  /** The collation of text in searches, sorts and indexes. Default `BINARY`. */
  readonly collate?: 'BINARY' | 'NOCASE' | 'RTRIM'
  /**
   * Text columns: part of the model's full-text index; `tokenize` is FTS5's. Search it with
   * `$match`.
   */
  readonly fts?: boolean | { readonly tokenize?: string }
  /** The row that this one refers to; a model's name alone means its id. */
  readonly foreignKey?: ForeignKey | string
  /** Checks the column's value before it is written; not called without one. */
  readonly validate?: Validate
  /**
   * Raise it when `value` changes: every document is written anew, read by this release's `parse`
   * and stored by its `stringify`. Values that an older `stringify` stored are brought to another
   * form by `retypeColumn` in a migration.
   */
  readonly version?: number
}

type MadeColumn = (about: { columnName: string }) => ColumnDefinition | undefined
/** Columns by name. */
export type Columns = { readonly [name: string]: ColumnDefinition | MadeColumn | undefined }

/** The other properties of a document: they need not be declared. */
export type Free = { [property: string]: Untyped }

/**
 * The document of a model with these columns. Columns may have none unless `required`, `default` or
 * a `value` see to it.
 */
export type DocOf<C extends Columns, Id extends string = 'id'> = Flat<
  Under<Id, IdOf<C, Id>> & {
    -readonly [K in keyof C as Plain<C, K, Id, true>]: ValueOf<Made<C[K]>>
  } & {
    -readonly [K in keyof C as Plain<C, K, Id, false>]?: ValueOf<Made<C[K]>>
  } & Nested<C> &
    Free
>

/** The argument of `set` for it: ids, defaults and computed values can be left out. */
export type InputOf<C extends Columns, Id extends string = 'id'> = Flat<
  Partial<Under<Id, IdOf<C, Id> | Also<IdOf<C, Id>> | AlsoBig<IdOf<C, Id>> | null | undefined>> & {
    -readonly [K in keyof C as Asked<C, K, Id, true>]: InputValue<Made<C[K]>>
  } & {
    -readonly [K in keyof C as Asked<C, K, Id, false>]?: InputValue<Made<C[K]>> | null | undefined
  } & Free
>

/** A value under a name; the usual one as it is written, for editors to show it first. */
type Under<Id extends string, V> = [Id] extends ['id'] ? { id: V } : { [K in Id]: V }

/** The value of a column in a document. */
export type ValueOf<D> = D extends { parse: (value: Untyped) => infer T }
  ? T
  : D extends { falsyBool: true }
    ? true
    : D extends { isArray: true } | { inAll: true } | { isAnyOfArray: true }
      ? Untyped[]
      : D extends { type: infer T extends ColumnType }
        ? ColumnTypes[T]
        : D extends { slugValue: unknown } | { textSearch: true }
          ? string
          : D extends { value: (doc: Untyped) => infer T }
            ? NonNullable<Awaited<T>>
            : D extends { default: infer T }
              ? Widened<T>
              : Untyped

/** The type of an id. */
export type IdOf<C extends Columns, Id extends string> = C extends { readonly [K in Id]: infer D }
  ? Made<D> extends { type: infer T extends ColumnType }
    ? ColumnTypes[T]
    : string
  : string

/** A column's definition, also when a function makes it. */
export type Made<D> = D extends (about: Untyped) => infer M ? NonNullable<M> : NonNullable<D>

/**
 * The values that a column takes: the argument of its `stringify`, and values that are stored as
 * its type.
 */
type InputValue<D> = D extends { falsyBool: true }
  ? boolean
  : D extends { parse: unknown } | { stringify: unknown }
    ? ValueOf<D>
    : ValueOf<D> | Also<ValueOf<D>> | (D extends { type: 'INTEGER' } ? AlsoBig<ValueOf<D>> : never)

/**
 * Other forms in which a value is taken: a Date as milliseconds, a BigInt as a number, bytes in any
 * form.
 */
export type Also<V> =
  IsAny<V> extends true
    ? never
    :
        | (Date extends V ? number : never)
        | (bigint extends V ? number : never)
        | (Uint8Array extends V ? ArrayBuffer | ArrayBufferView : never)
/** INTEGER columns take a BigInt where a number would lose digits. */
export type AlsoBig<V> = IsAny<V> extends true ? never : number extends V ? bigint : never

/** The argument of `get` for a column: its values, and others that compare with them. */
export type KeyOf<C, N> = N extends keyof C ? Sought<Made<C[N]>> : Untyped
type Sought<D> = D extends { stringify: (value: infer V) => unknown }
  ? V
  : D extends { falsyBool: true }
    ? boolean
    : D extends { type: infer T }
      ? T extends 'DATE'
        ? Date | number
        : T extends 'BLOB'
          ? Uint8Array
          : T extends 'JSON'
            ? Untyped
            : T extends 'TEXT'
              ? string | number | bigint | Date
              : string | number | bigint | boolean
      : Untyped

/** Whether every stored document has a value. */
type Sure<D> = D extends { required: true } | { slugValue: unknown } | { alwaysObject: true }
  ? true
  : D extends { default: infer T }
    ? null extends T
      ? false
      : true
    : D extends { value: (doc: Untyped) => infer T }
      ? undefined extends Awaited<T>
        ? false
        : null extends Awaited<T>
          ? false
          : true
      : false

/** Whether `set` needs a value from its caller. */
type Needed<D> = D extends { required: true }
  ? D extends { default: unknown } | { value: unknown } | { slugValue: unknown }
    ? false
    : true
  : false

/** The columns that are properties, those that always have a value or the others. */
type Plain<C extends Columns, K, Id, S> = K extends Id | keyof Omit<C, string>
  ? never
  : Made<C[K & keyof C]> extends infer D
    ? D extends { path: string } | { get: false; sql: string }
      ? never
      : Sure<D> extends S
        ? K
        : never
    : never

type Asked<C extends Columns, K, Id, N> = K extends Id
  ? never
  : Made<C[K & keyof C]> extends infer D
    ? D extends { path: string } | { sql: string }
      ? never
      : Needed<D> extends N
        ? K
        : never
    : never

/** The columns that are further down. */
type Nested<C extends Columns> = Together<
  {
    [K in keyof C]: Made<C[K]> extends infer D
      ? D extends { path: infer P }
        ? At<P, ValueOf<D>>
        : never
      : never
  }[keyof C]
>
type At<P, V> = P extends `${string}[${string}`
  ? never
  : P extends `${infer Head}.${infer Rest}`
    ? { [K in Head]?: At<Rest, V> & Free }
    : { [K in P & string]?: V }
type Together<U> = [U] extends [never]
  ? unknown
  : (U extends unknown ? (one: U) => void : never) extends (all: infer A) => void
    ? A
    : never

type Widened<T> = T extends string
  ? string
  : T extends number
    ? number
    : T extends boolean
      ? boolean
      : T extends bigint
        ? bigint
        : T extends readonly unknown[]
          ? Untyped[]
          : T extends object
            ? Free
            : Untyped

/** The same as one object, so that an editor shows none of the types that made it. */
export type Flat<T> =
  IsAny<T> extends true ? T : T extends unknown ? { [K in keyof T]: T[K] } : never
/** The columns with the id among them. */
export type WithId<C extends Columns, Id extends string> = C & {
  readonly [K in Exclude<Id, keyof C>]: { readonly type: 'TEXT' }
}
/** Whether two types are the same one. */
export type Same<A, B> =
  (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
/** Whether a type is `any`. */
export type IsAny<T> = 0 extends 1 & T ? true : false
