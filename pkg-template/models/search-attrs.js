// Makes the engine's tree of conditions (src/model/search.rs) from users' conditions: attributes by
// the keys of their columns, operators, values. An object of the user's never becomes a part of the
// tree, so that no value can act as a condition.

import { nullish } from '../documents/kinds.js'

// a level is up to two nodes of the engine's, which allows 50 (src/model/search.rs)
const MAX_DEPTH = 24
const LISTS = ['$in', '$nin', '$containsAll', '$containsAny', '$between']
const EQUALITY = ['$eq', '$ne', '$in', '$nin']
const OPERATORS = [
  ...EQUALITY,
  ...['$gt', '$gte', '$lt', '$lte', '$like', '$glob', '$between', '$exists', '$null'],
  ...['$contains', '$containsAll', '$containsAny', '$match', '$text'],
]

/**
 * The conditions of `attrs` and of the `where` option, joined by and. `strict`: each key must make
 * one.
 */
export function conditions(model, attrs, where, strict) {
  return ['and', [...nodesOf(model, attrs, 0, strict), ...rawNodes(model, where)]]
}

function nodesOf(model, attrs, depth, strict) {
  if (!isAttrs(attrs))
    throw new TypeError(`${model.name}.search: attrs must be an object, not ${show(attrs)}`)
  if (depth > MAX_DEPTH) {
    throw new TypeError(
      `${model.name}.search: $and, $or and $not may be ${MAX_DEPTH} deep: flatten them`,
    )
  }
  const nodes = []
  for (const [name, value] of Object.entries(attrs)) {
    const made = nodesOfKey(model, name, value, depth, strict)
    if (strict && made.every(isAlways)) {
      throw new TypeError(
        `${model.name}: ${name} is no condition when it is ${isPlain(value) ? 'this object' : show(value)}: {$eq: null} asks for documents without a value, {} for every document`,
      )
    }
    nodes.push(...made)
  }
  return nodes
}

function nodesOfKey(model, name, value, depth, strict) {
  const isLogic = Object.hasOwn(LOGIC, name)
  if (value === undefined || value === null) {
    // a name that is wrong is wrong without a value, too
    if (!isLogic && name !== '$match') findColumn(model, name)
    return []
  }
  if (isLogic)
    return [LOGIC[name](attrs => all(nodesOf(model, attrs, depth + 1, strict)), value, model)]
  return name === '$match'
    ? [['match', matchValue(model, 'attrs', value)]]
    : columnNodes(model, name, value)
}

const all = nodes => (nodes.length === 1 ? nodes[0] : ['and', nodes])

/** Whether a node is true of everything. */
function isAlways([kind, inner, op, operand]) {
  if (kind === 'and') return inner.every(isAlways)
  if (kind === 'or') return inner.some(isAlways)
  return op === '$containsAll' && operand.length === 0
}

const LOGIC = {
  $and: (nodeOf, list, model) => ['and', several(model, '$and', list).map(nodeOf)],
  $or: (nodeOf, list, model) => ['or', several(model, '$or', list).map(nodeOf)],
  $not: (nodeOf, attrs) => ['not', nodeOf(attrs)],
}

function several(model, name, list) {
  if (Array.isArray(list)) return list
  throw new TypeError(`${model.name}.search: ${name} takes an array of attrs, not ${show(list)}`)
}

function columnNodes(model, name, value) {
  const column = findColumn(model, name)
  if (column.where || column.whereVal) return own(model, name, column, value)
  if (isOperators(model, name, column, value)) {
    const asked = Object.entries(value).filter(([, operand]) => operand !== undefined)
    return asked.map(([op, operand]) => operator(model, name, column, op, operand))
  }
  const node = (op, operand) => [operator(model, name, column, op, operand)]
  const list = Array.isArray(value) ? value : [value]
  if (column.isArray || column.isAnyOfArray) {
    if (column.inAll) return list.length ? node('$containsAll', list) : []
    if (column.in || column.isAnyOfArray) return list.length ? node('$containsAny', list) : []
    return node('$contains', value)
  }
  if (column.in) return list.length ? node('$in', list) : []
  if (column.textSearch) return value === '' ? [] : node('$text', String(value))
  if (column.falsyBool) return node('$eq', Boolean(value))
  return node('$eq', value)
}

/** The column of a name, the one whose path it is, or none of its keys for what is below one. */
export function findColumn(model, name) {
  const columns = model.columns ?? {}
  if (Object.hasOwn(columns, name)) return columns[name]
  if (name === model.idCol) return {}
  const found = columnAt(columns, name)
  if (found) return found
  const known = Object.keys(columns).filter(column => column !== 'json')
  const what = name.startsWith('$') ? `operator '${name}'` : `column '${name}'`
  const remedy = name.startsWith('$')
    ? 'use $and, $or, $not or $match'
    : `declare it in columns, or use ${known.slice(0, 20).join(', ')}`
  throw coded(new TypeError(`${model.name}.search: unknown ${what}: ${remedy}`), name)
}

/**
 * The meaning of a path: the column that has its value; `{}` below a column; nothing below none.
 */
export function columnAt(columns, name) {
  const ends = [...name.matchAll(/[.[]/g)].map(found => found.index).filter(Boolean)
  const end = ends.findLast(at => Object.hasOwn(columns, name.slice(0, at)))
  const front = end === undefined ? undefined : columns[name.slice(0, end)]
  // a column that is not read back has all of its value
  if (front && (front.isId || (front.real && !front.get))) return {}
  const steps = text =>
    [...text.matchAll(/\[(\d+)\]|([^.[\]]+)/g)].map(([, index, key]) => key ?? Number(index))
  const path = front ? [...(front.steps ?? []), ...steps(name.slice(end))] : steps(name)
  const others = Object.values(columns).filter(column => !column.isId && column.name !== 'json')
  const above = others.filter(
    ({ steps: its = [] }) => its.length && its.every((step, i) => step === path[i]),
  )
  const there = above.filter(({ steps: its }) => its.length === path.length)
  const own = there.find(column => column.real && column.get)
  if (own || front) return own ?? {}
  const declared = above.filter(column => (column.real ? column.get : !column.computed))
  return there.find(column => declared.includes(column)) ?? (declared.length ? {} : undefined)
}

/** Conditions for a write: nothing undefined in them, which would be no condition. */
export function checkAttrs(model, method, attrs) {
  const refuse = why => {
    throw new TypeError(`${model.name}.${method}: ${why}`)
  }
  if (typeof attrs !== 'object' || attrs === null)
    refuse('attrs must be an object; {} means every document')
  const walk = (value, where, depth) => {
    if (value === undefined)
      refuse(`${where} is undefined: leave it out, or say {} for every document`)
    // deeper ones the search refuses
    if (depth > 100 || !(Array.isArray(value) || isAttrs(value))) return
    for (const [key, inner] of Object.entries(value))
      walk(inner, where ? `${where}.${key}` : key, depth + 1)
  }
  walk(attrs, '', 0)
}

const coded = (error, name) =>
  name.startsWith('$') ? error : Object.assign(error, { code: 'UNKNOWN_COLUMN' })

/** Conditions of the column's own `where` and `whereVal`. */
function own(model, name, column, value) {
  let given = column.stringify && !column.whereVal ? column.stringify(value) : value
  let values
  if (column.whereVal) {
    given = column.whereVal.call(model, value)
    if (!given) return []
    if (!Array.isArray(given)) {
      throw new TypeError(
        `${model.name}.${name}: whereVal must give an array or nothing, not ${show(given)}`,
      )
    }
    values = given
  } else values = [given]
  const { where } = column
  if (where === undefined) return [operator(model, name, column, '$eq', given[0])]
  const sql = typeof where === 'function' ? where.call(model, given, value) : where
  if (!sql) return []
  if (typeof sql !== 'string') {
    throw new TypeError(`${model.name}.${name}: where must give SQL, not ${show(sql)}`)
  }
  return [['raw', sql, values.map(one => encode(model, name, column, one))]]
}

function isOperators(model, name, column, value) {
  if (!isPlain(value)) return false
  const keys = Object.keys(value)
  const signs = keys.filter(key => key.startsWith('$'))
  if (keys.length && signs.length === keys.length) return true
  if (signs.length) {
    throw new TypeError(`${model.name}.search: ${name} mixes operators (${signs}) with other keys`)
  }
  if (!holdsJson(column) && !column.falsyBool) {
    throw new TypeError(
      `${model.name}.search: ${name} is compared with an object: use an operator such as {$eq: value}, or type JSON`,
    )
  }
  return false
}

function operator(model, name, column, op, operand) {
  if (!OPERATORS.includes(op)) {
    throw new TypeError(
      `${model.name}.search: unknown operator '${op}' of ${name}: use ${OPERATORS.join(', ')}`,
    )
  }
  const wrong = takes => {
    throw new TypeError(`${model.name}.search: ${name}.${op} takes ${takes}, not ${show(operand)}`)
  }
  if (op === '$match') return ['col', name, op, matchValue(model, name, operand)]
  if (op === '$exists' || op === '$null') {
    if (typeof operand !== 'boolean') wrong('true or false')
    return ['col', name, op, operand]
  }
  if (op === '$like' || op === '$glob' || op === '$text') {
    if (typeof operand !== 'string') wrong('a string')
    return ['col', name, op, operand]
  }
  const value = one => {
    const stored =
      EQUALITY.includes(op) && column.stringify && one !== null ? column.stringify(one) : one
    return encode(model, name, column, stored, op)
  }
  if (LISTS.includes(op)) {
    if (!Array.isArray(operand) || (op === '$between' && operand.length !== 2)) {
      wrong(op === '$between' ? '[from, to]' : 'an array')
    }
    if (op === '$between' && operand.some(nullish)) wrong('two values')
    return ['col', name, op, operand.map(value)]
  }
  if (operand === null && !EQUALITY.includes(op) && op !== '$contains') wrong('a value')
  return ['col', name, op, value(operand)]
}

function matchValue(model, name, value) {
  if (typeof value === 'string') return value
  const known = ['words', 'prefix', 'phrase', 'query']
  if (isPlain(value) && Object.keys(value).every(key => known.includes(key))) {
    const { words, prefix, phrase, query } = value
    const texts = [words, phrase, query].filter(text => text !== undefined)
    if (texts.length === 1 && typeof texts[0] === 'string') {
      return { words, prefix: prefix === undefined ? undefined : Boolean(prefix), phrase, query }
    }
  }
  throw new TypeError(
    `${model.name}.search: ${name}.$match takes text, {words, prefix?}, {phrase} or {query: FTS5 syntax}, not ${show(value)}`,
  )
}

/** A value as the engine reads it: a JSON scalar, a tagged one, or the JSON of a JSON column. */
function encode(model, name, column, value, op) {
  const refuse = why => {
    throw new TypeError(`${model.name}.search: ${name} is compared with ${show(value)}: ${why}`)
  }
  switch (typeof value) {
    case 'string':
      if (value.isWellFormed?.() === false)
        refuse('it has a lone surrogate, half of a character that UTF-8 cannot hold')
      return value
    case 'boolean':
      return value
    case 'number':
      if (!Number.isFinite(value)) refuse('use a finite number')
      return value
    case 'bigint':
      if (BigInt.asIntN(64, value) !== value) refuse('a BigInt may have 64 bits')
      return { $bigint: String(value) }
    case 'object':
      break
    default:
      return refuse('use a string, a number, a boolean, a BigInt, a Date or a Uint8Array')
  }
  if (value === null) return null
  if (value instanceof Uint8Array) return { $bytes: base64(value) }
  if (value instanceof Date) {
    if (Number.isNaN(value.getTime())) refuse('use a valid date')
    return column.type === 'DATE' ? value.getTime() : value.toJSON()
  }
  // an item of an array, and what a JSON column holds, may be any JSON
  if (op?.startsWith('$contains') || holdsJson(column)) return json(value, refuse)
  return refuse(Array.isArray(value) ? 'use {$in: […]} for one of several' : 'use a scalar')
}

/** Plain JSON; an object with a `$` key would be read as something else. */
function json(value, refuse) {
  try {
    const text = JSON.stringify(value)
    if (text.startsWith('{"$bytes"') || text.startsWith('{"$bigint"'))
      refuse('use another first key')
    return JSON.parse(text)
  } catch (cause) {
    if (cause instanceof TypeError && cause.message.includes('is compared with')) throw cause
    return refuse(`it cannot be written as JSON (${cause.message})`)
  }
}

/** The `where` option: `{sql: values}`, the developer's own. */
function rawNodes(model, where) {
  if (nullish(where)) return []
  if (!isPlain(where)) throw new TypeError(`${model.name}.search: where must be {sql: [values]}`)
  const used = Object.entries(where).filter(([, values]) => values)
  return used.map(([sql, values]) => ['raw', sql, bindings(model, 'where', values)])
}

/** Values of the developer's own SQL. */
export function bindings(model, what, values) {
  if (!Array.isArray(values)) {
    throw new TypeError(
      `${model.name}.search: ${what} takes an array of values, not ${show(values)}`,
    )
  }
  return values.map(value => (value === undefined ? null : encode(model, what, {}, value)))
}

function base64(bytes) {
  let binary = ''
  for (const byte of bytes) binary += String.fromCharCode(byte)
  return btoa(binary)
}

/** Bytes and big integers as the engine gives them, as values. */
export function decode(value) {
  if (typeof value !== 'object' || value === null) return value
  if (typeof value.$bigint === 'string') return BigInt(value.$bigint)
  if (typeof value.$bytes === 'string')
    return Uint8Array.from(atob(value.$bytes), c => c.charCodeAt(0))
  return value
}

const holdsJson = column => column.type === 'JSON'

export function isPlain(value) {
  if (typeof value !== 'object' || value === null) return false
  const prototype = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

/** Whether a value is an object of attributes, also as an instance of a class with properties. */
export function isAttrs(value) {
  if (isPlain(value)) return true
  return (
    Object.prototype.toString.call(value) === '[object Object]' && Object.keys(value).length > 0
  )
}

export function show(value) {
  if (typeof value === 'string') return `'${value.length > 60 ? `${value.slice(0, 60)}…` : value}'`
  if (typeof value === 'bigint') return `${value}n`
  if (value === null || ['number', 'boolean', 'undefined'].includes(typeof value))
    return String(value)
  return Array.isArray(value) ? 'an array' : `a ${value.constructor?.name ?? typeof value}`
}
