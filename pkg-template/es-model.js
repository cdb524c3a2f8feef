// `ESModel`: a model whose writes are events. Reading is JsonModel's; inside an event's derive phase it writes itself.

import { TidelogError } from './errors.js'
import { JsonModel } from './json-model.js'

const REMOVE = 0
const SET = 1
const INSERT = 2
const UPDATE = 3
const SAVE = 4

export class ESModel extends JsonModel {
  static REMOVE = REMOVE
  static SET = SET
  static INSERT = INSERT
  static UPDATE = UPDATE
  static SAVE = SAVE

  constructor({ dispatch, ...options }) {
    super(options)
    if (typeof dispatch !== 'function')
      throw new TypeError('ESModel: dispatch is required: use it in EventSourcingDB')
    this.dispatch = dispatch
    this.TYPE = `es/${this.name}`
    /** Makes events without dispatching them. */
    this.event = {
      set: (obj, insertOnly, _noReturn, meta) => this._event(insertOnly ? INSERT : SET, obj, meta),
      update: (obj, upsert, _noReturn, meta) => this._event(upsert ? SAVE : UPDATE, obj, meta),
      remove: (idOrObj, meta) => this._event(REMOVE, { [this.idCol]: idOf(idOrObj, this.idCol) }, meta),
    }
  }

  /** Writes documents by events; all or none. With `insertOnly` an existing id rejects with EEXIST. */
  async set(obj, insertOnly = false, noReturn = false, meta) {
    if (this._token) return super.set(obj, insertOnly, noReturn)
    return this._set(undefined, obj, insertOnly, noReturn, meta)
  }

  async _set(call, obj, insertOnly, noReturn, meta) {
    const action = insertOnly ? INSERT : SET
    const many = Array.isArray(obj)
    const events = []
    for (const one of many ? obj : [obj]) {
      const doc = await this.complete(this.checkObject('set', one))
      events.push(this._event(action, doc, meta))
    }
    const ids = await this._dispatch('set', events, call)
    if (noReturn) return undefined
    return many ? this.getAll(ids) : this.get(ids[0])
  }

  /** Merges by an event; null and undefined remove a property. A missing document rejects with ENOENT. */
  async update(obj, upsert = false, noReturn = false, meta) {
    if (this._token) return super.update(obj, upsert, noReturn)
    return this._update(undefined, obj, upsert, noReturn, meta)
  }

  async _update(call, obj, upsert, noReturn, meta) {
    this.checkObject('update', obj)
    const id = obj[this.idCol]
    if (!upsert && (id === undefined || id === null)) throw new TypeError('No ID specified')
    const doc = upsert ? await this.complete(obj) : obj
    const [done] = await this._dispatch('update', [this._event(upsert ? SAVE : UPDATE, doc, meta)], call)
    return noReturn ? undefined : this.get(done)
  }

  /** Removes by an event; true, also when there was none. */
  async remove(idOrObj, meta) {
    if (this._token) return super.remove(idOrObj)
    return this._remove(undefined, idOrObj, meta)
  }

  async _remove(call, idOrObj, meta) {
    const id = idOf(idOrObj, this.idCol)
    this.checkId('remove', id)
    await this._dispatch('remove', [this._event(REMOVE, { [this.idCol]: id }, meta)], call)
    return true
  }

  /**
   * What a page may send again when it does not know whether it had an effect: `{reads, writes}`, names of methods. A
   * subclass's own methods are not among them, for they may do several things.
   */
  repeatable() {
    const ours = name => [ESModel, JsonModel].some(({ prototype }) => prototype[name] === this[name])
    return { reads: READS.filter(ours), writes: Object.keys(WRITES).filter(ours) }
  }

  /** One of those `writes` for a page's call `{tab, n, done, again?}`, which takes effect once however often it comes. */
  writeOnce(call, name, args) {
    return WRITES[name].call(this, call, ...args)
  }

  _event(action, doc, meta) {
    const id = doc[this.idCol] ?? null
    // undefined would not survive JSON, and means removal in an update
    const data = [action, id]
    if (action !== REMOVE) data.push(JSON.parse(this.stringify('set', doc, action >= UPDATE)))
    if (meta !== undefined) data.push(...(action === REMOVE ? [null, meta] : [meta]))
    return { type: this.TYPE, data }
  }

  async _dispatch(method, events, call) {
    const done = await this.dispatch(events, call)
    return done.map(({ data, result }) => {
      const code = result?.[this.name]?.esFail
      if (code) throw new TidelogError(code, `${this.name}.${method} ${data[1]}: ${code}`)
      return data[1]
    })
  }
}

const READS = [
  ...['get', 'getAll', 'all', 'search', 'searchAll', 'searchOne', 'count', 'exists', 'live'],
  ...['numAggOp', 'max', 'min', 'sum', 'avg', 'explain'],
]
const { _set: set, _update: update, _remove: remove } = ESModel.prototype
const WRITES = { set, update, remove }

const idOf = (idOrObj, idCol) => (typeof idOrObj === 'object' && idOrObj !== null ? idOrObj[idCol] : idOrObj)
