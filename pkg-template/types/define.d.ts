// Types of driftdb's surface: schemas, repositories, classes.

import type { Untyped } from '../worker.js'
import type { Also, AlsoBig, ColumnDefinition, ColumnTypes, Flat } from './columns.js'
import type { AnyModel } from './model.js'
import type { Attrs } from './search.js'
import type { RunResult, SqlParams, SqlRow } from './sql.js'

interface RecordTypes extends Omit<ColumnTypes, 'NUMERIC'> {
  BOOLEAN: boolean
}

/** A column of a schema: `Column.text().required()`, or plainly `{type: 'TEXT', notNull: true}`. */
export interface SchemaColumn extends Omit<ColumnDefinition, 'type' | 'index' | 'unique'> {
  /** The type of its values. */
  readonly type: keyof RecordTypes
  /** A record without a value is refused. */
  readonly notNull?: boolean
  /** No two records may have the same value. Default false. */
  readonly unique?: boolean
  /** Has an index. Default false. */
  readonly index?: boolean
  /** The value a record gets when it has none. */
  readonly default?: Untyped
}

/** A table's columns; `id`, `createdAt` and `updatedAt` come by themselves. */
export type Schema = { readonly [name: string]: SchemaColumn | ColumnBuilder<SchemaColumn> }

/** Declares a column; a schema takes it with or without `build()`. */
export interface ColumnBuilder<D extends SchemaColumn> {
  /** A record without a value is refused. */
  required(): ColumnBuilder<D & { readonly notNull: true }>
  /** No two records may have the same value. */
  unique(): ColumnBuilder<D & { readonly unique: true }>
  /** The value a record gets when it has none. */
  default<V extends RecordTypes[D['type']] | null>(
    value: V,
  ): ColumnBuilder<D & { readonly default: V }>
  /** Gives the column an index. */
  index(): ColumnBuilder<D & { readonly index: true }>
  /** The column as a plain object. */
  build(): D
}

type Kind<T extends keyof RecordTypes> = () => ColumnBuilder<{ readonly type: T }>
export const Column: {
  /** A string. */
  text: Kind<'TEXT'>
  /** A number; beyond 2^53 a BigInt. */
  integer: Kind<'INTEGER'>
  /** A number, as a double. */
  real: Kind<'REAL'>
  /** true and false; 1 and 0 in SQL. */
  boolean: Kind<'BOOLEAN'>
  /** `Uint8Array`. */
  blob: Kind<'BLOB'>
  /** Any JSON. */
  json: Kind<'JSON'>
  /** `Date`; milliseconds in SQL. */
  date: Kind<'DATE'>
  /** A BigInt of 64 bits. */
  bigint: Kind<'BIGINT'>
}

/** The columns of every record. */
export interface BaseRecord {
  /** A UUID unless one is given. */
  id: string
  /** When it was created, in milliseconds since 1970. */
  createdAt: number
  /** When it was last changed, in milliseconds since 1970. */
  updatedAt: number
}

type Built<D> = D extends ColumnBuilder<infer B> ? B : D
type Held<D> = D extends { type: infer T extends keyof RecordTypes } ? RecordTypes[T] : Untyped
type Taken<D> = Held<D> | Also<Held<D>> | (D extends { type: 'INTEGER' } ? bigint : never)
type Filled<D> = D extends
  | { notNull: true }
  | { default: string | number | bigint | boolean | object }
  ? true
  : false
/** The records of a schema: null where a column may have no value. */
export type RecordOf<S extends Schema> = string extends keyof S
  ? BaseRecord & Record<string, Untyped>
  : Flat<
      BaseRecord & {
        -readonly [K in keyof S]: Filled<Built<S[K]>> extends true
          ? Held<Built<S[K]>>
          : Held<Built<S[K]>> | null
      }
    >

type Must<D> = D extends { notNull: true }
  ? D extends { default: string | number | bigint | boolean | object }
    ? false
    : true
  : false
/**
 * The argument to create a record of a schema: columns that are required and have no default must
 * be there.
 */
export type NewRecord<S extends Schema> = string extends keyof S
  ? Record<string, Untyped>
  : Flat<
      { [K in keyof BaseRecord]?: BaseRecord[K] | undefined } & {
        -readonly [K in keyof S as Must<Built<S[K]>> extends true ? K : never]: Taken<Built<S[K]>>
      } & {
        -readonly [K in keyof S as Must<Built<S[K]>> extends true ? never : K]?:
          | Taken<Built<S[K]>>
          | null
          | undefined
      }
    >

type Data<T> = { [K in keyof T as T[K] extends (...args: never) => unknown ? never : K]: T[K] }
type Nullable<T> = { [K in keyof T as null extends T[K] ? K : never]?: More<T[K]> | undefined }
type Settable<T> = { [K in keyof T as null extends T[K] ? never : K]?: More<T[K]> | undefined }
type More<V> = V | Also<V> | AlsoBig<V>
/** Values to write. */
export type RecordData<T> = Flat<Nullable<Data<T>> & Settable<Data<T>>>
/** Conditions: null asks for records without a value. */
export type Where<T> = Attrs<Data<T>>

export interface FindOptions<T> {
  /** Conditions by column; without any all records. */
  where?: Where<T> | undefined
  /** By the first column named, then by the next. */
  orderBy?: { [K in keyof Data<T>]?: 'ASC' | 'DESC' | 'asc' | 'desc' }
  /** The most records to give; 0 means none. */
  limit?: number | undefined
  /** The number of records to pass over. Default 0. */
  offset?: number | undefined
}

/** driftdb's methods over a model. */
export class Repository<T extends object = Untyped, New = RecordData<T>> {
  /** `fields` are the columns it takes, without them any; `Item` is the class of records. */
  constructor(model: AnyModel, about?: { fields?: string[]; Item?: new () => object })
  /** Inserts a record; gives it as stored, with `id`, times and defaults. */
  create(data: New): Promise<T>
  /** The record with an id; null without one. */
  findById(id: string): Promise<T | null>
  /** The first record that matches; null without one. */
  findOne(where?: Where<T>): Promise<T | null>
  /** The records that match, in their order. An unknown column is a `TypeError`. */
  find(options?: FindOptions<T>): Promise<T[]>
  /** `find` by its conditions. */
  filter(where?: Where<T>, options?: Omit<FindOptions<T>, 'where'>): Promise<T[]>
  /** The number of records that match. */
  count(where?: Where<T>): Promise<number>
  /**
   * Changes the records that match, and their `updatedAt`; gives their number. An undefined
   * condition is a `TypeError`.
   */
  update(where: Where<T>, data: Omit<RecordData<T>, 'id'>): Promise<number>
  /**
   * Removes the records that match, with `{}` all; gives their number. An undefined condition is a
   * `TypeError`.
   */
  delete(where: Where<T>): Promise<number>
  /** Removes the record with an id; whether there was one. */
  deleteById(id: string): Promise<boolean>
  /**
   * Changes the records that match and gives the first, or creates one of `data` and the values in
   * `where`. One transaction.
   */
  upsert(where: Where<T>, data: RecordData<T>): Promise<T>
  /** The rows of a statement, as SQLite has them. */
  raw<R = SqlRow>(sql: string, params?: SqlParams): Promise<R[]>
  /** Runs a statement that writes. */
  runRaw(
    sql: string,
    params?: SqlParams,
  ): Promise<{ changes: number; lastInsertRowid: RunResult['lastID'] }>
}

/** A class for `registerModel`. */
export interface ModelClass<T extends object = Untyped, S = Untyped> {
  new (): T
  /** The table. */
  readonly tableName: string
  /** Its columns. */
  readonly schema: S
}
/** A record of a class: its own properties, and those of its schema. */
type RecordIn<T, S> = S extends Schema ? (string extends keyof S ? T : T & RecordOf<S>) : T

type NewIn<T, S> = S extends Schema
  ? string extends keyof S
    ? RecordData<T>
    : NewRecord<S>
  : RecordData<T>

/**
 * A class whose static methods are driftdb's. A subclass declares `static tableName` and `static
 * schema`.
 */
export class Model implements BaseRecord {
  /** A UUID unless one is given. */
  id: string
  /** When it was created, in milliseconds since 1970. */
  createdAt: number
  /** When it was last changed, in milliseconds since 1970. */
  updatedAt: number
  /** Inserts a record; gives it as stored, with `id`, times and defaults. */
  static create<T extends object, S>(
    this: ModelClass<T, S>,
    data: NewIn<T, S>,
  ): Promise<RecordIn<T, S>>
  /** The record with an id; null without one. */
  static findById<T extends object, S>(
    this: ModelClass<T, S>,
    id: string,
  ): Promise<RecordIn<T, S> | null>
  /** The first record that matches; null without one. */
  static findOne<T extends object, S>(
    this: ModelClass<T, S>,
    where?: Where<RecordIn<T, S>>,
  ): Promise<RecordIn<T, S> | null>
  /** The records that match, in their order. An unknown column is a `TypeError`. */
  static find<T extends object, S>(
    this: ModelClass<T, S>,
    options?: FindOptions<RecordIn<T, S>>,
  ): Promise<RecordIn<T, S>[]>
  /** `find` by its conditions. */
  static filter<T extends object, S>(
    this: ModelClass<T, S>,
    where?: Where<RecordIn<T, S>>,
    options?: Omit<FindOptions<RecordIn<T, S>>, 'where'>,
  ): Promise<RecordIn<T, S>[]>
  /** The number of records that match. */
  static count<T extends object, S>(
    this: ModelClass<T, S>,
    where?: Where<RecordIn<T, S>>,
  ): Promise<number>
  /**
   * Changes the records that match, and their `updatedAt`; gives their number. An undefined
   * condition is a `TypeError`.
   */
  static update<T extends object, S>(
    this: ModelClass<T, S>,
    where: Where<RecordIn<T, S>>,
    data: Omit<RecordData<RecordIn<T, S>>, 'id'>,
  ): Promise<number>
  /**
   * Removes the records that match, with `{}` all; gives their number. An undefined condition is a
   * `TypeError`.
   */
  static delete<T extends object, S>(
    this: ModelClass<T, S>,
    where: Where<RecordIn<T, S>>,
  ): Promise<number>
  /** Removes the record with an id; whether there was one. */
  static deleteById(id: string): Promise<boolean>
  /**
   * Changes the records that match and gives the first, or creates one of `data` and the values in
   * `where`. One transaction.
   */
  static upsert<T extends object, S>(
    this: ModelClass<T, S>,
    where: Where<RecordIn<T, S>>,
    data: RecordData<RecordIn<T, S>>,
  ): Promise<RecordIn<T, S>>
  /** The rows of a statement, as SQLite has them. */
  static raw<R = SqlRow>(sql: string, params?: SqlParams): Promise<R[]>
  /** Runs a statement that writes. */
  static runRaw(
    sql: string,
    params?: SqlParams,
  ): Promise<{ changes: number; lastInsertRowid: RunResult['lastID'] }>
}
