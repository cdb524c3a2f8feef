// Tells how JSON treats a value, and names kinds of values in messages. Copies nothing.

export const nullish = value => value === null || value === undefined

/** Objects that JSON would quietly empty. */
const NO_JSON =
  /^\[object (?:Map|Set|WeakMap|WeakSet|WeakRef|Promise|RegExp|Error|(?:Shared)?ArrayBuffer|DataView|\w+Array|Generator|Symbol|BigInt)\]$/

/** Whether a value is an object around a primitive, which JSON writes as the primitive. */
export const isBoxed = value =>
  value instanceof Number || value instanceof String || value instanceof Boolean

/** Whether JSON has an object's own properties, were there no `toJSON`. */
export function hasProperties(value) {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  const proto = Object.getPrototypeOf(value)
  if (proto === Object.prototype || proto === null) return true
  return !isBoxed(value) && !NO_JSON.test(Object.prototype.toString.call(value))
}

/** Whether something can be put into a value, so that JSON has it and all that was there. */
export const isOpen = value => hasProperties(value) && typeof value.toJSON !== 'function'

export function nameOf(value) {
  if (typeof value === 'bigint') return 'a BigInt'
  if (Array.isArray(value)) return 'an array'
  if (value instanceof Uint8Array) return 'bytes'
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? 'an invalid Date' : 'a Date'
  const kind = typeof value === 'object' ? (value.constructor?.name ?? 'object') : typeof value
  return kind === 'Object' ? 'an object' : `${/^[aeiou]/i.test(kind) ? 'an' : 'a'} ${kind}`
}
