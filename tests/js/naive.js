// The meaning of a search, in plain JavaScript over an array of documents: written from the guide,
// not from the code. Slow, and sure of itself. Values are null, numbers, BigInts, strings and
// bytes, in that order.

const isNumeric = text => /^\s*[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?\s*$/i.test(text)
const NUMBERS = ['INTEGER', 'REAL', 'NUMERIC', 'DATE', 'BIGINT']

/** The value that a column of a type keeps or compares of a plain value. */
function withAffinity(type, value) {
  if (typeof value === 'string' && NUMBERS.includes(type) && isNumeric(value)) return Number(value)
  if (typeof value === 'number' && type === 'TEXT') return written(value)
  return value
}

/** A JSON value as SQL sees it. */
function plain(value) {
  if (value === undefined || value === null) return null
  if (typeof value === 'boolean') return value ? 1 : 0
  if (value instanceof Uint8Array) return value
  return typeof value === 'object' ? JSON.stringify(value) : value
}

function steps(path) {
  return [...path.matchAll(/[^.[\]]+/g)].map(([step]) => step)
}

function at(value, path) {
  let found = value
  for (const step of steps(path)) {
    if (typeof found !== 'object' || found === null || !Object.hasOwn(found, step)) return undefined
    found = found[step]
  }
  return found
}

/**
 * The meaning of a name: its column, whether that itself is meant, and how to get its JSON value
 * from a document.
 */
function target(columns, name) {
  // a path that is a column's is that column
  const own = columns[name] ?? Object.values(columns).find(column => column.path === name)
  if (own || name === 'id') {
    const { path = name, sql } = own ?? {}
    // columns of one path share the value, as the one that has a type keeps it
    const type =
      own?.type ?? (own?.path && Object.values(columns).find(c => c.path === path && c.type)?.type)
    return { column: own ?? {}, type, raw: sql ? own.naive : doc => at(doc, path) }
  }
  const end = name.search(/[.[]/)
  const { path } = { path: name.slice(0, end), ...columns[name.slice(0, end)] }
  return { column: {}, deep: true, raw: doc => at(doc, path + name.slice(end)) }
}

const sqlValue = (t, doc) =>
  t.type === 'JSON' ? plain(t.raw(doc)) : withAffinity(t.type, plain(t.raw(doc)))

/** -1, 0 or 1; nulls are the same here and come first. */
function order(a, b, collate) {
  const rank = v => (v === null ? 0 : typeof v === 'string' ? 2 : v instanceof Uint8Array ? 3 : 1)
  if (rank(a) !== rank(b)) return Math.sign(rank(a) - rank(b))
  if (rank(a) === 0) return 0
  if (rank(a) === 1) return a < b ? -1 : a > b ? 1 : 0
  if (rank(a) === 3) return Buffer.compare(a, b)
  return Buffer.compare(Buffer.from(collated(a, collate)), Buffer.from(collated(b, collate)))
}

function collated(text, collate) {
  if (collate === 'NOCASE') return lower(text)
  return collate === 'RTRIM' ? text.replace(/ +$/, '') : text
}

/** A to Z only. */
const lower = text => text.replace(/[A-Z]/g, c => c.toLowerCase())
const quoted = c => c.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&')

/** A value as SQL writes it: doubles with a dot and 15 digits. */
function written(value, type) {
  if (typeof value !== 'number' || (Number.isSafeInteger(value) && type !== 'REAL'))
    return String(value)
  const [digits, power] = value.toExponential(14).split('e')
  const size = Number(power)
  if (size >= -4 && size < 15) {
    const plainly = String(Number(value.toPrecision(15)))
    return plainly.includes('.') ? plainly : `${plainly}.0`
  }
  const short = digits.replace(/\.?0+$/, '')
  const exponent = `${size < 0 ? '-' : '+'}${String(Math.abs(size)).padStart(2, '0')}`
  return `${short.includes('.') ? short : `${short}.0`}e${exponent}`
}

function like(text, pattern) {
  const source = [...lower(pattern)].map(c => (c === '%' ? '[^]*' : c === '_' ? '[^]' : quoted(c)))
  return new RegExp(`^${source.join('')}$`, 'u').test(lower(text))
}

/** The part of a text that SQL's patterns see. */
const upToNul = text => text.split('\0')[0]

function glob(text, pattern) {
  const source = [...pattern].map(c => (c === '*' ? '[^]*' : c === '?' ? '[^]' : quoted(c)))
  return new RegExp(`^${source.join('')}$`, 'u').test(text)
}

function isOperators(value) {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  const keys = Object.keys(value)
  return keys.length > 0 && keys.every(key => key.startsWith('$'))
}

/** Whether a document matches. */
export function matches(columns, doc, attrs) {
  return Object.entries(attrs).every(([name, value]) => {
    if (value === null || value === undefined) return true
    if (name === '$and') return value.every(one => matches(columns, doc, one))
    if (name === '$or') return value.some(one => matches(columns, doc, one))
    if (name === '$not') return !matches(columns, doc, value)
    const t = target(columns, name)
    if (isOperators(value)) {
      return Object.entries(value).every(
        ([op, operand]) => operand === undefined || asked(t, doc, op, operand),
      )
    }
    return attribute(t, doc, value)
  })
}

/** A plain value, by the keys of its column. */
function attribute(t, doc, value) {
  const { isArray, inAll, textSearch, falsyBool } = t.column
  const several = t.column.in
  const list = Array.isArray(value) ? value : [value]
  if (isArray && (inAll || several)) {
    return list.length === 0 || asked(t, doc, inAll ? '$containsAll' : '$containsAny', list)
  }
  if (isArray) return asked(t, doc, '$contains', value)
  if (several) return list.length === 0 || asked(t, doc, '$in', list)
  if (textSearch) return value === '' || asked(t, doc, '$text', String(value))
  return asked(t, doc, '$eq', falsyBool ? Boolean(value) : value)
}

function asked(t, doc, op, operand) {
  const { collate, falsyBool } = t.column
  const value = falsyBool ? (plain(t.raw(doc)) === null ? 0 : 1) : sqlValue(t, doc)
  const isNull = !falsyBool && value === null
  const isAbsent = plain(t.raw(doc)) === null
  const compare = other =>
    order(value, withAffinity(falsyBool ? undefined : t.type, plain(other)), collate)
  const text = () => written(value, t.type)
  switch (op) {
    case '$eq':
      return equal(t, doc, operand)
    case '$ne':
      return !equal(t, doc, operand)
    case '$in':
      return operand.some(one => equal(t, doc, one))
    case '$nin':
      return !operand.some(one => equal(t, doc, one))
    case '$gt':
      return !isNull && compare(operand) > 0
    case '$gte':
      return !isNull && compare(operand) >= 0
    case '$lt':
      return !isNull && compare(operand) < 0
    case '$lte':
      return !isNull && compare(operand) <= 0
    case '$between':
      return !isNull && compare(operand[0]) >= 0 && compare(operand[1]) <= 0
    case '$like':
      return !isNull && like(upToNul(text()), operand)
    case '$glob':
      return !isNull && glob(upToNul(text()), operand)
    case '$text':
      return !isNull && lower(text()).includes(lower(operand))
    case '$exists':
      return isAbsent !== operand
    case '$null':
      return isAbsent === operand
    case '$contains':
      return contains(t, doc, operand)
    case '$containsAll':
      return operand.every(one => contains(t, doc, one))
    case '$containsAny':
      return operand.some(one => contains(t, doc, one))
    default:
      throw new Error(op)
  }
}

function equal(t, doc, wanted) {
  const raw = t.raw(doc)
  const isNull = plain(raw) === null
  if (wanted === null) return isNull
  if (t.column.falsyBool) return isNull === !wanted
  if (isNull) return false
  // a JSON column is compared as the text it would be
  if (t.type === 'JSON') return JSON.stringify(raw) === JSON.stringify(wanted)
  return order(sqlValue(t, doc), withAffinity(t.type, plain(wanted)), t.column.collate) === 0
}

function contains(t, doc, wanted) {
  const list = t.raw(doc)
  if (!Array.isArray(list)) return false
  return list.some(item => {
    if (item === null || wanted === null) return item === wanted
    const scalars = typeof item !== 'object' && typeof wanted !== 'object'
    if (scalars) return order(plain(item), plain(wanted)) === 0
    return typeof item === typeof wanted && JSON.stringify(item) === JSON.stringify(wanted)
  })
}

/** The documents that match, in order. */
export function search(columns, docs, attrs, sort = {}) {
  const keys = Object.entries(sort)
    .filter(([, n]) => n !== 0)
    .sort(([, a], [, b]) => Math.abs(a) - Math.abs(b))
  const found = docs.filter(doc => matches(columns, doc, attrs))
  return found.sort((a, b) => {
    for (const [name, n] of keys) {
      const t = target(columns, name)
      const by = order(sqlValue(t, a), sqlValue(t, b), t.column.collate)
      if (by !== 0) return n < 0 ? -by : by
    }
    return order(a.id, b.id)
  })
}

/** A figure over the numbers of a column; text that reads as a number is one. */
export function figure(columns, docs, op, name, attrs) {
  const t = target(columns, name)
  const found = docs.filter(doc => matches(columns, doc, attrs)).map(doc => sqlValue(t, doc))
  const numbers = found
    .filter(v => typeof v === 'number' || (typeof v === 'string' && isNumeric(v)))
    .map(Number)
  if (numbers.length === 0) return null
  const exact = numbers.every(Number.isSafeInteger)
  const add = list => list.reduce((a, b) => a + b)
  const sum = exact ? Number(add(numbers.map(BigInt))) : add(numbers)
  const figures = {
    max: Math.max(...numbers),
    min: Math.min(...numbers),
    sum,
    avg: sum / numbers.length,
  }
  return figures[op]
}

/** The different values of a column: those that differ as JSON where it is in JSON. */
export function distinct(columns, docs, name, attrs) {
  const t = target(columns, name)
  const inJson = !t.type && !t.column.real && !t.column.sql
  const found = docs.filter(doc => matches(columns, doc, attrs))
  const values = found.map(doc => (inJson ? JSON.stringify(t.raw(doc) ?? null) : sqlValue(t, doc)))
  return values.filter((value, i) => values.findIndex(other => order(other, value) === 0) === i)
}
