// What `JsonModel` reads with: searches, counts, aggregates, live queries. Checks arguments, runs the columns' search
// functions, and makes one call of the engine per operation. Does not write.

const SEARCH_OPTIONS = ['limit', 'offset', 'sort', 'itemsOnly', 'noTotal', 'noCursor']

export class Searchable {
  /** Every document. */
  async all() {
    return this.searchAll()
  }

  /** `{items, total}` of what has these values; `attrs` is `{column: value}`, null and undefined are no condition. */
  async search(attrs = {}, options = {}) {
    const search = this.searchText(attrs, options)
    const engine = await this._ready()
    const found = JSON.parse(engine.search(this.name, search, this._inside()))
    found.items = this.items(found.items)
    return options?.itemsOnly ? found.items : found
  }

  /** The documents alone. */
  async searchAll(attrs, options) {
    return this.search(attrs, { ...options, itemsOnly: true, noTotal: true })
  }

  /** The first document, or undefined. */
  async searchOne(attrs, options) {
    return (await this.searchAll(attrs, { ...options, limit: 1 }))[0]
  }

  /** How many documents match. */
  async count(attrs = {}) {
    const search = this.searchText(attrs, {})
    const engine = await this._ready()
    return engine.count(this.name, search, this._inside())
  }

  /** Whether there is a document with this id, or one that matches. */
  async exists(idOrAttrs = {}) {
    if (typeof idOrAttrs === 'object' && idOrAttrs !== null) return (await this.count(idOrAttrs)) > 0
    return (await this.get(idOrAttrs)) !== undefined
  }

  /** An async iterable over the matching documents, again after each commit that changed them. */
  live(attrs = {}, options = {}) {
    const search = this.searchText(attrs, { ...options, noTotal: true })
    const read = engine => engine.search(this.name, search, 0)
    return this.db.hub.query(this.name, read, text => this.items(JSON.parse(text).items))
  }

  searchText(attrs, options) {
    if (typeof attrs !== 'object' || attrs === null)
      throw new TypeError(`${this.name}.search: attrs must be an object`)
    if (typeof options !== 'object' || options === null)
      throw new TypeError(`${this.name}.search: options must be an object`)
    const unknown = Object.keys(options).filter(key => !SEARCH_OPTIONS.includes(key))
    if (unknown.length) throw new TypeError(`${this.name}.search: unknown options ${unknown.join(', ')}`)
    const { limit, offset, sort = {}, noTotal = false, noCursor = false } = options
    for (const [name, value] of Object.entries({ limit, offset })) {
      if (!nullish(value) && !(Number.isSafeInteger(value) && value >= 0)) {
        throw new TypeError(`${this.name}.search: ${name} must be a whole number, not ${value}`)
      }
    }
    return JSON.stringify({
      attrs,
      limit: limit || undefined,
      offset,
      sort: this._order(sort),
      noTotal: noTotal || noCursor,
    })
  }

  /** `{column: n}`: by |n| ascending, negative is descending, 0 ignored. */
  _order(sort) {
    if (typeof sort !== 'object' || sort === null)
      throw new TypeError(`${this.name}.search: sort must be an object`)
    const columns = Object.entries(sort)
    const bad = columns.find(([, n]) => typeof n !== 'number' || Number.isNaN(n))
    if (bad) throw new TypeError(`${this.name}.search: sort.${bad[0]} must be a number`)
    const used = columns.filter(([, n]) => n !== 0).sort(([, a], [, b]) => Math.abs(a) - Math.abs(b))
    return used.map(([name, n]) => [name, n < 0])
  }
}

const nullish = value => value === null || value === undefined
