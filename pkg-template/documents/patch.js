// Deep changes as a user writes them, checked and encoded for the engine, which carries them out:
// `{$set: {path: value}, $unset: path or paths, $inc: {path: number}, $push: {path: element}}`.

import { advice } from '../language/nearest.js'
import { parsePath } from './paths.js'

const OPERATORS = ['$set', '$unset', '$inc', '$push']

/** Whether an object is changes rather than a document. */
export const isPatch = change => Object.keys(change).some(key => key.startsWith('$'))

/** The changes as the engine has them. `columns` are compiled ones. */
export function encodePatch(codec, columns, change, what) {
  const encoded = {}
  for (const [operator, given] of Object.entries(change)) {
    if (!OPERATORS.includes(operator))
      throw new TypeError(`${what}: there is no '${operator}': ${advice(operator, OPERATORS)}`)
    if (given === undefined || given === null) continue
    if (operator === '$unset') {
      encoded.$unset = paths(given, what)
      continue
    }
    if (typeof given !== 'object' || Array.isArray(given))
      throw new TypeError(`${what}: ${operator} must be an object of paths and values`)
    const values = {}
    for (const [path, value] of Object.entries(given)) {
      const at = `${what}: ${operator}`
      const steps = parsePath(path, at)
      values[path] = encodeValue(codec, columns, operator, steps, value, at)
    }
    encoded[operator] = values
  }
  return encoded
}

function encodeValue(codec, columns, operator, steps, value, at) {
  const path = steps.join('.')
  if (value === undefined)
    throw new TypeError(`${at} '${path}' is undefined: use $unset to take it away`)
  if (operator === '$inc') {
    if (typeof value === 'bigint') return codec.encodeAs(value, 'BIGINT', path, at)
    if (typeof value === 'number' && Number.isFinite(value)) return value
    throw new TypeError(`${at} '${path}' must be a number or a BigInt, not ${String(value)}`)
  }
  if (operator === '$push') return codec.encodeAt(value, [...steps, 0], at)
  const column = columns.find(
    one => one.stringify && one.real && !one.aside && one.steps.join('.') === path,
  )
  const stored = column && value !== null ? column.stringify(value) : value
  return codec.encodeAt(stored, steps, at)
}

function paths(given, what) {
  const list =
    typeof given === 'string' ? [given] : Array.isArray(given) ? given : Object.keys(given)
  for (const path of list) {
    if (typeof path !== 'string')
      throw new TypeError(`${what}: $unset takes paths, not ${String(path)}`)
    parsePath(path, `${what}: $unset`)
  }
  return list
}

/** Whether one of two paths is, or is below, the other. */
export const meet = (a, b) => {
  const [short, long] = a.length < b.length ? [a, b] : [b, a]
  return short.every((step, i) => step === long[i])
}

/** The steps of every change. */
export const touched = ({ $set = {}, $unset = [], $inc = {}, $push = {} }) =>
  [...Object.keys($set), ...$unset, ...Object.keys($inc), ...Object.keys($push)].map(path =>
    parsePath(path, ''),
  )
