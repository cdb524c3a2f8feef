// `Column` and driftdb's schemas: the declaration of a table of `define`, as columns of a
// JsonModel. Knows no database.

import { nullish } from '../documents/kinds.js'

/** The types of a schema's columns, as columns of a JsonModel. */
const TYPES = {
  TEXT: {},
  INTEGER: {},
  REAL: {},
  BLOB: {},
  JSON: {},
  DATE: {},
  BIGINT: {},
  BOOLEAN: {
    type: 'INTEGER',
    parse: value => (nullish(value) ? value : Boolean(value)),
    stringify: value => (typeof value === 'boolean' ? Number(value) : value),
  },
}
/** The columns that every table has. */
const OWN = {
  id: { type: 'TEXT' },
  createdAt: { type: 'INTEGER', value: doc => doc.createdAt ?? Date.now() },
  updatedAt: { type: 'INTEGER', value: () => Date.now() },
}
const KEYS = ['notNull', 'unique', 'default', 'index']

/** One column, said in words; a schema takes it with or without `build()`. */
class ColumnBuilder {
  #definition

  constructor(type) {
    this.#definition = { type }
  }

  /** A record without a value is refused. */
  required() {
    return this.#with('notNull', true)
  }

  /** No two records may have the same value; several may have none. */
  unique() {
    return this.#with('unique', true)
  }

  /** The value a record gets when it has none. */
  default(value) {
    return this.#with('default', value)
  }

  /** Searches for it need not read the table. */
  index() {
    return this.#with('index', true)
  }

  /** `{type, notNull?, unique?, default?, index?}`. */
  build() {
    return { ...this.#definition }
  }

  #with(key, value) {
    this.#definition[key] = value
    return this
  }
}

/** `Column.text().required().unique().default(v).index().build()`, and the other types. */
export const Column = {
  text: () => new ColumnBuilder('TEXT'),
  integer: () => new ColumnBuilder('INTEGER'),
  real: () => new ColumnBuilder('REAL'),
  boolean: () => new ColumnBuilder('BOOLEAN'),
  blob: () => new ColumnBuilder('BLOB'),
  json: () => new ColumnBuilder('JSON'),
  date: () => new ColumnBuilder('DATE'),
  bigint: () => new ColumnBuilder('BIGINT'),
}

/** The columns of a table as a JsonModel declares them. */
export function columnsOf(table, schema) {
  if (!isObject(schema)) throw new TypeError(`define ${table}: schema must be an object of columns`)
  const columns = { ...OWN }
  for (const [name, given] of Object.entries(schema)) {
    if (Object.hasOwn(OWN, name))
      throw new TypeError(
        `define ${table}: every table has '${name}', which comes by itself: leave it out of the schema`,
      )
    columns[name] = column(`${table}.${name}`, given)
  }
  return columns
}

/** A schema as text: two are the same when their texts are. */
export function schemaText(schema) {
  const plain = ([name, given]) => [name, Object.entries(definition(given)).sort()]
  return JSON.stringify(Object.entries(schema).map(plain), (_, value) =>
    typeof value === 'function' || typeof value === 'bigint' ? String(value) : value,
  )
}

function column(name, given) {
  const { type, notNull, unique, default: byDefault, index, ...more } = definition(given)
  if (!Object.hasOwn(TYPES, type))
    throw new TypeError(
      `define ${name}: type must be one of ${Object.keys(TYPES).join(', ')}, not ${type}`,
    )
  // the other keys are a JsonModel's, and checked there: fts, collate, foreignKey, validate …
  const made = { type, ...TYPES[type], ...more }
  if (notNull) made.required = true
  if (index || unique) made.index = index || true
  if (unique) made.unique = true
  if (!nullish(byDefault)) made.default = byDefault
  return made
}

function definition(given) {
  const built = given instanceof ColumnBuilder ? given.build() : given
  if (!isObject(built))
    throw new TypeError(
      `define: a column must be like Column.text() or {type: 'TEXT'}, with ${KEYS.join(', ')} if wanted`,
    )
  return built
}

const isObject = value => typeof value === 'object' && value !== null && !Array.isArray(value)
