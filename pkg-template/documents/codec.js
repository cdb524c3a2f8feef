// Documents to JSON text and back. Values that JSON does not know (bytes, dates, big integers) are
// tagged where a column declares them, and refused with their path anywhere else. One walk copies
// and checks a document; a document that is read is touched at the declared paths only.

import { TidelogError } from '../language/errors.js'
import { hasProperties, isBoxed, nameOf } from './kinds.js'
import { put, replaceAt, written } from './paths.js'

/** The greatest depth of documents: SQLite's JSON functions follow no deeper. */
const DEEPEST = 1000
/** Half of a pair: with the flag u a whole one is another character. */
export const LONE = /\p{Surrogate}/u

/** For texts to the engine. */
export const utf8 = new TextEncoder()

export class Codec {
  /** Declared types by property, and below it. */
  #types
  /** `[steps, revive]` of each declared path. */
  #revivals = []

  /** `columns` are compiled ones. */
  constructor(columns) {
    for (const { steps, type, real, aside } of columns) {
      if (!real || aside || !(type in TYPES)) continue
      this.#declare(steps, type)
      this.#revivals.push([steps, TYPES[type].revive])
    }
  }

  #declare(steps, type) {
    this.#types ??= new Map()
    let node = this.#types
    for (const step of steps.slice(0, -1)) {
      const inner = node.get(String(step)) ?? { below: new Map() }
      inner.below ??= new Map()
      node.set(String(step), inner)
      node = inner.below
    }
    const key = String(steps.at(-1))
    node.set(key, { ...node.get(key), type })
  }

  /** Whether documents come back just as JSON.parse gives them. */
  get plain() {
    return this.#revivals.length === 0
  }

  /** The object whose properties a document has: it, or what its `toJSON` gives. */
  whole(doc, what) {
    const made = typeof doc.toJSON === 'function' ? doc.toJSON('') : doc
    if (!hasProperties(made))
      throw new TypeError(
        `${what}: obj is ${nameOf(doc)}, no object in JSON: give an object with the document's properties`,
      )
    return made
  }

  /**
   * A copy of a document as JSON has it; `what` begins the message when it cannot be. `removals`
   * keeps undefined as null.
   */
  encode(doc, what, removals = false) {
    const copy = new Walk(what, removals).thing(doc, this.#types, 1)
    if (typeof copy !== 'object' || copy === null || Array.isArray(copy))
      throw new TypeError(
        `${what}: obj becomes no object in JSON, by its toJSON: a document must be one`,
      )
    return copy
  }

  /** A value that will stand at some steps of a document. */
  encodeAt(value, steps, what) {
    let declared = { below: this.#types }
    for (const step of steps) declared = declared?.below?.get(String(step))
    const walk = new Walk(what, false)
    walk.at.push(...steps)
    return walk.value(value, declared, steps.length + 1)
  }

  /** The value of a column that is in no document. */
  encodeAs(value, type, name, what) {
    const walk = new Walk(what, false)
    walk.at.push(name)
    return walk.value(value, type in TYPES ? { type } : undefined, 1)
  }

  /** The text of an encoded document. */
  text(copy, what) {
    const text = JSON.stringify(copy)
    // JSON escapes what UTF-8 cannot hold, and nothing else with d8 to df
    if (text.includes('\\ud')) refuseSurrogates(copy, what)
    return text
  }

  /**
   * Puts Dates, BigInts and bytes back into a document that was read. Changes `doc`, which must be
   * fresh.
   */
  revive(doc) {
    for (const [steps, revive] of this.#revivals) replaceAt(doc, steps, revive)
    return doc
  }
}

/** Copies a document; remembers where it is. */
class Walk {
  at = []

  constructor(what, removals) {
    this.what = what
    this.removals = removals
  }

  object(object, types, depth) {
    if (depth > DEEPEST) this.tooDeep(object)
    const copy = {}
    for (const key of Object.keys(object)) {
      const given = object[key]
      // the most usual ones first
      if (typeof given === 'string' || typeof given === 'boolean') {
        const declared = types?.get(key)
        if (declared?.type === undefined) {
          put(copy, key, given)
          continue
        }
      }
      this.at.push(key)
      const value = this.value(given, types?.get(key), depth + 1)
      this.at.pop()
      if (value !== undefined) put(copy, key, value)
      else if (this.removals) put(copy, key, null)
    }
    return copy
  }

  array(list, types, depth) {
    if (depth > DEEPEST) this.tooDeep(list)
    const copy = []
    for (let i = 0; i < list.length; i++) {
      this.at.push(i)
      copy.push(this.value(list[i], types?.get(String(i)), depth + 1) ?? null)
      this.at.pop()
    }
    return copy
  }

  value(value, declared, depth) {
    if (value === null || value === undefined) return value
    if (declared?.type) {
      const made = TYPES[declared.type].encode(value)
      if (made !== undefined) return made
      if (declared.type !== 'INTEGER')
        this.refuse(`is ${nameOf(value)}, not ${TYPES[declared.type].wanted}`)
    }
    switch (typeof value) {
      case 'string':
      case 'boolean':
        return value
      case 'number':
        // JSON has no -0
        if (Number.isFinite(value)) return value + 0
        return this.refuse(`is ${value}`)
      case 'object':
        return this.thing(value, declared?.below, depth)
      default:
        return this.refuse(`is ${nameOf(value)}`)
    }
  }

  thing(value, types, depth, asked = false) {
    if (Array.isArray(value)) return this.array(value, types, depth)
    if (!asked && typeof value.toJSON === 'function') {
      const made = value.toJSON(String(this.at.at(-1) ?? ''))
      const again = typeof made === 'object' && made !== null
      return again ? this.thing(made, types, depth, true) : this.value(made, undefined, depth)
    }
    const proto = Object.getPrototypeOf(value)
    if (proto === Object.prototype || proto === null) return this.object(value, types, depth)
    if (isBoxed(value)) return this.value(value.valueOf(), undefined, depth)
    if (!hasProperties(value)) this.refuse(`is ${nameOf(value)}`)
    return this.object(value, types, depth)
  }

  tooDeep(value) {
    if (cyclic(value)) this.refuse('is in a cycle')
    throw new TidelogError(
      'TOO_LARGE',
      `${this.what}: '${this.path.slice(0, 100)}…' is below ${DEEPEST} levels, and SQLite's JSON functions go no deeper: flatten the document`,
    )
  }

  refuse(is) {
    throw new TypeError(`${this.what}: '${this.path}' ${is}, which JSON cannot hold`)
  }

  get path() {
    return written(this.at)
  }
}

/** Whether an object contains itself, without recursion. */
function cyclic(start) {
  const seen = new Set()
  const open = [start]
  while (open.length) {
    const value = open.pop()
    if (typeof value !== 'object' || value === null) continue
    if (value === start && seen.size) return true
    if (seen.has(value)) continue
    seen.add(value)
    for (const inner of Object.values(value)) open.push(inner)
  }
  return false
}

function refuseSurrogates(copy, what) {
  const walk = new Walk(what, false)
  const check = text => {
    if (typeof text === 'string' && LONE.test(text))
      throw new TypeError(
        `${what}: '${walk.path}' has a lone surrogate, half of a character that UTF-8 cannot hold`,
      )
  }
  const look = value => {
    check(value)
    if (typeof value !== 'object' || value === null) return
    for (const [key, inner] of Object.entries(value)) {
      walk.at.push(Array.isArray(value) ? Number(key) : key)
      check(key)
      look(inner)
      walk.at.pop()
    }
  }
  look(copy)
}

const tagged = (value, tag) =>
  typeof value === 'object' && value !== null && typeof value[tag] === 'string'
/** The limit of a Date, in ms. */
const LATEST = 8.64e15
const LEAST = -(2n ** 63n)
const MOST = 2n ** 63n - 1n

const toBigInt = value => {
  if (typeof value === 'bigint' && value >= LEAST && value <= MOST)
    return { $bigint: String(value) }
}

/** `encode` gives undefined for what is none. */
const TYPES = {
  BLOB: {
    wanted: 'a Uint8Array',
    encode: value => {
      const bytes = bytesOf(value)
      return bytes && { $bytes: toBase64(bytes) }
    },
    revive: value => (tagged(value, '$bytes') ? fromBase64(value.$bytes) : value),
  },
  DATE: {
    wanted: 'a Date or milliseconds that a Date can have',
    encode: value => {
      const ms = value instanceof Date ? value.getTime() : value
      // a Date has whole ones
      return Number.isFinite(ms) && Math.abs(ms) <= LATEST ? Math.trunc(ms) : undefined
    },
    revive: value => (typeof value === 'number' ? new Date(value) : value),
  },
  BIGINT: {
    wanted: 'a BigInt of at most 64 bits',
    encode: value => toBigInt(Number.isSafeInteger(value) ? BigInt(value) : value),
    revive: value => (tagged(value, '$bigint') ? BigInt(value.$bigint) : value),
  },
  INTEGER: {
    // JSON would round what a number beyond 2^53 is
    encode: value =>
      toBigInt(Number.isInteger(value) && !Number.isSafeInteger(value) ? BigInt(value) : value),
    revive: value => (tagged(value, '$bigint') ? BigInt(value.$bigint) : value),
  },
}

function bytesOf(value) {
  if (value instanceof Uint8Array) return value
  if (value instanceof ArrayBuffer) return new Uint8Array(value)
  if (ArrayBuffer.isView(value))
    return new Uint8Array(value.buffer, value.byteOffset, value.byteLength)
}

function toBase64(bytes) {
  if (bytes.toBase64) return bytes.toBase64()
  let text = ''
  // as many arguments as every engine takes
  for (let i = 0; i < bytes.length; i += 8192)
    text += String.fromCharCode(...bytes.subarray(i, i + 8192))
  return btoa(text)
}

function fromBase64(text) {
  return Uint8Array.fromBase64
    ? Uint8Array.fromBase64(text)
    : Uint8Array.from(atob(text), c => c.charCodeAt(0))
}
