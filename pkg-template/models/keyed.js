// The part of `JsonModel` that reads by ids: single documents, many at once, through a cache; and
// that turns stored documents into the user's. Does not write, and does not search.

import { LONE } from '../documents/codec.js'
import { nullish } from '../documents/kinds.js'
import { replaceAt, valueAt, withValueAt } from '../documents/paths.js'
import { fill, fromRow, parsed, unreadable } from '../documents/rows.js'
import { advice } from '../language/nearest.js'
import { waitedFor } from '../sql/running.js'
import { Loader } from './loader.js'
import { findColumn, show } from './search-attrs.js'

/** @typedef {import('../types/model.js').JsonModel} Declared */

export class Keyed {
  /** @type {import('../sql/sqlite.js').SQLite} */
  db
  /** @type {string} */
  name
  /** @type {string} */
  idCol
  /**
   * Every column by its name, the id and `json` included.
   * @type {Record<string, any>}
   */
  columns
  /** @type {any[]} */
  columnArr
  // of a SELECT of whole rows: the columns, and its list
  /** @type {any[]} */
  getCols
  /** @type {any[]} */
  selectCols
  /** @type {string[]} */
  selectColNames
  /** @type {string[]} */
  selectColAliases
  /** @type {string} */
  selectColsSql
  /** @type {(new () => any) | undefined} */
  Item
  /** Whether ids are integers. */
  _integerId = false
  /** The token of the transaction this instance works in; 0 outside. */
  _token = 0
  // no private fields: `_boundTo` makes objects that inherit from this one, and would not have them
  /** @type {import('../documents/codec.js').Codec} */
  _codec
  /**
   * The columns with `parse`.
   * @type {any[]}
   */
  _parsed
  /** Prepares the table of a model whose late adding failed; `DB` sets it. */
  _again

  constructor() {
    // for `rows.map(model.parseRow)` and `.then(model.toObj)`
    this.toObj = this.toObj.bind(this)
    this.parseRow = this.parseRow.bind(this)
  }

  /** The document with an id, or the first with a value in a column, or undefined. */
  async get(id, colName = this.idCol) {
    const value = this._key('get', id, colName)
    const engine = await this._ready()
    const text =
      colName === this.idCol
        ? engine.get(this.name, value, this._inside())
        : engine.getBy(this.name, colName, value, this._inside())
    if (text === undefined) return undefined
    return this._asStored ? JSON.parse(text) : this._item(JSON.parse(text))
  }

  /**
   * The documents with these ids, or values in a column, in their order; undefined where there is
   * none.
   */
  async getAll(ids, colName) {
    if (nullish(ids)) return []
    if (!Array.isArray(ids)) throw new TypeError(`${this.name}.getAll: ids must be an array`)
    // nothing is found where nothing is asked for
    const asked = ids.filter(id => !nullish(id))
    const keys = asked.map(id => this._key('getAll', id, colName))
    if (!keys.length) return ids.map(() => undefined)
    const engine = await this._ready()
    const text = engine.getAll(this.name, colName ?? this.idCol, keys, this._inside())
    const found = JSON.parse(text).map(doc => (doc === null ? undefined : this._item(doc)))
    return asked.length === ids.length
      ? found
      : ids.map(id => (nullish(id) ? undefined : found.shift()))
  }

  /**
   * `get` through a cache of the caller's: keys that are asked for in one task of the event loop
   * are read together, and only once. Inside a transaction it reads what is there, and remembers
   * nothing: it may be undone.
   */
  async getCached(cache, id, colName) {
    if (!cache || this._inside() || this !== this._outside()) return this.get(id, colName)
    this._key('getCached', id, colName)
    return this._loader(cache, colName).load(id)
  }

  /** Forgets an id, or all without one; gives the cache's loader, which has `prime(id, doc)`. */
  clearCache(cache, id, colName) {
    if (typeof cache !== 'object' || cache === null)
      throw new TypeError(`${this.name}.clearCache: cache must be an object`)
    const loader = this._loader(cache, colName)
    return nullish(id) ? loader.clearAll() : loader.clear(id)
  }

  _loader(cache, colName = this.idCol) {
    const key = `_DL_${this.name}_${colName}`
    // ids are the same as number and as text
    const keyOf = colName === this.idCol ? id => String(this._id(id)) : undefined
    const model = this._outside()
    cache[key] ??= new Loader(ids => model.getAll(ids, colName), keyOf)
    return cache[key]
  }

  /** The model that `_boundTo` made this one from. */
  _outside() {
    /** @type {any} */
    let model = this
    while (!Object.hasOwn(model, 'columns')) model = Object.getPrototypeOf(model)
    return model
  }

  /** A row of the table, or many, as documents; with `cols` only those columns of them. */
  toObj(rows, options) {
    return Array.isArray(rows)
      ? rows.map(row => this.parseRow(row, options))
      : this.parseRow(rows, options)
  }

  /**
   * A row of the table as a document; undefined for none.
   * @param {any} row
   * @param {{cols?: readonly string[]}} [options]
   */
  parseRow(row, { cols } = {}) {
    for (const name of cols ?? []) findColumn(this, name)
    return row ? this._item(fromRow(this.columnArr, row, cols)) : undefined
  }

  /** The value of a column as the engine takes it. */
  _key(method, id, colName = this.idCol) {
    const column = this.columns[colName]
    if (!column || colName === 'json') {
      const known = Object.keys(this.columns).filter(name => name !== 'json')
      throw new TypeError(
        `${this.name}.${method}: there is no column '${String(colName)}': ${advice(String(colName), known)}`,
      )
    }
    if (column.isId) {
      this._checkId(method, id)
      return this._id(id)
    }
    if (nullish(id))
      throw new TypeError(
        `${this.name}.${method}: no ${colName} was given: give the value to look for`,
      )
    const stored = column.stringify ? column.stringify(id) : id
    if (typeof stored !== 'object' || stored instanceof Uint8Array) return stored
    if (!(stored instanceof Date)) return JSON.stringify(stored)
    if (Number.isNaN(stored.getTime()))
      throw new TypeError(`${this.name}.${method}: ${colName} is an invalid Date`)
    // as a search has it: elsewhere a Date is its text
    return column.type === 'DATE' ? stored.getTime() : stored.toJSON()
  }

  /** Whether another document than that with an id has a slug. */
  _isTaken(engine, column, slug, id) {
    // what a virtual column's stringify gives is asked for, and not stored
    const value = column.real ? this._key('set', slug, column.name) : slug
    const text = engine.getBy(this.name, column.name, value, this._inside())
    return text !== undefined && (id === undefined || String(JSON.parse(text)[this.idCol]) !== id)
  }

  /** The object whose properties a document has. */
  _checkObject(method, obj) {
    const what = `${this.name}.${method}`
    if (typeof obj === 'object' && obj !== null && !Array.isArray(obj))
      return this._codec.whole(obj, what)
    throw new TypeError(
      `${what}: obj must be an object, not ${obj === null ? 'null' : Array.isArray(obj) ? 'an array' : typeof obj}`,
    )
  }

  _checkHasId(method, obj) {
    if (nullish(obj[this.idCol]))
      throw new TypeError(
        `${this.name}.${method}: obj has no ${this.idCol}: say which document to change`,
      )
  }

  _checkId(method, id) {
    if (typeof id === 'string' && !LONE.test(id)) return
    const { type } = this.columns[this.idCol]
    const what = `${this.name}.${method}`
    if (typeof id === 'string')
      throw new TypeError(
        `${what}: id has a lone surrogate, half of a character that UTF-8 cannot hold: give well-formed text`,
      )
    if (typeof id === 'bigint' || (typeof id === 'number' && !Number.isNaN(id))) return
    if ((type === 'BLOB' && id instanceof Uint8Array) || (type === 'DATE' && id instanceof Date))
      return
    throw new TypeError(
      `${what}: id must be a string or a number, not ${id === null ? 'null' : typeof id === 'number' ? 'NaN' : typeof id}`,
    )
  }

  /** An id that a document will have. */
  _checkNewId(method, id) {
    this._checkId(method, id)
    this._checkInteger(`${this.name}.${method}`, id)
  }

  _checkInteger(what, id) {
    if (!this._integerId || typeof id === 'object') return
    // text of one is taken
    if (id === '' || !Number.isInteger(Number(id)))
      throw new TypeError(`${what}: ${this.idCol} must be an integer, not ${show(id)}`)
  }

  /** An id that stands in an encoded document. */
  _checkStoredId(what, id) {
    const { type } = this.columns[this.idCol]
    this._checkInteger(what, id)
    if (typeof id === 'string' || typeof id === 'number') return
    if (typeof id === 'object' && ['BLOB', 'BIGINT', 'INTEGER'].includes(type)) return
    throw new TypeError(
      `${what}: ${this.idCol} must be a string or a number, not ${Array.isArray(id) ? 'an array' : `a ${typeof id}`}`,
    )
  }

  /** An id as the engine takes it. */
  _id(id) {
    return id instanceof Date ? id.getTime() : id
  }

  _idOf(idOrObj) {
    const plain = typeof idOrObj === 'object' && idOrObj !== null
    return plain && !(idOrObj instanceof Uint8Array || idOrObj instanceof Date)
      ? idOrObj[this.idCol]
      : idOrObj
  }

  /** A fresh stored document as the user's. */
  _item(doc) {
    const revived = this._revived(doc)
    if (!this.Item) return revived
    try {
      return fill(new this.Item(), revived)
    } catch (cause) {
      throw unreadable(`${this.name}: ${this.Item.name} refuses`, revived[this.idCol], cause)
    }
  }

  _items(docs) {
    return this._asStored ? docs : docs.map(doc => this._item(doc))
  }

  /** Whether users get documents just as JSON.parse makes them. */
  get _asStored() {
    return this._codec.plain && !this._parsed.length && !this.Item
  }

  /**
   * A stored document with what `parse` makes of its values; without `selected` it has none of what
   * SQL computes.
   */
  _revived(doc, selected = true) {
    if (!this._codec.plain) this._codec.revive(doc)
    let read = doc
    for (const column of this._parsed) {
      if (column.computed && !selected) continue
      const value = valueAt(read, column.steps) ?? null
      const made = parsed(this, column, value, doc[this.idCol])
      // it may have a word for nothing
      if (value !== null) replaceAt(read, column.steps, () => made)
      else if (!nullish(made)) read = withValueAt(read, column.steps, made)
    }
    return read
  }

  _ready() {
    if (this._again) this._tryAgain()
    return this.db._ready(this._token)
  }

  _readyToWrite() {
    if (this._again) this._tryAgain()
    return this.db._readyToWrite(this._token)
  }

  /**
   * Prepares a model that was added late, and whose preparing failed: not in a transaction, which
   * it would wait for.
   */
  _tryAgain() {
    if (!this._inside()) this._again()
  }

  _inside() {
    return this.db._tokenOf(this._token)
  }

  _announce() {
    if (!this._inside()) this.db._announce()
  }
}

waitedFor(Keyed, ['get', 'getAll', 'getCached'])
