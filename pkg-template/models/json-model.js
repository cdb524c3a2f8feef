// `JsonModel`: one table of JSON documents. Checks arguments, runs the columns' functions, and
// makes one call of the engine per operation. Reading is Keyed's and Searchable's.

import { Codec, LONE, utf8 } from '../documents/codec.js'
import { compileColumns, selectionOf, withoutNulls } from '../documents/columns.js'
import { Completion } from '../documents/complete.js'
import { nullish } from '../documents/kinds.js'
import { encodePatch, isPatch } from '../documents/patch.js'
import { put, withValueAt } from '../documents/paths.js'
import { choosing } from '../documents/slug.js'
import { TidelogError } from '../language/errors.js'
import { advice } from '../language/nearest.js'
import { waitedFor } from '../sql/running.js'
import { quoteId } from '../sql/sql-tag.js'
import { refuseOwnWait } from '../sql/waits.js'
import { Searchable } from './searchable.js'
import { removeWhere, updateWhere } from './where.js'

const OPTIONS = `db name columns idCol ItemClass keepRowId indexes validate dispatch emitter
  migrations migrationOptions`.split(/\s+/)

/** @typedef {import('../types/model.js').JsonModel} Declared */

export class JsonModel extends Searchable {
  // no private fields: `_boundTo` makes objects that inherit from this one, and would not have them
  _definition
  _completion
  _codec
  /** The slugs of writes under way. */
  _choosing = new Map()

  constructor(given) {
    super()
    if (typeof given !== 'object' || given === null)
      throw new TypeError('JsonModel: options must be an object')
    const options = withoutNulls(given)
    const unknown = Object.keys(options).filter(key => !OPTIONS.includes(key))
    if (unknown.length)
      throw new TypeError(
        `JsonModel: unknown options ${unknown.join(', ')}: ${advice(unknown[0], OPTIONS)}`,
      )
    const { db, name, idCol = 'id', ItemClass, keepRowId = true, validate } = options
    if (!db)
      throw new TypeError(
        'JsonModel: db is required: make the model by db.addModel, which gives it',
      )
    // as a key of `store` it would not be one
    if (typeof name !== 'string' || !name || name === '__proto__' || LONE.test(name))
      throw new TypeError(
        `JsonModel: name must be a string, not ${name === '' ? "''" : String(name)}`,
      )
    if (typeof idCol !== 'string' || !idCol || idCol === 'json')
      throw new TypeError(
        `${name}: idCol must be a string, and not 'json', the column that holds documents`,
      )
    if (ItemClass !== undefined && typeof ItemClass !== 'function')
      throw new TypeError(`${name}: ItemClass must be a class`)
    this.db = db
    this.name = name
    this.quoted = quoteId(name)
    this.idCol = idCol
    this.idColQ = quoteId(idCol)
    this.Item = ItemClass
    this.migrations = options.migrations
    this.migrationOptions = options.migrationOptions
    const compiled = compileColumns(name, idCol, options.columns, options.indexes)
    const { engine, columns, indexes, tokenize } = compiled
    /** Every column by its name, the id and `json` included. */
    this.columns = columns
    this.columnArr = Object.values(columns)
    Object.assign(this, selectionOf(this.columnArr))
    this._definition = { name, idCol, keepRowId, indexes, tokenize, columns: engine }
    const declared = this.columnArr.filter(column => column.name !== 'json')
    this._completion = new Completion(name, declared, validate)
    this._codec = new Codec(declared)
    this._completion.checkDefaults(this._codec)
    this._parsed = declared.filter(column => column.parse && column.get)
    this._selected = declared.some(column => column.get && !column.real)
    this._integerId = columns[idCol].type === 'INTEGER'
    db._made?.(this)
  }

  /** This model inside a transaction; `store` holds its neighbours there. */
  _boundTo(token, store) {
    return Object.create(this, { _token: { value: token }, store: { value: store } })
  }

  /**
   * Writes a document, replacing the one with its id, or an array of documents, all or none. With
   * `insertOnly` an existing id is refused. Gives the document as it is stored, or `{lastID,
   * changes}` with `noReturn`.
   */
  async set(obj, insertOnly = false, noReturn = false) {
    const engine = await this._readyToWrite()
    const write = slugs => this._write(engine, obj, insertOnly, noReturn, slugs)
    if (!this._completion.hasSlugs) return write()
    if (this._inside()) return choosing(this, write)
    // a slug is free only as long as nobody else writes
    return this._together(model => JsonModel.prototype.set.call(model, obj, insertOnly, noReturn))
  }

  async _write(engine, obj, insertOnly, noReturn, slugs) {
    const objs = Array.isArray(obj) ? obj : [obj]
    // nothing is awaited that need not be: writes that nobody waits for keep their order
    const { simple } = this._completion
    const docs = simple ? this._encodeAll('set', objs) : await this._completeAll('set', objs, slugs)
    const what = `${this.name}.set`
    const texts = docs.map(doc => this._codec.text(doc, what))
    const news = texts.length
      ? await engine.set(
          this.name,
          utf8.encode(texts.join('\n')),
          Boolean(insertOnly),
          this._inside(),
        )
      : []
    this._announce()
    if (noReturn) return { lastID: this._lastId(docs, news), changes: docs.length }
    const written = docs.map((doc, i) => this._written(doc, news[i]))
    return objs === obj ? written : written[0]
  }

  /**
   * Merges `obj` into the document with its id, property by property; null and undefined remove
   * one. Or changes parts of the document with an id: `update(id, {$set, $unset, $inc, $push},
   * noReturn?)`.
   * @param {any} given
   * @param {boolean | import('../types/model.js').Patch} [upsert]
   * @param {boolean} [noReturn]
   */
  async update(given, upsert = false, noReturn = false) {
    if (typeof upsert === 'object' && upsert !== null) return this._patch(given, upsert, noReturn)
    const obj = this._checkObject('update', given)
    if (!upsert) this._checkHasId('update', obj)
    if (this._needsWhole()) return this._together(model => model._merge(obj, upsert, noReturn))
    if (upsert && this._completion.shapes)
      return this._together(model => model._upsert(obj, noReturn))
    const engine = await this._readyToWrite()
    const what = `${this.name}.update`
    const [doc] = upsert
      ? await this._completeAll('update', [obj], undefined, true)
      : [this._shaped(obj, what)]
    const text = this._codec.text(doc, what)
    const [merged] = await engine.update(this.name, [text], Boolean(upsert), this._inside())
    this._announce()
    const item = this._item(JSON.parse(merged))
    return noReturn ? { lastID: item[this.idCol], changes: 1 } : item
  }

  /** `update`, in whichever transaction there is. @type {Declared['updateNoTrans']} */
  async updateNoTrans(obj, upsert, noReturn) {
    return this.update(obj, upsert, noReturn)
  }

  /** A part of a document as the engine merges it. */
  _shaped(obj, what) {
    let doc = obj
    for (const column of this._completion.shaped) {
      if (!column.stringify || column.steps.length > 1 || !Object.hasOwn(obj, column.name)) continue
      doc = withValueAt(doc, column.steps, column.stringify(obj[column.name]) ?? null, what)
    }
    return this._codec.encode(doc, what, true)
  }

  async _upsert(obj, noReturn) {
    if (await this._isThere(obj)) return this.update(obj, false, noReturn)
    return this.set(this._laidOver(undefined, obj, true), false, noReturn)
  }

  /** The way of models whose `set` has more to do than the engine knows. */
  async _merge(obj, upsert, noReturn) {
    const merged = { ...this._laidOver(await this._stored(obj[this.idCol]), obj, upsert) }
    return this.set(merged, false, noReturn)
  }

  /** `obj` over a document. */
  _laidOver(old, obj, upsert) {
    if (!old && !upsert) {
      const id = String(obj[this.idCol])
      throw new TidelogError(
        'ENOENT',
        `${this.name}.update ${id}: ENOENT: there is no such document`,
      )
    }
    const merged = { ...old, ...obj }
    for (const key of Object.keys(merged)) if (nullish(merged[key])) delete merged[key]
    return merged
  }

  async _patch(id, change, noReturn) {
    this._checkId('update', id)
    const patch = this._encodePatch(change)
    if (this._needsWhole()) return this._together(model => model._setPatched(id, patch, noReturn))
    const engine = await this._readyToWrite()
    const doc = await engine.patch(this.name, this._id(id), patch, this._inside())
    this._announce()
    return noReturn ? { lastID: id, changes: 1 } : this._item(JSON.parse(doc))
  }

  async _setPatched(id, patch, noReturn) {
    const doc = await this._stored(id, patch)
    if (!doc)
      throw new TidelogError(
        'ENOENT',
        `${this.name}.update ${String(id)}: ENOENT: there is no such document`,
      )
    return this.set(doc, false, noReturn)
  }

  _encodePatch(change) {
    const what = `${this.name}.update`
    if (!isPatch(change))
      throw new TypeError(
        `${what}: the second argument must be {$set, $unset, $inc, $push}, or true or false for upsert`,
      )
    return this._codec.text(encodePatch(this._codec, this.columnArr, change, what), what)
  }

  /**
   * A document as its user wrote it, without what is computed when it is read; changed by a patch.
   */
  async _stored(id, patch = '{}') {
    if (nullish(id)) return undefined
    const engine = await this._ready()
    const text = engine.patched(this.name, this._id(id), patch, this._inside())
    if (text === undefined) return undefined
    const { $aside, ...doc } = JSON.parse(text)
    return this._revived(
      this._completion.aside.length || $aside === undefined ? doc : { ...doc, $aside },
      false,
    )
  }

  /** Whether parts of documents must be looked at as part of the whole. */
  _needsWhole() {
    return this._completion.whole || this.set !== JsonModel.prototype.set
  }

  /**
   * Changes the matching documents, all or none: by an object to merge, a patch, or a function that
   * gives the new one.
   * @type {Declared['updateWhere']}
   */
  async updateWhere(attrs, given) {
    return updateWhere(this, attrs, given)
  }

  /**
   * Removes the matching documents, all or none; gives how many.
   * @type {Declared['removeWhere']}
   */
  async removeWhere(attrs) {
    return removeWhere(this, attrs, this.remove !== JsonModel.prototype.remove)
  }

  async _removeAll(ids) {
    const engine = await this._readyToWrite()
    const removed = await engine.remove(
      this.name,
      ids.map(id => this._id(id)),
      this._inside(),
    )
    this._announce()
    return removed
  }

  /** Runs `fn(model)` with this model in a transaction, the one it is in if it is. */
  _together(fn) {
    if (this._inside()) return fn(this)
    refuseOwnWait(this.db)
    return this.db.withTransaction(tx => fn(tx._modelOf(this)))
  }

  /** Runs `fn(model)` as a part of the transaction that is undone alone. */
  _part(fn) {
    return this.db.withTransaction(tx => fn(tx._modelOf(this)))
  }

  /**
   * Removes the document with an id, or the one given; resolves also when there is none, or no id.
   * @returns {Promise<any>}
   */
  async remove(idOrObj) {
    const id = this._idOf(idOrObj)
    if (id === undefined) return { changes: 0 }
    this._checkId('remove', id)
    return { changes: await this._removeAll([id]) }
  }

  /** Deprecated name of `remove`. @type {Declared['delete']} */
  async delete(idOrObj) {
    return this.remove(idOrObj)
  }

  /** Gives a document another id. @type {Declared['changeId']} */
  async changeId(oldId, newId) {
    this._checkId('changeId', oldId)
    this._checkNewId('changeId', newId)
    const engine = await this._readyToWrite()
    await engine.changeId(this.name, this._id(oldId), this._id(newId), this._inside())
    this._announce()
  }

  /** Documents as they are to be stored, encoded. */
  async _completeAll(method, objs, slugs, removals = false) {
    if (this._completion.simple) return this._encodeAll(method, objs, removals)
    const docs = []
    for (const obj of objs) {
      const { doc, aside } = await this._completion.run(this, this._checkObject(method, obj), slugs)
      docs.push(this._encodeOne(`${this.name}.${method}`, doc, aside, removals))
    }
    return docs
  }

  _encodeAll(method, objs, removals = false) {
    const what = `${this.name}.${method}`
    return objs.map(obj =>
      this._encodeOne(what, this._checkObject(method, obj), undefined, removals),
    )
  }

  _encodeOne(what, doc, aside, removals) {
    const copy = this._codec.encode(doc, what, removals)
    const id = copy[this.idCol]
    if (!nullish(id)) this._checkStoredId(what, id)
    else if (this._integerId) delete copy[this.idCol]
    else put(copy, this.idCol, crypto.randomUUID())
    if (aside) copy.$aside = this._encodeAside(copy, aside, what)
    return copy
  }

  _encodeAside(copy, aside, what) {
    if (Object.hasOwn(copy, '$aside'))
      throw new TypeError(
        `${what}: '$aside' is reserved for the values of columns with get: false: no document of this model can have such a property`,
      )
    const encoded = {}
    for (const { name, type } of this._completion.aside)
      put(encoded, name, this._codec.encodeAs(aside[name], type, name, what) ?? null)
    return encoded
  }

  /** A document with what the engine told about it. */
  _written(doc, news) {
    if (typeof news === 'string') return this._item(JSON.parse(news))
    if (this._completion.aside.length) delete doc.$aside
    // as a read has it: first, and of the database's making
    if (news !== undefined) return this._item({ [this.idCol]: news, ...doc })
    return this._item(doc)
  }

  _lastId(docs, news) {
    const last = news.at(-1)
    if (typeof last !== 'string' && last !== undefined) return last
    const doc = last === undefined ? docs.at(-1) : JSON.parse(last)
    return doc && this._codec.revive({ [this.idCol]: doc[this.idCol] })[this.idCol]
  }
}

waitedFor(JsonModel, ['set', 'update', 'updateWhere', 'removeWhere', 'remove', 'changeId'])
