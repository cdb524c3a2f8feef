// The options of `SQLite`: their names, their allowed values, their defaults.

import { advice } from '../language/nearest.js'
import { checkAdapter } from './host-link.js'

const STORAGES = ['opfs', 'indexeddb', 'memory']
const FUNCTIONS = ['onWillOpen', 'onDidOpen']
const NUMBERS = ['busyTimeout', 'vacuumInterval', 'vacuumPageCount']
const FLAGS = ['readOnly', 'verbose', 'autoVacuum', 'reverseUnordered']

/** The options that a host's database decides by itself. */
const NOT_WITH_ADAPTER = [
  'file',
  'durability',
  'storage',
  'readOnly',
  'autoVacuum',
  'reverseUnordered',
]

/** What does the work of options that `EventSourcingDB` has. */
const INSTEAD = { models: 'use addModel', __proto__: null }

/** The options of `SQLite`; its subclasses take more. */
export const SQLITE_OPTIONS = [
  'file',
  'name',
  'durability',
  'storage',
  'adapter',
  ...FLAGS,
  ...NUMBERS,
  ...FUNCTIONS,
]

/** The options, checked and completed. */
export function checkOptions(given, more) {
  if (typeof given !== 'object' || given === null) throw new TypeError('options must be an object')
  // null is nothing given
  /** @type {Record<string, any>} */
  const options = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== null))
  const unknown = Object.keys(options).filter(
    key => !SQLITE_OPTIONS.includes(key) && !more.includes(key),
  )
  if (unknown.length) {
    const [first] = unknown
    const known = [...SQLITE_OPTIONS, ...more]
    throw new TypeError(
      `${more.length ? 'DB' : 'SQLite'}: unknown options ${unknown.join(', ')}: ${INSTEAD[first] ?? advice(first, known)}`,
    )
  }
  checkHost(options)
  const { file = ':memory:', durability = 'strict', storage, busyTimeout = 0 } = options
  if (typeof file !== 'string' || !file)
    throw new TypeError(
      `file must be a path or ':memory:', not ${file === '' ? "''" : String(file)}`,
    )
  if (durability !== 'strict' && durability !== 'relaxed') {
    throw new TypeError(`durability must be 'strict' or 'relaxed', not '${durability}'`)
  }
  if (storage !== undefined && !STORAGES.includes(storage)) {
    throw new TypeError(`storage must be one of ${STORAGES.join(', ')}, not '${storage}'`)
  }
  for (const key of FUNCTIONS) {
    if (options[key] !== undefined && typeof options[key] !== 'function')
      throw new TypeError(`${key} must be a function`)
  }
  for (const key of NUMBERS) {
    const given = options[key]
    if (given !== undefined && !(typeof given === 'number' && given >= 0))
      throw new TypeError(`${key} must be a number of 0 or more, not ${given}`)
  }
  if (options.readOnly && !options.adapter && (file === ':memory:' || storage === 'memory'))
    throw new TypeError('readOnly needs a file: in memory there is nothing to read')
  const { vacuumPageCount } = options
  if (vacuumPageCount !== undefined && !(Number.isInteger(vacuumPageCount) && vacuumPageCount > 0))
    throw new TypeError(
      `vacuumPageCount must be a whole number of 1 or more, not ${vacuumPageCount}`,
    )
  return { ...options, file, durability, busyTimeout, readOnly: Boolean(options.readOnly) }
}

/** @param {Record<string, any>} options */
function checkHost({ adapter, ...others }) {
  if (adapter === undefined) return
  if (typeof adapter !== 'function') checkAdapter(adapter)
  const clash = NOT_WITH_ADAPTER.find(key => others[key])
  if (clash)
    throw new TypeError(
      `${clash} cannot be given together with adapter: the host's database decides it, leave it out`,
    )
}
