// Column definitions: every key checked, and compiled into what the engine knows and what runs
// here. Does not run any of the columns' functions.

import { nearest } from '../language/nearest.js'
import { quoteId } from '../sql/sql-tag.js'
import { LONE } from './codec.js'
import { compileIndexes } from './indexes.js'
import { nullish } from './kinds.js'
import { parsePath } from './paths.js'

const FLAG = 'flag'
const FUNCTION = 'function'
/** What each key takes. */
const KEYS = {
  type: ['TEXT', 'NUMERIC', 'INTEGER', 'REAL', 'JSON', 'BLOB', 'DATE', 'BIGINT'],
  real: FLAG,
  path: 'string',
  get: FLAG,
  alias: 'string',
  value: FUNCTION,
  slugValue: FUNCTION,
  default: 'any',
  required: FLAG,
  falsyBool: FLAG,
  parse: FUNCTION,
  stringify: FUNCTION,
  alwaysObject: FLAG,
  sql: 'string',
  index: [true, false, 'ALL', 'SPARSE'],
  ignoreNull: FLAG,
  unique: FLAG,
  autoIncrement: FLAG,
  where: 'any',
  whereVal: FUNCTION,
  in: FLAG,
  isArray: FLAG,
  isAnyOfArray: FLAG,
  inAll: FLAG,
  textSearch: FLAG,
  // not strato-db's
  collate: ['BINARY', 'NOCASE', 'RTRIM'],
  fts: 'any',
  foreignKey: 'any',
  version: 'integer',
  validate: 'any',
}
/** What the engine takes as it is. */
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
/** Keys of the id that do nothing, or nothing that would be right. */
const NOT_FOR_ID = [
  'default',
  'falsyBool',
  'parse',
  'stringify',
  'alwaysObject',
  'sql',
  'isArray',
  'isAnyOfArray',
  'inAll',
  'fts',
  'collate',
]
const SEARCHES = ['textSearch', 'where']
const ACTIONS = ['CASCADE', 'SET NULL', 'RESTRICT']

/**
 * `{engine, columns, indexes, tokenize}`: the engine's columns and compound indexes, and all columns
 * by name with what there is to know of each: `name, path, steps, real, get, quoted, sql, alias,
 * isId`, and the keys it was defined with.
 */
export function compileColumns(model, idCol, given = {}, indexes = []) {
  if (typeof given !== 'object' || given === null || Array.isArray(given))
    throw new TypeError(`${model}: columns must be an object`)
  if (/^(json|rowid)$/i.test(idCol))
    throw new TypeError(`${model}: idCol '${idCol}' is taken already: name the id otherwise`)
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

/** What a model tells of the columns that it selects. */
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
  if (LONE.test(name)) throw new TypeError(`column ${what}: its name has a lone surrogate`)
  if (name !== idCol && name.toLowerCase() === idCol.toLowerCase())
    throw new TypeError(
      `column ${what}: SQLite takes it for the id '${idCol}': give it another name`,
    )
  check(what, given)
  const definition = asStored(given)
  const isId = name === idCol
  if (isId) checkId(what, idCol, definition)
  else if (name === 'json') checkJson(what, definition)
  else checkData(what, definition)
  const { path, alias, sql, type } = definition
  const real = isId || name === 'json' || (sql === undefined && Boolean(definition.real || type))
  const get = definition.get ?? real
  const taken = alias && Object.values(before).find(column => column.alias === alias)
  if (taken) throw new TypeError(`column ${what}: alias '${alias}' is ${taken.name}'s already`)
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

function check(what, column) {
  if (typeof column !== 'object' || column === null || Array.isArray(column))
    throw new TypeError(`column ${what} must be an object`)
  for (const [key, value] of Object.entries(column)) {
    if (!Object.hasOwn(KEYS, key)) {
      throw new TypeError(
        `column ${what}: there is no key '${key}': did you mean '${nearest(key, KEYS)}'?`,
      )
    }
    if (value === undefined) continue
    const bad = refused(KEYS[key], value)
    if (bad) throw new TypeError(`column ${what}: ${key} must be ${bad}`)
  }
}

function refused(wanted, value) {
  if (Array.isArray(wanted)) {
    const names = wanted.map(one => (typeof one === 'string' ? `'${one}'` : one))
    return wanted.includes(value) ? undefined : `one of ${names.join(', ')}, not ${show(value)}`
  }
  if (wanted === FUNCTION)
    return typeof value === 'function' ? undefined : `a function, not ${show(value)}`
  if (wanted === 'string') {
    if (typeof value !== 'string' || !value) return `a string, not ${show(value)}`
    return LONE.test(value) ? 'text: it has half a character (a lone surrogate)' : undefined
  }
  if (wanted === 'integer')
    return Number.isSafeInteger(value) ? undefined : `an integer, not ${show(value)}`
  // true and false, and what strato-db takes for them
  if (wanted === FLAG)
    return ['boolean', 'number'].includes(typeof value) || value === null
      ? undefined
      : `true or false, not ${show(value)}`
}

function checkData(what, column) {
  const { type, value, slugValue, index, unique, get, sql, real, falsyBool, foreignKey, fts } =
    column
  const bad = message => {
    throw new TypeError(`column ${what}: ${message}`)
  }
  if (unique && !index) bad('unique needs index')
  if (value && slugValue) bad('it has value and slugValue: use one of them')
  if (slugValue && !index) bad('slugValue needs index')
  if (column.autoIncrement) bad('autoIncrement is for integer ids')
  if (sql !== undefined && (real || type)) bad('sql makes it computed: it cannot have real or type')
  if (sql !== undefined && (value || slugValue || column.stringify))
    bad('sql makes it computed: nothing is written')
  if (column.alwaysObject && type !== 'JSON') bad("alwaysObject needs type 'JSON'")
  if (column.parse && !(get ?? (real || type))) bad('parse needs get')
  if (falsyBool && (column.parse || column.stringify))
    bad('falsyBool has its own way to be stored: no parse, no stringify')
  if (typeof column.default === 'function' && sql === undefined)
    bad('default is a function, which no document holds: use value')
  const list = falsyBool && ['isArray', 'inAll', 'isAnyOfArray'].find(key => column[key])
  if (list) bad(`falsyBool is true or nothing, and no array: it cannot have ${list}`)
  if (fts && (falsyBool || ![undefined, 'TEXT', 'JSON'].includes(type)))
    bad(`fts is for text, and no ${falsyBool ? 'falsyBool' : type}: use type 'TEXT'`)
  // what is stored as nothing would be filled, or refused, by the next change of anything else
  if (falsyBool && (column.required || (column.default && sql === undefined)))
    bad(
      'falsyBool stores false as nothing, where a default or required want a value: leave falsyBool out',
    )
  if (falsyBool && ['DATE', 'BIGINT'].includes(type)) bad(`falsyBool cannot be of type '${type}'`)
  if (column.aside && get) bad('aside is not for you')
  const several = SEARCHES.filter(key => column[key])
  if (several.length > 1) bad(`it has ${several.join(' and ')}: use one of them`)
  const lists = ['in', 'inAll', 'isArray', 'isAnyOfArray'].filter(key => column[key])
  if (several.length && lists.length) bad(`it has ${several[0]} and ${lists[0]}: use one of them`)
  checkWhere(column, bad)
  if (foreignKey !== undefined) checkForeignKey(column, bad)
  if (fts !== undefined && typeof fts !== 'boolean' && typeof fts?.tokenize !== 'string')
    bad('fts must be true or {tokenize}')
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

function checkWhere({ where, whereVal }, bad) {
  if (where !== undefined && typeof where !== 'function' && typeof where !== 'string')
    bad('where must be a string or a function')
  if (typeof where === 'string' && !whereVal && !where.includes('?'))
    bad("where needs a '?' or whereVal")
}

function checkForeignKey({ foreignKey, real, type, get }, bad) {
  if (!real && !type) bad('foreignKey needs type or real')
  // the document would keep what the table had changed
  if (get !== undefined && !get) bad('foreignKey needs get')
  if (typeof foreignKey === 'string') return
  const { model, column, onDelete, onUpdate, ...rest } = foreignKey ?? {}
  if (typeof model !== 'string' || (column !== undefined && typeof column !== 'string'))
    bad('foreignKey must be the name of a model or {model, column?, onDelete?, onUpdate?}')
  const [other] = Object.keys(rest)
  if (other) bad(`foreignKey has no '${other}'`)
  for (const action of [onDelete, onUpdate])
    if (action !== undefined && !ACTIONS.includes(action))
      bad(`foreignKey: an action is one of ${ACTIONS.join(', ')}, not ${show(action)}`)
}

function checkId(what, idCol, column) {
  const bad = message => {
    throw new TypeError(`column ${what}: ${message}`)
  }
  const wrong = NOT_FOR_ID.find(key => column[key] !== undefined && column[key] !== false)
  if (wrong) bad(`'${wrong}' cannot be done to the id`)
  if (column.get === false || column.real === false) bad('the id is always real and read')
  if (column.path !== undefined && column.path !== idCol)
    bad('the id has no other path than its name')
  if (column.value && column.slugValue) bad('it has value and slugValue: use one of them')
  if (column.type === 'JSON') bad("the id cannot be of type 'JSON'")
  if (column.autoIncrement && column.type !== 'INTEGER') bad("autoIncrement needs type 'INTEGER'")
  checkWhere(column, bad)
}

function checkJson(what, column) {
  const wrong = Object.keys(column).find(key => key !== 'alias' && column[key] !== undefined)
  if (wrong)
    throw new TypeError(
      `column ${what}: it holds the rest of the document and has only 'alias', not '${wrong}'`,
    )
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
      `column ${name}: the columns of a model share one tokenizer, which is '${before}'`,
    )
  return fts.tokenize
}

const show = value => (typeof value === 'string' ? `'${value}'` : String(value))
