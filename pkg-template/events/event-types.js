// The types of events that a version of an application knows: checked here, understood by the
// engine.

import { LONE } from '../documents/codec.js'

/** @param {Record<string, number | {tv?: number, optional?: boolean}>} [types] */
export function eventTypes(types) {
  if (types === undefined) return undefined
  if (typeof types !== 'object' || types === null) throw new TypeError('types must be an object')
  const rules = Object.entries(types).map(([type, given]) => {
    const {
      tv = 0,
      optional = false,
      ...others
    } = typeof given === 'number' ? { tv: given } : (given ?? {})
    const [unknown] = Object.keys(others)
    if (LONE.test(type)) throw new TypeError(`types: '${type}' has a lone surrogate`)
    if (unknown)
      throw new TypeError(`types: '${type}' takes a version or {tv, optional}, not '${unknown}'`)
    if (!Number.isInteger(tv) || tv < 0 || tv > 0xffffffff)
      throw new TypeError(`types: the version of '${type}' must be a whole number, not ${tv}`)
    if (typeof optional !== 'boolean')
      throw new TypeError(`types: optional of '${type}' must be true or false`)
    return [type, { tv, optional }]
  })
  return Object.fromEntries(rules)
}
