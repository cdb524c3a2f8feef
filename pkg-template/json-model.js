// `JsonModel`: one table of JSON documents. Checks arguments, runs the columns' functions, and makes one call of the
// engine per operation.

import { splitColumns, valueAt, withValueAt } from './columns.js'
import { TidelogError } from './errors.js'
import { Searchable } from './searchable.js'

const OPTIONS = [
  'db',
  'name',
  'columns',
  'idCol',
  'ItemClass',
  'keepRowId',
  'dispatch',
  'emitter',
  'migrations',
  'migrationOptions',
]

export class JsonModel extends Searchable {
  /** The token of the transaction this instance works in; 0 outside. */
  _token = 0
  // no private fields: `inside` makes objects that inherit from this one, and would not have them
  _definition
  _computed

  constructor(options) {
    super()
    if (typeof options !== 'object' || options === null)
      throw new TypeError('JsonModel: options must be an object')
    const unknown = Object.keys(options).filter(key => !OPTIONS.includes(key))
    if (unknown.length) throw new TypeError(`JsonModel: unknown options ${unknown.join(', ')}`)
    const { db, name, columns, idCol = 'id', ItemClass, keepRowId = true } = options
    if (!db) throw new TypeError('JsonModel: db is required')
    if (typeof name !== 'string' || !name) throw new TypeError('JsonModel: name must be a string')
    this.db = db
    this.name = name
    this.idCol = idCol
    this.Item = ItemClass
    this.migrations = options.migrations
    this.migrationOptions = options.migrationOptions
    const { engine, computed } = splitColumns(name, columns)
    this._definition = { name, idCol, keepRowId, columns: engine }
    this._computed = computed
    this.integerId = engine.find(column => column.name === idCol)?.type === 'INTEGER'
  }

  /** This model inside a transaction; `store` holds its neighbours there. */
  inside(token, store) {
    return Object.create(this, { _token: { value: token }, store: { value: store } })
  }

  /**
   * Writes a document, replacing the one with its id, or an array of documents, all or none. With `insertOnly` an
   * existing id is refused. Gives the document with its id, or `{lastID, changes}` with `noReturn`.
   */
  async set(obj, insertOnly = false, noReturn = false) {
    const many = Array.isArray(obj)
    const engine = await this._ready()
    const docs = []
    for (const one of many ? obj : [obj]) docs.push(await this.complete(this.checkObject('set', one)))
    const texts = docs.map(doc => this.stringify('set', doc))
    const ids = await engine.set(this.name, texts, Boolean(insertOnly), this._inside())
    this._announce()
    if (noReturn) return { lastID: ids.at(-1), changes: ids.length }
    const written = texts.map((text, i) => this.item({ ...JSON.parse(text), [this.idCol]: ids[i] }))
    return many ? written : written[0]
  }

  /** Merges `obj` into the document with its id, property by property; null and undefined remove one. */
  async update(obj, upsert = false, noReturn = false) {
    this.checkObject('update', obj)
    if (!upsert && nullish(obj[this.idCol]))
      throw new TypeError(`${this.name}.update: obj has no ${this.idCol}`)
    if (this._computed.length || this.set !== JsonModel.prototype.set)
      return this._updateHere(obj, upsert, noReturn)
    const engine = await this._ready()
    const doc = upsert ? await this.complete(obj) : obj
    const text = this.stringify('update', doc, true)
    const [merged] = await engine.update(this.name, [text], upsert, this._inside())
    this._announce()
    const item = this.item(JSON.parse(merged))
    return noReturn ? { lastID: item[this.idCol], changes: 1 } : item
  }

  /** The way of models whose `set` has more to do than the engine knows. */
  async _updateHere(obj, upsert, noReturn) {
    const merge = async model => {
      const id = obj[this.idCol]
      const old = nullish(id) ? undefined : await model.get(id)
      if (!old && !upsert) throw new TidelogError('ENOENT', `${this.name}.update ${id}: ENOENT`)
      const merged = { ...old, ...obj }
      for (const key of Object.keys(merged)) if (nullish(merged[key])) delete merged[key]
      return model.set(merged, false, noReturn)
    }
    if (this._inside()) return merge(this)
    return this.db.withTransaction(tx => merge(tx.store[this.name]))
  }

  /** Removes the document with an id, or the one given; resolves also when there is none. */
  async remove(idOrObj) {
    const id = typeof idOrObj === 'object' && idOrObj !== null ? idOrObj[this.idCol] : idOrObj
    this.checkId('remove', id)
    const engine = await this._ready()
    const removed = await engine.remove(this.name, id, this._inside())
    this._announce()
    return { changes: removed ? 1 : 0 }
  }

  /** The document with an id, or undefined. */
  async get(id) {
    this.checkId('get', id)
    const engine = await this._ready()
    const text = engine.get(this.name, id, this._inside())
    return text === undefined ? undefined : this.item(JSON.parse(text))
  }

  /** The documents with these ids, undefined where there is none. */
  async getAll(ids) {
    if (!Array.isArray(ids)) throw new TypeError(`${this.name}.getAll: ids must be an array`)
    return Promise.all(ids.map(id => this.get(id)))
  }

  /** A document with its id and its columns' values: what is written is known before it is written. */
  async complete(obj) {
    let doc = obj
    for (const { name, path, value, default: byDefault, required } of this._computed) {
      let found = valueAt(doc, path)
      if (value && (name !== this.idCol || nullish(found))) found = await value.call(this, doc)
      if (nullish(found) && byDefault !== undefined) found = byDefault
      if (nullish(found) && required)
        throw new TidelogError('REQUIRED', `${this.name}.${name}: value is required`)
      if (found !== valueAt(doc, path)) doc = withValueAt(doc, path, found)
    }
    if (!this.integerId && nullish(doc[this.idCol])) doc = { ...doc, [this.idCol]: crypto.randomUUID() }
    return doc
  }

  checkObject(method, obj) {
    if (typeof obj === 'object' && obj !== null && !Array.isArray(obj)) return obj
    throw new TypeError(
      `${this.name}.${method}: obj must be an object, not ${obj === null ? 'null' : typeof obj}`,
    )
  }

  checkId(method, id) {
    if (['string', 'number', 'bigint'].includes(typeof id)) return
    throw new TypeError(
      `${this.name}.${method}: id must be a string or a number, not ${id === null ? 'null' : typeof id}`,
    )
  }

  /** The document as JSON; `removals` keeps undefined properties, as null. */
  stringify(method, doc, removals = false) {
    const keep = removals ? (key, value) => (key && value === undefined ? null : value) : undefined
    try {
      return JSON.stringify(doc, keep)
    } catch (cause) {
      throw new TypeError(`${this.name}.${method}: obj cannot be written as JSON (${cause.message})`, {
        cause,
      })
    }
  }

  item(doc) {
    return this.Item ? Object.assign(new this.Item(), doc) : doc
  }

  items(docs) {
    return this.Item ? docs.map(doc => this.item(doc)) : docs
  }

  _ready() {
    return this.db.ready()
  }

  _inside() {
    return this.db.token(this._token)
  }

  _announce() {
    if (!this._inside()) this.db.announce()
  }
}

const nullish = value => value === null || value === undefined
