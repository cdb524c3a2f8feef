// The part of `JsonModel` that searches: documents, counts, figures, live queries. Checks arguments,
// runs the columns' search functions, and makes one call of the engine per operation. Does not write.

import { nullish } from '../documents/kinds.js'
import { put, withValueAt } from '../documents/paths.js'
import { fill, parsed } from '../documents/rows.js'
import { waitedFor } from '../sql/running.js'
import { Keyed } from './keyed.js'
import { ownAny, ownCount, ownFigure, ownSearch } from './own-select.js'
import {
  bindings,
  checkAttrs,
  columnAt,
  conditions,
  decode,
  findColumn,
  isAttrs,
  isPlain,
  show,
} from './search-attrs.js'
import { each } from './search-each.js'

/** The items and nothing else. */
const ITEMS = { itemsOnly: true, noTotal: true, noCursor: true }
const whole = { fits: value => Number.isSafeInteger(value) && value >= 0, takes: 'a whole number' }
const string = { fits: value => typeof value === 'string', takes: 'a string' }
const flag = { fits: value => typeof value === 'boolean', takes: 'true or false' }
const isName = value => typeof value === 'string' && value !== ''
const names = {
  fits: value => Array.isArray(value) && value.length > 0 && value.every(isName),
  takes: 'an array of columns',
}
/** Looked at where it is used. */
const other = { fits: () => true }
const OPTIONS = {
  ...{ limit: whole, offset: whole, sort: other, cursor: string, noTotal: flag, noCursor: flag },
  ...{ itemsOnly: flag, where: other, join: string, joinVals: other, cols: names, distinct: flag },
  snippet: other,
}

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

  /** Whether a subclass has changed what is found. */
  _searchesItself() {
    return this._selectsItself() || this.search !== Searchable.prototype.search
  }

  _found(text, options) {
    const { items, ...found } = this._reply(text)
    return { items: options.cols ? this._rows(items, options.cols) : this._items(items), ...found }
  }

  /** What the engine's search replied, once its warning is told. */
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
   * How many documents match; of those after `cursor` if there is one.
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
   * How SQLite would search: `{sql, plan: [line], indexes: [name], scans}`.
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
   * What the engine makes of a search for `makeSelect`.
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
    if (!isPlain(options)) throw new TypeError(`${this.name}.search: options must be an object`)
    const given = Object.keys(options)
    const unknown = given.filter(name => !Object.hasOwn(OPTIONS, name))
    if (unknown.length) {
      throw new TypeError(
        `${this.name}.search: unknown options ${unknown.join(', ')}: use ${Object.keys(OPTIONS).join(', ')}`,
      )
    }
    for (const name of given) {
      const { fits, takes } = OPTIONS[name]
      if (!nullish(options[name]) && !fits(options[name]))
        throw new TypeError(
          `${this.name}.search: ${name} must be ${takes}, not ${show(options[name])}`,
        )
    }
    const sign = options.cols?.find(name => name.startsWith('$'))
    if (sign)
      throw new TypeError(
        `${this.name}.search: cols cannot have '${sign}': the options sort: {$rank: 1} and snippet give $rank and $snippet`,
      )
    const { limit, offset, sort, cursor, itemsOnly, noTotal, noCursor, distinct } = options
    const { where, join, joinVals, cols, snippet } = options
    const node = conditions(this, attrs, where, more?.strict)
    return JSON.stringify({
      where: node[1].length ? node : undefined,
      sort: nullish(sort) ? undefined : this._order(sort),
      limit: limit || undefined,
      offset: offset ?? undefined,
      cursor: cursor || undefined,
      noTotal: Boolean(noTotal || itemsOnly) || undefined,
      noCursor: Boolean(noCursor || itemsOnly) || undefined,
      distinct: Boolean(distinct) || undefined,
      cols: cols ?? undefined,
      join: join || undefined,
      joinVals: nullish(joinVals) ? undefined : bindings(this, 'joinVals', joinVals),
      snippet: nullish(snippet) ? undefined : snippets(this, snippet),
      ...more,
    })
  }

  /** `{column: n}`: by |n| ascending, negative is descending, 0 ignored. */
  _order(sort) {
    if (!isPlain(sort)) throw new TypeError(`${this.name}.search: sort must be an object`)
    const columns = Object.entries(sort).filter(([, n]) => !nullish(n))
    const bad = columns.find(([, n]) => typeof n !== 'number' || Number.isNaN(n))
    if (bad) throw new TypeError(`${this.name}.search: sort.${bad[0]} must be a number`)
    const used = columns
      .filter(([, n]) => n !== 0)
      .sort(([, a], [, b]) => Math.abs(a) - Math.abs(b))
    for (const [name] of used) if (name !== '$rank') findColumn(this, name)
    return used.map(([name, n]) => [name, n < 0])
  }

  _checkAttrs(method, attrs) {
    checkAttrs(this, method, attrs)
  }

  /**
   * Rows of `cols`, their values as the columns' types and `parse` say, at the columns' paths; what
   * is nothing is not there.
   */
  _rows(rows, cols) {
    const columns = this.columns ?? {}
    const parts = cols.map(name => {
      const declared = Object.hasOwn(columns, name)
      const column = declared ? columns[name] : columnAt(columns, name)
      return { name, steps: declared ? column.steps : [name], read: reader(this, column) }
    })
    const whole = cols.includes('json')
    return rows.map(row => {
      // SQL may have another name than its text
      for (const key of Object.keys(row)) if (!cols.includes(key)) row[key] = decode(row[key])
      const { json, ...plain } = row
      let made = whole ? { ...plain, ...JSON.parse(json ?? '{}') } : row
      for (const key of Object.keys(row)) if (row[key] === null) delete made[key]
      for (const { name, steps, read } of parts) {
        if (name === 'json') continue
        const value = read(row[name] ?? null)
        if (steps.length > 1 || steps[0] !== name) {
          delete made[name]
          if (!nullish(value)) made = withValueAt(made, steps, value)
        } else if (!nullish(value)) put(made, name, value)
      }
      return this.Item ? fill(new this.Item(), made) : made
    })
  }
}

const asItIs = value => value

/** What makes of a value of `cols` what it is in a document. */
function reader(model, column) {
  if (!column?.name) return decode
  const { type } = column
  const revive =
    type === 'DATE' ? date : type === 'JSON' || !(column.real || type) ? asItIs : decode
  return column.parse ? value => parsed(model, column, revive(value)) : revive
}

const date = value => (typeof value === 'number' ? new Date(value) : value)

function snippets(model, snippet) {
  if (!isPlain(snippet)) throw new TypeError(`${model.name}.search: snippet must be {column: {…}}`)
  const known = { before: 'string', after: 'string', ellipsis: 'string', tokens: 'number' }
  const made = {}
  for (const [name, options] of Object.entries(snippet)) {
    findColumn(model, name)
    if (options !== true && !isPlain(options))
      throw new TypeError(`${model.name}.search: snippet.${name} must be true or an object`)
    for (const [key, value] of Object.entries(options === true ? {} : options)) {
      if (typeof value !== known[key])
        throw new TypeError(
          `${model.name}.search: snippet.${name}.${key} must be one of ${Object.keys(known)}, a ${known[key] ?? 'known key'}`,
        )
    }
    made[name] = options === true ? {} : options
  }
  return made
}

waitedFor(Searchable, ['_find', 'count', 'exists', 'numAggOp', 'explain'])
