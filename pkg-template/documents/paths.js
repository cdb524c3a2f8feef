// Places in a document: `home.city`, `tags[0].name`, as steps. Only own properties count. A
// document is never changed: a value is put into a copy, which is made along the way to it only.

import { TidelogError } from '../language/errors.js'
import { isOpen, nameOf, nullish } from './kinds.js'

/** `['tags', 0, 'name']` of `tags[0].name`. */
export function parsePath(path, what) {
  const steps = []
  for (const part of path.split('.')) {
    const [, name, indexes] = /^([^[\]]+)((?:\[\d{1,9}\])*)$/.exec(part) ?? []
    if (!name) throw new TypeError(`${what}: path '${path}' must be like a.b[0].c`)
    steps.push(name)
    for (const [, index] of indexes.matchAll(/\[(\d+)\]/g)) steps.push(Number(index))
  }
  return steps
}

/** The value at some steps, undefined when it is not there. */
export function valueAt(object, steps) {
  let value = object
  for (const step of steps) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, step)) return undefined
    value = value[step]
  }
  return value
}

/**
 * `object` with `value` at some steps, copied only along the way; undefined takes it away. Only
 * objects and arrays can have something put in: `what` begins the message when another value is on
 * the way, without it that value stays.
 */
export function withValueAt(object, steps, value, what, depth = 0) {
  const step = steps[depth]
  const wanted = typeof step === 'number' ? 'an array' : 'an object'
  const fits = typeof step === 'number' ? Array.isArray : isOpen
  if (depth && !nullish(object) && !fits(object)) {
    // nothing is there as it is
    if (nullish(value) || what === undefined) return object
    const way = written(steps.slice(0, depth))
    throw new TidelogError('BAD_VALUE', `${what}: '${way}' is ${nameOf(object)}, not ${wanted}`)
  }
  const last = depth + 1 === steps.length
  const inner = last ? value : withValueAt(own(object, step), steps, value, what, depth + 1)
  if (typeof step === 'number') {
    const list = [...(object ?? [])]
    list[step] = inner ?? null
    return list
  }
  if (inner !== undefined) return { ...object, [step]: inner }
  const { [step]: _, ...others } = object ?? {}
  return others
}

const own = (object, step) => (object && Object.hasOwn(object, step) ? object[step] : undefined)

/** `tags[0].name` of its steps. */
export const written = steps =>
  steps.reduce((path, step) => {
    if (typeof step === 'number') return `${path}[${step}]`
    return path ? `${path}.${step}` : step
  }, '')

/** Puts a value into an object of our own making. A `__proto__` is a property like any other. */
export function put(object, key, value) {
  if (key === '__proto__')
    Object.defineProperty(object, key, {
      value,
      writable: true,
      enumerable: true,
      configurable: true,
    })
  else object[key] = value
}

/** Replaces the value at some steps of an object of our own making, if there is one. */
export function replaceAt(object, steps, replace) {
  const last = steps.length - 1
  const inside = last === 0 ? object : valueAt(object, steps.slice(0, last))
  const key = steps[last]
  if (typeof inside !== 'object' || inside === null || !Object.hasOwn(inside, key)) return
  const value = inside[key]
  if (value === null || value === undefined) return
  const made = replace(value)
  if (made !== value) put(inside, key, made)
}
