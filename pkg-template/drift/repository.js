// `Repository`: driftdb's methods over a JsonModel. Translates arguments and results; every read
// and write is the model's.

import { nullish } from '../documents/kinds.js'
import { parsePath, valueAt, withValueAt } from '../documents/paths.js'

const OPTIONS = ['where', 'orderBy', 'limit', 'offset']
const LOGICAL = ['$and', '$or', '$not']

/** @typedef {import('../types/define.js').Repository} Declared */

export class Repository {
  #model
  #db
  #fields
  #Item

  /**
   * @param {any} model a JsonModel
   * @param {{db?: object, fields?: string[], Item?: new () => object}} [about] the database, or it
   *   inside a transaction; the declared properties, without which any is taken; the class of
   *   records
   */
  constructor(model, { db = model.db, fields, Item } = {}) {
    this.#model = model
    this.#db = db
    this.#fields = fields
    this.#Item = Item
  }

  /**
   * Inserts a record; gives it as stored, with `id`, `createdAt`, `updatedAt` and the defaults.
   * @type {Declared['create']}
   */
  async create(data) {
    return this.#record(await this.#model.set(this.#data('create', data), true))
  }

  /** The record with an id, or null. @type {Declared['findById']} */
  async findById(id) {
    return this.#record(await this.#model.get(id))
  }

  /** The first record that matches, or null. @type {Declared['findOne']} */
  async findOne(where) {
    return (await this.find({ where, limit: 1 }))[0] ?? null
  }

  /**
   * The records that match, in the order of `orderBy: {column: 'ASC' | 'DESC'}`.
   * @type {Declared['find']}
   */
  async find(options = {}) {
    this.#object('find', 'options', options)
    const unknown = Object.keys(options).find(key => !OPTIONS.includes(key))
    if (unknown)
      throw new TypeError(
        `${this.#at('find')}: unknown option ${unknown}, use ${OPTIONS.join(', ')}`,
      )
    const { where, orderBy, limit, offset } = options
    const attrs = this.#attrs('find', where)
    const search = { sort: this.#order(orderBy), limit: count(limit), offset: count(offset) }
    // no rows are asked for; JsonModel's 0 means all of them
    if (search.limit === 0) return []
    const found = await this.#model.searchAll(attrs, search)
    return found.map(doc => this.#record(doc))
  }

  /** `find` by its conditions. @type {Declared['filter']} */
  async filter(where, options = {}) {
    return this.find({ ...options, where })
  }

  /** The number of records that match. @type {Declared['count']} */
  async count(where) {
    return this.#model.count(this.#attrs('count', where))
  }

  /**
   * Changes the records that match; gives their number. Null and undefined remove a value.
   * @type {Declared['update']}
   */
  async update(where, data) {
    const attrs = this.#attrs('update', where, true)
    const changes = this.#data('update', data)
    if (!nullish(changes.id)) throw new TypeError(`${this.#at('update')}: an id cannot be changed`)
    delete changes.id
    return this.#whole(model => model.updateWhere(attrs, changes))
  }

  /**
   * Removes the records that match, `{}` all of them; gives their number.
   * @type {Declared['delete']}
   */
  async delete(where) {
    const attrs = this.#attrs('delete', where, true)
    return this.#whole(model => model.removeWhere(attrs))
  }

  /** Removes the record with an id; whether there was one. @type {Declared['deleteById']} */
  async deleteById(id) {
    const { changes } = await this.#model.remove(id)
    return changes > 0
  }

  /**
   * Changes the records that match and gives the first, or creates one of `data` and the values
   * that `where` asks for.
   * @type {Declared['upsert']}
   */
  async upsert(where, data) {
    const attrs = this.#attrs('upsert', where, true)
    const { id, ...changes } = this.#data('upsert', data)
    return this.#whole(async model => {
      const first = { limit: 1, noTotal: true, noCursor: true }
      const [found] = (await model._find(attrs, first, { strict: true })).items
      if (!found)
        return this.#record(await model.set(withEqual(model, { id, ...changes }, where), true))
      if (!nullish(id) && id !== found.id)
        throw new TypeError(`${this.#at('upsert')}: an id cannot be changed`)
      await model.updateWhere(attrs, changes)
      return this.#record(await model.get(found.id))
    })
  }

  /**
   * The rows of a statement, as SQLite has them.
   * @param {string} sql
   * @param {import('../types/sql.js').SqlParams} [params]
   */
  async raw(sql, params = []) {
    return this.#db.all(sql, params)
  }

  /**
   * `{changes, lastInsertRowid}` of a statement that writes.
   * @param {string} sql
   * @param {import('../types/sql.js').SqlParams} [params]
   */
  async runRaw(sql, params = []) {
    const { changes, lastID } = await this.#db.run(sql, params)
    return { changes, lastInsertRowid: lastID }
  }

  /**
   * Runs `fn(model)` all or nothing: inside the transaction this repository is in, or in its own.
   */
  #whole(fn) {
    const model = this.#model
    if (model._inside()) return this.#db.withTransaction(() => fn(model))
    return this.#db.withTransaction(tx => fn(tx.store[model.name]))
  }

  /** Every declared property, null where there is no value. */
  #record(doc) {
    if (!doc) return null
    const record = this.#Item ? new this.#Item() : {}
    for (const name of this.#fields ?? []) record[name] = null
    return Object.assign(record, doc)
  }

  /**
   * driftdb's conditions as JsonModel's: null asks for records without a value. What is undefined
   * is no condition, except where it would have a write reach all records.
   */
  #attrs(method, where, writes = false) {
    if (where === undefined && !writes) return {}
    this.#object(method, 'where', where)
    const attrs = {}
    for (const [name, value] of Object.entries(where)) {
      if (value === undefined && writes)
        throw new TypeError(
          `${this.#at(method)}: where.${name} is undefined; leave it out to reach all records`,
        )
      if (name === '$match') attrs[name] = value
      else if (LOGICAL.includes(name)) attrs[name] = this.#logical(method, value, writes)
      else if (value !== undefined) {
        this.#known(method, name)
        attrs[name] = value === null ? { $eq: null } : value
      }
    }
    return attrs
  }

  #logical(method, value, writes) {
    return Array.isArray(value)
      ? value.map(one => this.#attrs(method, one, writes))
      : this.#attrs(method, value, writes)
  }

  /** `{column: 'ASC' | 'DESC'}`, in the order in which the columns are named. */
  #order(orderBy = {}) {
    this.#object('find', 'orderBy', orderBy)
    const sort = {}
    for (const [i, [name, direction]] of Object.entries(orderBy).entries()) {
      this.#known('find', name)
      const sign = { ASC: 1, DESC: -1 }[String(direction ?? 'ASC').toUpperCase()]
      if (!sign) throw new TypeError(`${this.#at('find')}: orderBy.${name} must be 'ASC' or 'DESC'`)
      sort[name] = sign * (i + 1)
    }
    return sort
  }

  #data(method, data) {
    this.#object(method, 'data', data)
    for (const name of Object.keys(data)) this.#known(method, name)
    return { ...data }
  }

  #known(method, name) {
    if (!this.#fields || this.#fields.includes(name.split(/[.[]/, 1)[0])) return
    throw new TypeError(
      `${this.#at(method)}: there is no column '${name}', only ${this.#fields.join(', ')}`,
    )
  }

  #object(method, what, value) {
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return
    throw new TypeError(`${this.#at(method)}: ${what} must be an object`)
  }

  #at(method) {
    return `${this.#model.name}.${method}`
  }
}

/**
 * The defined values of a record, and where it has none those that conditions ask for: plain values
 * and `$eq`.
 */
function withEqual(model, data, where) {
  let record = Object.fromEntries(Object.entries(data).filter(([, value]) => value !== undefined))
  for (const [name, asked] of Object.entries(where)) {
    const value = isCondition(asked) ? asked.$eq : asked
    if (name.startsWith('$') || nullish(value)) continue
    const steps = model.columns[name]?.steps ?? parsePath(name, model.name)
    if (valueAt(record, steps) === undefined) record = withValueAt(record, steps, value)
  }
  return record
}

/** Whether a value is operators rather than JSON to be equal to. */
const isCondition = value =>
  typeof value === 'object' && value !== null && Object.keys(value).some(key => key.startsWith('$'))

function count(n) {
  if (nullish(n) || (Number.isSafeInteger(n) && n >= 0)) return n ?? undefined
  throw new TypeError(`find: limit and offset must be whole numbers, not ${n}`)
}
