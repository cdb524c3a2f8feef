// Column definitions, compiled into what the engine knows and what runs here. Whether their keys
// are right is checked by column-keys.js. Does not run any of the columns' functions.

import { quoteId } from '../sql/sql-tag.js'
import { LONE } from './codec.js'
import { checkData, checkId, checkJson, checkKeys } from './column-keys.js'
import { compileIndexes } from './indexes.js'
import { nullish } from './kinds.js'
import { parsePath } from './paths.js'

/** The keys that the engine takes as they are. */
const ENGINE_KEYS = [
  'type',
  'real',
  'path',
  'get',
  'unique',
  'sql',
  'falsyBool',
  'autoIncrement',
  'alwaysObject',
  'ignoreNull',
  'collate',
  'version',
]
/**
 * `{engine, columns, indexes, tokenize}`: the engine's columns and compound indexes, and all
 * columns by name with what there is to know of each: `name, path, steps, real, get, quoted, sql,
 * alias, isId`, and the keys it was defined with.
 */
export function compileColumns(model, idCol, given = {}, indexes = []) {
  if (typeof given !== 'object' || given === null || Array.isArray(given))
    throw new TypeError(`${model}: columns must be an object`)
  if (/^(json|rowid)$/i.test(idCol))
    throw new TypeError(
      `${model}: idCol '${idCol}' is the name of another column already: name the id otherwise`,
    )
  const columns = Object.create(null)
  let unnamed = 0
  let tokenize
  const declared = Object.entries(given)
  if (!declared.some(([name]) => name === idCol)) declared.unshift([idCol, {}])
  for (const [name, define] of declared) {
    const definition = typeof define === 'function' ? define({ columnName: name }) : define
    if (!definition && name !== idCol) continue
    const column = compile(`${model}.${name}`, name, idCol, withoutNulls(definition ?? {}), columns)
    if (!column.alias) {
      column.alias = `_${unnamed}`
      unnamed += 1
    }
    columns[name] = column
    if (column.fts?.tokenize) tokenize = oneTokenizer(column, tokenize)
  }
  columns.json ??= compile(`${model}.json`, 'json', idCol, {}, columns)
  const all = Object.values(columns)
  for (const column of all) holdAlways(column, all)
  const compound = compileIndexes(model, indexes, Object.keys(columns))
  const known = all.filter(
    ({ name }) => name !== 'json' && (name !== idCol || Object.hasOwn(given, idCol)),
  )
  const engine = known.map(forEngine)
  for (const column of all) sayInSql(column, all)
  return { engine, columns, indexes: compound, tokenize }
}

/** The properties of a model about the columns that it selects. */
export function selectionOf(columns) {
  const selectCols = columns.filter(column => column.get || column.name === 'json')
  return {
    getCols: columns.filter(column => column.get),
    selectCols,
    selectColNames: selectCols.map(column => column.name),
    selectColAliases: selectCols.map(column => column.alias),
    selectColsSql: selectCols.map(column => column.select).join(','),
  }
}

/** `sql` and `select`, for SQL of the application's own. */
function sayInSql(column, all) {
  const { steps, alias } = column
  if (column.sql === undefined) {
    const holder = holderOf(column, all)
    const [name, depth] = holder ? [holder.quoted, holder.steps.length] : ['"json"', 0]
    const path = steps
      .slice(depth)
      .map(step => (typeof step === 'number' ? `[${step}]` : `."${step}"`))
    column.sql = `json_extract(tbl.${name},'$${path.join('').replaceAll("'", "''")}')`
  }
  column.select = `${column.sql} AS ${alias}`
}

/** null says nothing, as in strato-db. */
export function withoutNulls(definition) {
  if (typeof definition !== 'object' || Array.isArray(definition)) return definition
  return Object.fromEntries(Object.entries(definition).filter(([, value]) => value !== null))
}

/** The JSON column that a column lies in. */
function holderOf({ steps }, all) {
  const holders = all.filter(
    column =>
      column.type === 'JSON' &&
      column.get &&
      column.name !== 'json' &&
      column.steps.length < steps.length &&
      typeof steps[column.steps.length] === 'string' &&
      column.steps.every((step, i) => step === steps[i]),
  )
  return holders.sort((a, b) => b.steps.length - a.steps.length)[0]
}

/** It is always an object, unless it says otherwise. */
function holdAlways(column, all) {
  const holder = holderOf(column, all)
  if (holder) holder.alwaysObject ??= true
}

function compile(what, name, idCol, given, before) {
  if (LONE.test(name))
    throw new TypeError(
      `column ${what}: its name has a lone surrogate, half of a character that UTF-8 cannot hold`,
    )
  if (name !== idCol && name.toLowerCase() === idCol.toLowerCase())
    throw new TypeError(
      `column ${what}: SQLite does not tell its name from that of the id, '${idCol}', for case does not count: give it another name`,
    )
  checkKeys(what, given)
  const definition = asStored(given)
  const isId = name === idCol
  if (isId) checkId(what, idCol, definition)
  else if (name === 'json') checkJson(what, definition)
  else checkData(what, definition)
  const { path, alias, sql, type } = definition
  const real = isId || name === 'json' || (sql === undefined && Boolean(definition.real || type))
  const get = definition.get ?? real
  const taken = alias && Object.values(before).find(column => column.alias === alias)
  if (taken)
    throw new TypeError(
      `column ${what}: alias '${alias}' is ${taken.name}'s already: give it another one`,
    )
  const steps = path === undefined || isId ? [name] : parsePath(path, `column ${what}`)
  const quoted = quoteId(name)
  return {
    ...definition,
    name,
    path: path ?? name,
    steps,
    real,
    get,
    isId,
    quoted,
    alias: alias ?? (isId ? '_i' : name === 'json' ? '_j' : undefined),
    sql:
      sql === undefined
        ? real
          ? `tbl.${quoted}`
          : undefined
        : withDefault(what, sql, definition.default),
    computed: sql !== undefined,
    // values of such columns are in no document: they are sent next to it
    aside: real && !get && Boolean(definition.value || definition.stringify),
    index: definition.index && indexKind(definition),
  }
}

/**
 * A falsyBool is 1 or nothing, also where strato-db keeps it as JSON; and functions of a JSON
 * column read and write JSON text.
 */
function asStored(definition) {
  const { falsyBool, type, ...rest } = definition
  if (falsyBool && ['JSON', 'BLOB'].includes(type)) return { ...rest, falsyBool, real: true }
  const { parse, stringify } = definition
  if (type !== 'JSON' || !(parse || stringify)) return definition
  return {
    ...definition,
    parse: parse && (value => parse(nullish(value) ? value : JSON.stringify(value))),
    stringify: stringify && (value => fromJson(stringify(value))),
  }
}

function fromJson(text) {
  try {
    return typeof text === 'string' ? JSON.parse(text) : text
  } catch {
    return text
  }
}

function forEngine(column) {
  const known = { name: column.name }
  for (const key of ENGINE_KEYS) if (column[key] !== undefined) known[key] = column[key]
  if (!column.computed) delete known.sql
  if (column.path === column.name) delete known.path
  if (column.isId) for (const key of ['get', 'unique', 'real', 'path']) delete known[key]
  if (column.index && !column.isId) known.index = column.index
  if (column.fts) known.fts = true
  if (column.aside) known.aside = true
  if (column.foreignKey) {
    const { foreignKey } = column
    known.foreignKey = typeof foreignKey === 'string' ? { model: foreignKey } : foreignKey
  }
  return known
}

/** SQL that gives a default where it gives NULL. */
function withDefault(what, sql, value) {
  if (value === undefined || value === null) return sql
  const texts = {
    string: () => (value.includes('\0') ? undefined : `'${value.replaceAll("'", "''")}'`),
    number: () => (Number.isFinite(value) ? String(value) : undefined),
    boolean: () => (value ? '1' : '0'),
  }
  const literal = texts[typeof value]?.()
  if (literal === undefined)
    throw new TypeError(
      `column ${what}: the default of an sql column must be text, a number or a boolean`,
    )
  return `ifnull((${sql}), ${literal})`
}

/** Sparse (NULLs not indexed) unless every row is wanted or has a value. */
function indexKind({ index, unique, default: byDefault, required, ignoreNull }) {
  if (index === 'ALL' || index === 'SPARSE') return index
  if (ignoreNull) return 'SPARSE'
  return unique || required || byDefault !== undefined ? 'ALL' : 'SPARSE'
}

function oneTokenizer({ name, fts }, before) {
  if (before !== undefined && before !== fts.tokenize)
    throw new TypeError(
      `column ${name}: the columns of a model share one tokenizer, and another column has '${before}': give the same one`,
    )
  return fts.tokenize
}
