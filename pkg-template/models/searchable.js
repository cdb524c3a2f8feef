// The part of `JsonModel` that searches: documents, counts, figures, live queries. Checks
// arguments, runs the columns' search functions, and makes one call of the engine per operation.
// Does not write.

import { nullish } from '../documents/kinds.js'
import { waitedFor } from '../sql/running.js'
import { Keyed } from './keyed.js'
import { ownAny, ownCount, ownFigure, ownSearch } from './own-select.js'
import { checkAttrs, decode, findColumn, isAttrs } from './search-attrs.js'
import { rowsOf } from './search-cols.js'
import { each } from './search-each.js'
import { searchText } from './search-text.js'

/** The items and nothing else. */
const ITEMS = { itemsOnly: true, noTotal: true, noCursor: true }
/** @typedef {import('../types/model.js').JsonModel} Declared */

export class Searchable extends Keyed {
  /**
   * Every document, also those that an own `makeSelect` would leave out.
   * @type {Declared['all']}
   */
  async all() {
    return (await this._find({}, ITEMS, {})).items
  }

  /**
   * `{items, total, cursor?, prevCursor?}` of what matches `attrs`, or the items alone with
   * `itemsOnly`. Columns are compared by their keys or by operators; null and undefined are no
   * condition.
   * @type {Declared['search']}
   */
  async search(attrs = {}, options = {}) {
    const found = await this._find(attrs ?? {}, options ?? {})
    return options?.itemsOnly ? found.items : found
  }

  /**
   * `more` is what `each` and `all` ask the engine for beyond the options, past an own
   * `makeSelect`.
   */
  async _find(attrs, options, more) {
    if (!more && this._selectsItself()) {
      const own = ownSearch(this, await this._ready(), { ...options, attrs })
      return this._found(own.text, own.options)
    }
    const search = this._searchText(attrs, options, more)
    const engine = await this._ready()
    try {
      return this._found(engine.search(this.name, search, this._inside()), options)
    } catch (error) {
      const [, name] = /no such column: (.+) in "/s.exec(error.message) ?? []
      // one of `cols` that is a name and not SQL
      if (options.cols?.includes(name)) findColumn(this, name)
      throw error
    }
  }

  _selectsItself() {
    return this.makeSelect !== Searchable.prototype.makeSelect
  }

  /** Whether a subclass changes the results of searches. */
  _searchesItself() {
    return this._selectsItself() || this.search !== Searchable.prototype.search
  }

  _found(text, options) {
    const { items, ...found } = this._reply(text)
    return {
      items: options.cols ? rowsOf(this, items, options.cols) : this._items(items),
      ...found,
    }
  }

  /** The engine's reply to a search, once its warning is told. */
  _reply(text) {
    const { warning, ...found } = JSON.parse(text)
    this._warn(warning)
    return found
  }

  _warn(warning) {
    if (warning && !this.db.emit('warning', warning)) console.warn(warning)
  }

  /** A count or a figure, once the engine's warning about it is told. */
  _figure(engine, figure) {
    this._warn(engine.warning(this.name))
    return figure
  }

  /** The documents alone. @type {Declared['searchAll']} */
  async searchAll(attrs, options) {
    return this.search(attrs, { ...options, itemsOnly: true, noTotal: true })
  }

  /** The first document, or undefined. @type {Declared['searchOne']} */
  async searchOne(attrs, options) {
    const { items } = await this._find(attrs ?? {}, { ...options, ...ITEMS, limit: 1 })
    return items[0]
  }

  /**
   * The number of documents that match; of those after `cursor` if there is one.
   * @type {Declared['count']}
   */
  async count(attrs = {}, options = {}) {
    const given = { ...options, limit: undefined, offset: undefined }
    if (this._selectsItself()) return ownCount(this, await this._ready(), { ...given, attrs })
    const search = this._searchText(attrs ?? {}, given)
    const engine = await this._ready()
    return this._figure(engine, engine.count(this.name, search, this._inside()))
  }

  /** Whether there is a document with the id of this one. */
  async _isThere(doc) {
    const id = doc[this.idCol]
    return !nullish(id) && (await this.exists(id))
  }

  /** Whether there is a document with this id, or one that matches. */
  async exists(...args) {
    const [idOrAttrs, options = {}] = args
    if (idOrAttrs === null || (idOrAttrs === undefined && args.length === 1)) {
      throw new TypeError(
        `${this.name}.exists: no id was given: use exists() to ask whether there is any`,
      )
    }
    if (idOrAttrs !== undefined && !isAttrs(idOrAttrs)) {
      this._checkId('exists', idOrAttrs)
      return (await this.get(idOrAttrs)) !== undefined
    }
    if (this._selectsItself())
      return ownAny(this, await this._ready(), { ...options, attrs: idOrAttrs })
    const search = this._searchText(idOrAttrs ?? {}, options ?? {})
    const engine = await this._ready()
    return this._figure(engine, engine.any(this.name, search, this._inside()))
  }

  /**
   * `max`, `min`, `sum`, `avg`, `count` or `total` of the numbers in a column; null, of the last
   * two 0, without any.
   * @type {Declared['numAggOp']}
   */
  async numAggOp(op, column, attrs = {}, options = {}) {
    if (typeof column !== 'string')
      throw new TypeError(`${this.name}.${op}: column must be a string`)
    findColumn(this, column)
    const wrong = ['distinct', 'cols'].find(name => options?.[name])
    if (wrong)
      throw new TypeError(
        `${this.name}.${op}: ${wrong} is not an option here, for a figure is of all numbers that match: use SQL by db.get for another one`,
      )
    const given = { ...options, limit: undefined, offset: undefined }
    if (this._selectsItself())
      return ownFigure(this, await this._ready(), String(op), column, { ...given, attrs })
    const search = this._searchText(attrs ?? {}, given)
    const engine = await this._ready()
    const figure = engine.aggregate(this.name, String(op), column, search, this._inside())
    return this._figure(engine, decode(JSON.parse(figure)))
  }

  /** @type {Declared['max']} */
  async max(column, attrs, options) {
    return this.numAggOp('max', column, attrs, options)
  }

  /** @type {Declared['min']} */
  async min(column, attrs, options) {
    return this.numAggOp('min', column, attrs, options)
  }

  /** @type {Declared['sum']} */
  async sum(column, attrs, options) {
    return this.numAggOp('sum', column, attrs, options)
  }

  /** @type {Declared['avg']} */
  async avg(column, attrs, options) {
    return this.numAggOp('avg', column, attrs, options)
  }

  /** Calls `fn(item, i)` for every document that matches; gives their number. */
  async each(...args) {
    const fn = typeof args.at(-1) === 'function' ? args.pop() : undefined
    const [attrs, options] = args
    return each(this, attrs ?? {}, options ?? {}, fn)
  }

  /**
   * The plan by which SQLite would search: `{sql, plan: [line], indexes: [name], scans}`.
   * @type {Declared['explain']}
   */
  async explain(attrs = {}, options = {}) {
    const search = this._searchText(attrs ?? {}, options ?? {})
    const engine = await this._ready()
    return engine.explain(this.name, search, this._inside())
  }

  /**
   * An async iterable over the matching documents, again after each commit that changed them.
   * @type {Declared['live']}
   */
  live(attrs = {}, options = {}) {
    if (this._again) this._tryAgain()
    const given = { ...options, noTotal: true }
    const own = this._selectsItself()
    const search = own ? undefined : this._searchText(attrs ?? {}, given)
    const read = engine =>
      own ? ownSearch(this, engine, { ...given, attrs }).text : engine.search(this.name, search, 0)
    const table = own || this._readsMore(given, search) ? undefined : this.name
    return this.db._hub.query(table, read, text => this._found(text, given).items)
  }

  /**
   * Whether a search may read other tables: it has SQL of the developer's own, or a column has.
   * @param {Record<string, any>} options
   */
  _readsMore({ join, where, cols }, search) {
    const reads = ({ real, sql }) => !real && /\b(select|in)\b/i.test(sql ?? '')
    return (
      Boolean(join || where || cols) || search.includes('["raw",') || this.columnArr.some(reads)
    )
  }

  /**
   * The statements of a search, `{attrs, ...options}`: `[sql, values, cursorAliases, totalSql,
   * totalValues, invert]`. A subclass that overrides it has every search run what it gives; the
   * database is open by then.
   * @param {Record<string, any>} [asked]
   */
  makeSelect({ attrs, ...options } = {}) {
    if (!this.db._engine)
      throw new Error(
        `${this.name}.makeSelect: the database is not open yet: await db.open() first`,
      )
    const search = this._searchText(attrs ?? {}, options)
    const [sql, values, aliases, totalSql, totalValues, invert] = this._statements(search, options)
    const [given, wanted] = [values, totalValues].map(list => list.map(decode))
    return [sql, given, aliases, totalSql ?? undefined, wanted, invert]
  }

  /**
   * The statements that the engine makes of a search, for `makeSelect`.
   * @param {string} search
   * @param {Record<string, any>} options
   */
  _statements(search, options) {
    const made = JSON.parse(this.db._engine.makeSelect(this.name, search))
    // the engine reads one row more, to know whether there are further ones
    if (options.limit) made[1][made[1].length - 2] -= 1
    return made
  }

  /** A search as the engine reads it. */
  _searchText(attrs, options, more) {
    return searchText(this, attrs, options, more)
  }

  _checkAttrs(method, attrs) {
    checkAttrs(this, method, attrs)
  }
}

waitedFor(Searchable, ['_find', 'count', 'exists', 'numAggOp', 'explain'])
