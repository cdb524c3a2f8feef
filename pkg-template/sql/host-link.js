// The engine's link to a host's SQLite: checks an adapter (hosts.js makes them for known hosts) and
// calls it for the engine, which gets rows as arrays, whole: no statement stays open.

import { TidelogError } from '../language/errors.js'
import { Transaction } from './transaction.js'

const METHODS = ['exec', 'iterate', 'transaction', 'close']

/**
 * The link to what the option `adapter` gives: an adapter, or a function that makes one for each
 * opening.
 */
export async function openLink(option) {
  const made = typeof option === 'function'
  return new HostLink(checkAdapter(made ? await option() : option), made)
}

/** An adapter, or a TypeError that says what it lacks. */
export function checkAdapter(adapter) {
  const lacks = METHODS.find(name => typeof adapter?.[name] !== 'function')
  if (!lacks) return adapter
  throw new TypeError(
    `adapter has no method '${lacks}': give one of tidelog/hosts, such as fromNodeSqlite(database)`,
  )
}

export class HostLink {
  /**
   * The database opened: closing it may close the host's. One that was given stays for another try.
   */
  opened = false
  /** Settles when the transaction ends that is open on the host's only connection. */
  taken
  #adapter
  #made

  constructor(adapter, made) {
    this.#adapter = adapter
    this.#made = made
  }

  exec(sql, params) {
    this.#adapter.exec(sql, ...params)
  }

  /** `[names, row, row, …]`, at most `limit` rows; leaving the loop ends the host's statement. */
  rows(sql, params, limit) {
    const found = []
    let names
    for (const row of this.#adapter.iterate(sql, ...params)) {
      names ??= Object.keys(row)
      if (!found.length) found.push(names)
      found.push(names.map(name => plain(row[name])))
      if (found.length > limit) break
    }
    return found
  }

  /** Runs `f` in a transaction: kept when it gives true, undone when it gives false. */
  transaction(f) {
    const undone = new Error('undone')
    try {
      this.#adapter.transaction(() => {
        if (!f()) throw undone
      })
    } catch (error) {
      if (error !== undone) throw error
      return false
    }
    return true
  }

  /** Runs an application's transaction, in a call of the host where it wants one around it. */
  around(fn) {
    return this.callsOnly ? this.#adapter.transactionAsync(async () => fn()) : fn()
  }

  /** Lets nobody else read, for there is one connection: gives what ends that. */
  take() {
    let end
    const taken = new Promise(resolve => {
      end = resolve
    })
    this.taken = taken
    return () => {
      if (this.taken === taken) this.taken = undefined
      end()
    }
  }

  /** The engine for a call of `db` from outside of the open transaction, when that has ended. */
  async wait(db, own) {
    if (Transaction.around(db)) {
      throw new TidelogError(
        'BAD_VALUE',
        `${db.name}: inside withTransaction(tx => …) use tx: the host's database has one connection, which the transaction holds until it ends`,
      )
    }
    await this.taken
    return db._ready(own)
  }

  close() {
    if (this.opened || this.#made) this.#adapter.close()
  }

  get callsOnly() {
    return typeof this.#adapter.transactionAsync === 'function'
  }

  get castsIntegers() {
    return this.#adapter.bigint === false
  }

  get inTransaction() {
    return this.#adapter.inTransaction
  }
}

/** Hosts give bytes as Buffer, Uint8Array or ArrayBuffer. */
const plain = value => (value instanceof ArrayBuffer ? new Uint8Array(value) : value)
