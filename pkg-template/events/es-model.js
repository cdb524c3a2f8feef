// `ESModel`: a model whose writes are events. Reading is JsonModel's; inside an event's derive
// phase it writes itself.

import { meet, touched } from '../documents/patch.js'
import { valueAt } from '../documents/paths.js'
import { choosing } from '../documents/slug.js'
import { TidelogError } from '../language/errors.js'
import { JsonModel } from '../models/json-model.js'
import { checkChange, matching } from '../models/where.js'
import { waitedFor } from '../sql/running.js'
import { noEvents, refuseEvents } from '../sql/waits.js'

const REMOVE = 0
const SET = 1
const INSERT = 2
const UPDATE = 3
const SAVE = 4
const PATCH = 5
const MANY = 6

/** @typedef {import('../types/events.js').ESModel} Declared */

export class ESModel extends JsonModel {
  /** @type {0} */
  static REMOVE = REMOVE
  /** @type {1} */
  static SET = SET
  /** @type {2} */
  static INSERT = INSERT
  /** @type {3} */
  static UPDATE = UPDATE
  /** @type {4} */
  static SAVE = SAVE
  /** @type {5} */
  static PATCH = PATCH
  /** @type {6} */
  static MANY = MANY

  /** @param {import('../types/model.js').ModelOptions & {dispatch?: any}} options */
  constructor({ dispatch, ...options }) {
    super(options)
    if (typeof dispatch !== 'function')
      throw new TypeError(
        'ESModel: dispatch is required, which an EventSourcingDB gives: name the model in its option models',
      )
    this._send = dispatch
    this.TYPE = `es/${this.name}`
    /** Makes events without dispatching them. */
    this.event = {
      set: (obj, insertOnly, meta) =>
        this._event(insertOnly ? INSERT : SET, this._encoded('set', obj), meta),
      update: (obj, upsert, meta) =>
        typeof upsert === 'object' && upsert !== null
          ? this._patchEvent(obj, JSON.parse(this._encodePatch(upsert)), meta)
          : this._event(upsert ? SAVE : UPDATE, this._encoded('update', obj), meta),
      remove: (idOrObj, meta) => this._removal(this._idOf(idOrObj), meta),
    }
  }

  /**
   * Writes documents by events; all or none. With `insertOnly` an existing id rejects with EEXIST.
   */
  async set(obj, insertOnly = false, noReturn = false, meta) {
    if (this._writes()) return super.set(obj, insertOnly, noReturn)
    return this._set(undefined, obj, insertOnly, noReturn, meta)
  }

  async _set(call, obj, insertOnly, noReturn, meta) {
    const action = insertOnly ? INSERT : SET
    const many = Array.isArray(obj)
    const ids = await this._choose(async slugs => {
      const docs = await this._completeAll('set', many ? obj : [obj], slugs)
      return this._dispatch('set', this._events(action, docs, meta), call)
    })
    if (noReturn) return undefined
    return many ? this.getAll(ids) : this.get(ids[0])
  }

  /**
   * Merges by an event; null and undefined remove a property. A missing document rejects with
   * ENOENT. With an object of changes as the second argument: `update(id, {$set, $unset, $inc,
   * $push}, noReturn?, meta?)`.
   * @param {any} obj
   * @param {boolean | import('../types/model.js').Patch} [upsert]
   * @param {boolean} [noReturn]
   * @param {any} [meta]
   */
  async update(obj, upsert = false, noReturn = false, meta) {
    if (this._writes()) return super.update(obj, upsert, noReturn)
    return this._update(undefined, obj, upsert, noReturn, meta)
  }

  async _update(call, given, upsert, noReturn, meta) {
    const deep = typeof upsert === 'object' && upsert !== null
    if (deep) this._checkId('update', given)
    const obj = deep ? given : this._checkObject('update', given)
    if (!upsert) this._checkHasId('update', obj)
    const [done] = await this._choose(async slugs => {
      const event = await (deep
        ? this._patching(obj, upsert, meta, slugs)
        : this._updating(obj, upsert, meta, slugs))
      return this._dispatch('update', [event], call)
    })
    return noReturn ? undefined : this.get(done)
  }

  /** The event that merges `obj`: with what the columns' functions make of the whole document. */
  async _updating(obj, upsert, meta, slugs) {
    const action = upsert ? SAVE : UPDATE
    if (!this._completion.whole) {
      const asNew = upsert && !(this._completion.shapes && (await this._isThere(obj)))
      const [doc] = asNew
        ? await this._completeAll('update', [obj], slugs, true)
        : [this._shaped(obj, `${this.name}.update`)]
      return this._event(action, doc, meta)
    }
    const old = await this._stored(obj[this.idCol])
    const [doc] = await this._completeAll('update', [this._laidOver(old, obj, upsert)], slugs)
    return this._event(action, this._changes(old, doc), meta)
  }

  /** The event that changes parts, with what the columns' functions make of them. */
  async _patching(id, change, meta, slugs) {
    const patch = this._encodePatch(change)
    if (!this._completion.whole) return this._patchEvent(id, JSON.parse(patch), meta)
    const [old, changed] = [await this._stored(id), await this._stored(id, patch)]
    if (!old) throw failure('ENOENT', `${this.name}.update`, id)
    const before = this._codec.encode(this._completion.stored(changed), `${this.name}.update`)
    const [doc] = await this._completeAll('update', [changed], slugs)
    return (
      this._recomputed(id, JSON.parse(patch), before, doc, meta) ??
      this._event(UPDATE, this._changes(old, doc), meta)
    )
  }

  /** The patch with the computed columns in it; undefined where more than those became another. */
  _recomputed(id, patch, before, doc, meta) {
    const others = Object.keys({ ...before, ...doc }).filter(key => !same(before[key], doc[key]))
    const columns = this.columnArr.filter(
      column => !column.isId && others.includes(String(column.steps[0])),
    )
    const steps = touched(patch)
    const $set = { ...patch.$set }
    for (const column of columns) {
      const value = valueAt(doc, column.steps)
      if (same(value, valueAt(before, column.steps))) continue
      if (value === undefined || column.path !== column.steps.join('.')) return undefined
      if (steps.some(other => meet(other, column.steps))) return undefined
      $set[column.path] = value
    }
    for (const { name } of this._completion.aside) $set[`$aside.${name}`] = doc.$aside[name]
    const known = key => key === '$aside' || columns.some(column => column.steps[0] === key)
    if (!others.every(known)) return undefined
    return this._patchEvent(id, { ...patch, $set }, meta)
  }

  /** The properties of `doc` that differ from the old document's, with null for those gone. */
  _changes(old, doc) {
    const before = old
      ? this._codec.encode(this._completion.stored(old), `${this.name}.update`)
      : {}
    const changes = { [this.idCol]: doc[this.idCol] }
    for (const key of Object.keys(doc)) if (!same(before[key], doc[key])) changes[key] = doc[key]
    for (const key of Object.keys(before)) if (!Object.hasOwn(doc, key)) changes[key] = null
    return changes
  }

  /** Removes by an event; true, also when there was none. @type {Declared['remove']} */
  async remove(idOrObj, meta) {
    if (this._writes()) return super.remove(idOrObj)
    return this._remove(undefined, idOrObj, meta)
  }

  async _remove(call, idOrObj, meta) {
    await this._dispatch('remove', [this._removal(this._idOf(idOrObj), meta)], call)
    return /** @type {const} */ (true)
  }

  /**
   * Gives a document another id, by a removal and an insertion made together.
   * @type {Declared['changeId']}
   */
  async changeId(oldId, newId, meta) {
    if (this._writes()) return super.changeId(oldId, newId)
    this._checkId('changeId', oldId)
    this._checkId('changeId', newId)
    await this._choose(async slugs => {
      const doc = await this._stored(oldId)
      const what = `${this.name}.changeId`
      if (!doc) throw failure('ENOENT', what, oldId)
      if (await this.exists(newId)) throw failure('EEXIST', what, newId)
      const [moved] = await this._completeAll('changeId', [{ ...doc, [this.idCol]: newId }], slugs)
      await this._dispatch('changeId', [
        this._removal(oldId, meta),
        this._event(INSERT, moved, meta),
      ])
    })
  }

  /**
   * Changes the matching documents by events, all or none; gives how many.
   * @type {Declared['updateWhere']}
   */
  async updateWhere(attrs, given, meta) {
    if (this._writes()) return super.updateWhere(attrs, given)
    const { kind, change } = checkChange(this, attrs, given)
    return this._choose(async slugs => {
      const events = []
      for (const doc of await matching(this, attrs)) {
        const id = doc[this.idCol]
        if (kind === 'patch') events.push(await this._patching(id, change, meta, slugs))
        else if (kind === 'merge')
          events.push(await this._updating({ ...change, [this.idCol]: id }, false, meta, slugs))
        else {
          const made = await change(doc)
          if (made === undefined) continue
          const docs = [{ ...this._checkObject('updateWhere', made), [this.idCol]: id }]
          events.push(
            ...this._events(SET, await this._completeAll('updateWhere', docs, slugs), meta),
          )
        }
      }
      if (events.length) await this._dispatch('updateWhere', events)
      return events.length
    })
  }

  /**
   * Removes the matching documents by events, all or none; gives how many.
   * @type {Declared['removeWhere']}
   */
  async removeWhere(attrs, meta) {
    if (this._writes()) return super.removeWhere(attrs)
    this._checkAttrs('removeWhere', attrs)
    const docs = await matching(this, attrs)
    const events = docs.map(doc => this._removal(doc[this.idCol], meta))
    if (events.length) await this._dispatch('removeWhere', events)
    return events.length
  }

  /**
   * Whether it writes itself, as phases and migrations have it do. An application's transaction
   * makes no events.
   */
  _writes() {
    if (!this._token) return false
    if (this.db._isApplications) throw noEvents(this.db)
    return true
  }

  /**
   * Runs `fn(slugs)`: slugs are chosen before their event is made, and theirs until it has been
   * applied.
   */
  _choose(fn) {
    if (!this._completion.hasSlugs) return fn()
    refuseEvents(this.db)
    return choosing(this, fn)
  }

  _needsWhole() {
    return this._completion.whole || this.set !== ESModel.prototype.set
  }

  /** A plain model's transactions would write past the events. */
  _together(fn) {
    return fn(this)
  }

  /**
   * What a page may send again when it does not know whether it had an effect: `{reads, writes}`,
   * names of methods. A subclass's own methods are not among them, for they may do several things.
   */
  _repeatable() {
    const ours = name =>
      [ESModel, JsonModel].some(({ prototype }) => prototype[name] === this[name])
    return { reads: READS.filter(ours), writes: Object.keys(WRITES).filter(ours) }
  }

  /**
   * One of those `writes` for a page's call `{tab, n, done, again?}`, which takes effect once
   * however often it comes.
   */
  _writeOnce(call, name, args) {
    return WRITES[name].call(this, call, ...args)
  }

  _encoded(method, obj) {
    // undefined would not survive JSON, and means removal in an update
    return this._codec.encode(
      this._checkObject(method, obj),
      `${this.name}.${method}`,
      method === 'update',
    )
  }

  _events(action, docs, meta) {
    return docs.map(doc => this._event(action, doc, meta))
  }

  _event(action, doc, meta) {
    const data = [action, doc[this.idCol] ?? null, doc]
    if (meta !== undefined) data.push(meta)
    return { type: this.TYPE, data }
  }

  _patchEvent(id, patch, meta) {
    const data = [PATCH, this._encodedId(id), patch]
    if (meta !== undefined) data.push(meta)
    return { type: this.TYPE, data }
  }

  _removal(id, meta) {
    this._checkId('remove', id)
    const data = [REMOVE, this._encodedId(id)]
    if (meta !== undefined) data.push(null, meta)
    return { type: this.TYPE, data }
  }

  _encodedId(id) {
    const { type, steps } = this.columns[this.idCol]
    if (typeof id === 'bigint' && type !== 'BIGINT' && type !== 'INTEGER') return String(id)
    return this._codec.encodeAt(id, steps, this.name)
  }

  async _dispatch(method, events, call) {
    const what = `${this.name}.${method}`
    refuseEvents(this.db)
    for (const { data } of events) this._codec.text(data, what)
    const done = await this._send(events, call)
    return done.map(({ data, result }) => {
      const code = result?.[this.name]?.esFail
      const id = this._codec.revive({ [this.idCol]: data[1] })[this.idCol]
      if (code) throw failure(code, what, id)
      return id
    })
  }
}

const ADVICE = {
  ENOENT: 'there is no such document: give the id of one, or make it by set',
  EEXIST: 'a document with this id is there already: give another id, or change it by update',
}
const failure = (code, what, id) =>
  new TidelogError(code, `${what} ${String(id)}: ${code}: ${ADVICE[code]}`)

const READS = [
  ...['get', 'getAll', 'all', 'search', 'searchAll', 'searchOne', 'count', 'exists', 'live'],
  ...['numAggOp', 'max', 'min', 'sum', 'avg', 'explain'],
]
const { _set: set, _update: update, _remove: remove } = ESModel.prototype
const WRITES = { set, update, remove }

waitedFor(ESModel, [
  'set',
  'update',
  'remove',
  'changeId',
  'updateWhere',
  'removeWhere',
  '_writeOnce',
])
const same = (a, b) => a === b || JSON.stringify(a) === JSON.stringify(b)
