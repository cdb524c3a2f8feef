// The keys of a column's definition: what each takes, which need or exclude each other, and what
// the id and the `json` column take of them. Compiles nothing.

import { advice } from '../language/nearest.js'

const FLAG = 'flag'
const FUNCTION = 'function'
/** The values that each key takes. */
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

/** Refuses keys that are not there, and values that they do not take. */
export function checkKeys(what, column) {
  if (typeof column !== 'object' || column === null || Array.isArray(column))
    throw new TypeError(`column ${what} must be an object`)
  for (const [key, value] of Object.entries(column)) {
    if (!Object.hasOwn(KEYS, key)) {
      throw new TypeError(`column ${what}: there is no key '${key}': ${advice(key, KEYS)}`)
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
  if (wanted === 'string')
    return typeof value === 'string' && value ? undefined : `a string, not ${show(value)}`
  if (wanted === 'integer')
    return Number.isSafeInteger(value) ? undefined : `an integer, not ${show(value)}`
  // true and false, and what strato-db takes for them
  if (wanted === FLAG)
    return ['boolean', 'number'].includes(typeof value) || value === null
      ? undefined
      : `true or false, not ${show(value)}`
}

/** Refuses keys of a column of data that do not go together. */
export function checkData(what, column) {
  const { type, value, slugValue, index, unique, get, sql, real, falsyBool, foreignKey, fts } =
    column
  const bad = message => {
    throw new TypeError(`column ${what}: ${message}`)
  }
  if (unique && !index) bad('unique needs index: add index: true')
  if (value && slugValue) bad('it has value and slugValue: use one of them')
  if (slugValue && !index)
    bad('slugValue needs index, by which a free slug is found: add index: true')
  if (column.autoIncrement) bad('autoIncrement is for integer ids: leave it out of other columns')
  if (sql !== undefined && (real || type))
    bad('sql makes it computed, and not a column of the table: it cannot have real or type')
  if (sql !== undefined && (value || slugValue || column.stringify))
    bad('sql makes it computed, and never written: leave out value, slugValue and stringify')
  if (column.alwaysObject && type !== 'JSON')
    bad("alwaysObject needs type 'JSON', which holds objects")
  if (column.parse && !(get ?? (real || type)))
    bad('parse needs get: true, for without it the column is not read')
  if (falsyBool && (column.parse || column.stringify))
    bad('falsyBool has its own way to be stored: leave out parse and stringify')
  if (typeof column.default === 'function' && sql === undefined)
    bad('default is a function, which no document holds: use value for what a function computes')
  const list = falsyBool && ['isArray', 'inAll', 'isAnyOfArray'].find(key => column[key])
  if (list) bad(`falsyBool holds true or nothing, and no array: leave out ${list}`)
  if (fts && (falsyBool || ![undefined, 'TEXT', 'JSON'].includes(type)))
    bad(`fts is for text, and no ${falsyBool ? 'falsyBool' : type}: use type 'TEXT'`)
  // what is stored as nothing would be filled, or refused, by the next change of anything else
  if (falsyBool && (column.required || (column.default && sql === undefined)))
    bad(
      'falsyBool stores false as nothing, where a default or required want a value: leave falsyBool out',
    )
  if (falsyBool && ['DATE', 'BIGINT'].includes(type))
    bad(`falsyBool cannot be of type '${type}': use 'INTEGER', or no type`)
  const several = SEARCHES.filter(key => column[key])
  if (several.length > 1) bad(`it has ${several.join(' and ')}: use one of them`)
  const lists = ['in', 'inAll', 'isArray', 'isAnyOfArray'].filter(key => column[key])
  if (several.length && lists.length) bad(`it has ${several[0]} and ${lists[0]}: use one of them`)
  checkWhere(column, bad)
  if (foreignKey !== undefined) checkForeignKey(column, bad)
  if (fts !== undefined && typeof fts !== 'boolean' && typeof fts?.tokenize !== 'string')
    bad("fts must be true or {tokenize: 'a tokenizer of FTS5'}")
}

function checkWhere({ where, whereVal }, bad) {
  if (where !== undefined && typeof where !== 'function' && typeof where !== 'string')
    bad('where must be SQL, or a function that gives it')
  if (typeof where === 'string' && !whereVal && !where.includes('?'))
    bad(
      "where needs a '?' or whereVal: write ? for the value that is asked for, or give a function that makes the values",
    )
}

function checkForeignKey({ foreignKey, real, type, get }, bad) {
  if (!real && !type)
    bad('foreignKey needs type or real, for SQLite knows columns of the table only')
  // the document would keep what the table had changed
  if (get !== undefined && !get)
    bad('foreignKey needs get, so that the document follows the table: leave out get: false')
  if (typeof foreignKey === 'string') return
  const { model, column, onDelete, onUpdate, ...rest } = foreignKey ?? {}
  if (typeof model !== 'string' || (column !== undefined && typeof column !== 'string'))
    bad('foreignKey must be the name of a model or {model, column?, onDelete?, onUpdate?}')
  const [other] = Object.keys(rest)
  if (other) bad(`foreignKey has no '${other}': use model, column, onDelete and onUpdate`)
  for (const action of [onDelete, onUpdate])
    if (action !== undefined && !ACTIONS.includes(action))
      bad(`foreignKey: an action is one of ${ACTIONS.join(', ')}, not ${show(action)}`)
}

/** Refuses keys that the id does not take. */
export function checkId(what, idCol, column) {
  const bad = message => {
    throw new TypeError(`column ${what}: ${message}`)
  }
  const wrong = NOT_FOR_ID.find(key => column[key] !== undefined && column[key] !== false)
  if (wrong) bad(`'${wrong}' cannot be done to the id: leave it out`)
  if (column.get === false || column.real === false)
    bad('the id is always real and read: leave out real and get')
  if (column.path !== undefined && column.path !== idCol)
    bad('the id has no other path than its name: leave out path')
  if (column.value && column.slugValue) bad('it has value and slugValue: use one of them')
  if (column.type === 'JSON') bad("the id cannot be of type 'JSON'")
  if (column.autoIncrement && column.type !== 'INTEGER') bad("autoIncrement needs type 'INTEGER'")
  checkWhere(column, bad)
}

/** Refuses keys that the `json` column does not take. */
export function checkJson(what, column) {
  const wrong = Object.keys(column).find(key => key !== 'alias' && column[key] !== undefined)
  if (wrong)
    throw new TypeError(
      `column ${what}: it holds the rest of the document and has only 'alias', not '${wrong}'`,
    )
}

const show = value => (typeof value === 'string' ? `'${value}'` : String(value))
