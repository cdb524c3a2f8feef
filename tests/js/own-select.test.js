// Searches that a subclass makes over, as applications of strato-db do: `makeSelect` and `search`
// overridden; and what `cols` gives.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { JsonModel } from 'tidelog'
import { withDb } from './with-db.js'

const people = {
  columns: {
    name: { type: 'TEXT' },
    age: { type: 'INTEGER' },
    score: {},
    gone: { falsyBool: true },
  },
}
const some = [
  { id: 'a', name: 'Ann', age: 30, score: 1.5 },
  { id: 'b', name: 'Bob', age: 20, score: '2' },
  { id: 'c', name: 'Cat', age: 10, score: 'x' },
  { id: 'd', name: 'Dan', age: 40, score: 9, gone: true },
]
/** Hides what is gone, knows `q`, which is no column, and sorts by age. */
class People extends JsonModel {
  makeSelect({ attrs, where, ...options }) {
    const { q, ...rest } = attrs ?? {}
    const asked = q ? { 'tbl.name LIKE ?': [`%${q}%`] } : {}
    return super.makeSelect({
      sort: { age: 1 },
      ...options,
      attrs: { ...rest, gone: false },
      where: { ...where, ...asked },
    })
  }
}
const withPeople = fn =>
  withDb(async db => {
    const model = db.addModel(People, { name: 'people', ...people })
    await model.set(some)
    await fn(model, db)
  })
const ids = docs => docs.map(({ id }) => id).join('')

test('an own makeSelect rules every search, with attributes of its own, a sort of its own, and cursors', () =>
  withPeople(async model => {
    assert.equal(ids(await model.searchAll()), 'cba')
    assert.equal(ids(await model.searchAll({ q: 'a' })), 'ca')
    assert.equal((await model.searchOne({ q: 'b' })).id, 'b')
    const first = await model.search({}, { limit: 2 })
    assert.deepEqual([ids(first.items), first.total, first.prevCursor], ['cb', 3, undefined])
    const second = await model.search({}, { limit: 2, cursor: first.cursor })
    assert.deepEqual([ids(second.items), second.cursor], ['a', undefined])
    const back = await model.search({}, { limit: 2, cursor: second.prevCursor })
    assert.equal(ids(back.items), 'cb')
    assert.deepEqual(await model.searchAll({ q: 'o' }, { cols: ['age', 'name'] }), [
      { age: 20, name: 'Bob' },
    ])
    assert.equal(ids(await model.searchAll({}, { sort: { age: -1 } })), 'abc')
  }))

test('an own makeSelect rules counts, existence and figures, and all() and get() do not ask it', () =>
  withPeople(async model => {
    assert.deepEqual(
      [await model.count(), await model.count({ q: 'a' }), await model.count({ q: 'zz' })],
      [3, 2, 0],
    )
    assert.deepEqual(
      [await model.exists({ q: 'b' }), await model.exists({ q: 'd' })],
      [true, false],
    )
    const figures = ['max', 'min', 'sum', 'avg'].map(op => model[op]('age'))
    assert.deepEqual(await Promise.all(figures), [30, 10, 60, 20])
    assert.deepEqual([await model.sum('score'), await model.max('age', { q: 'zz' })], [3.5, null])
    await assert.rejects(model.numAggOp('group_concat', 'age'), { code: 'BAD_VALUE' })
    const { cursor } = await model.search({}, { limit: 1 })
    assert.equal(await model.count({}, { cursor, limit: 1 }), 2)
    assert.equal(ids(await model.all()), 'abcd')
    assert.equal((await model.get('d')).name, 'Dan')
  }))

test('an own makeSelect rules each, page by page, and live queries', () =>
  withPeople(async model => {
    const seen = []
    await model.each({ q: 'a' }, { batchSize: 1, concurrent: 1 }, person => seen.push(person.id))
    assert.deepEqual(seen, ['c', 'a'])
    const live = model.live({ q: 'b' })[Symbol.asyncIterator]()
    assert.equal(ids((await live.next()).value), 'b')
    await model.set({ id: 'e', name: 'Abe', age: 1 })
    assert.equal(ids((await live.next()).value), 'eb')
    await live.return()
  }))

test('an own makeSelect that makes all of its SQL itself', () =>
  withDb(async db => {
    class Raw extends JsonModel {
      makeSelect({ attrs }) {
        return [`SELECT ${this._columns} FROM raw tbl WHERE age > ?`, [attrs.over]]
      }
    }
    const model = db.addModel(Raw, { name: 'raw', ...people })
    await model.set(some)
    model._columns = JsonModel.prototype.makeSelect
      .call(model, {})[0]
      .match(/^SELECT (.*?) FROM/s)[1]
    assert.equal(ids(await model.searchAll({ over: 25 })), 'ad')
    assert.equal(await model.count({ over: 15 }), 3)
    assert.equal(await model.exists({ over: 50 }), false)
  }))

test('an own makeSelect may hand on what it likes, and give its SQL anew', () =>
  withDb(async db => {
    class Few extends JsonModel {
      makeSelect({ attrs, limit, cursor }) {
        const [sql, values, ...rest] = super.makeSelect({ attrs, limit, cursor, sort: { age: 1 } })
        return [`${sql} -- few`, [...values], ...rest]
      }
    }
    const model = db.addModel(Few, { name: 'few', ...people })
    await model.set(some)
    const first = await model.search({}, { limit: 2 })
    assert.deepEqual([ids(first.items), first.total], ['cb', 4])
    const second = await model.search({}, { limit: 2, cursor: first.cursor })
    assert.deepEqual([ids(second.items), second.cursor], ['ad', undefined])
    const seen = []
    const all = { batchSize: 1, concurrent: 1 }
    await model.each({}, all, ({ id }) => seen.push(id))
    assert.equal(seen.join(''), 'cbad')
    const [, values] = model.makeSelect({ limit: 2 })
    assert.equal(values.at(-2), 2, 'as many rows as are asked for')
  }))

test('an own makeSelect may choose the columns', () =>
  withDb(async db => {
    class Names extends JsonModel {
      makeSelect(options) {
        return super.makeSelect({ ...options, cols: ['name', 'at'], noTotal: true })
      }
    }
    const model = db.addModel(Names, {
      name: 'n',
      columns: { ...people.columns, at: { type: 'DATE' } },
    })
    await model.set([
      { id: 'a', name: 'Ann', at: new Date(5) },
      { id: 'b', name: 'Bob' },
    ])
    assert.deepEqual((await model.search()).items, [
      { name: 'Ann', at: new Date(5) },
      { name: 'Bob' },
    ])
  }))

test('an own search rules searchAll and each; searchOne and all are on their own, as in strato-db', () =>
  withDb(async db => {
    class Young extends JsonModel {
      async search(attrs, options) {
        return super.search({ ...attrs, age: { $lt: 25 } }, options)
      }
    }
    const model = db.addModel(Young, { name: 'young', ...people })
    await model.set(some)
    const seen = []
    await model.each(person => seen.push(person.id))
    assert.deepEqual([seen.sort().join(''), ids(await model.searchAll())], ['bc', 'bc'])
    assert.deepEqual(
      [(await model.searchOne({ age: 30 })).id, (await model.all()).length],
      ['a', 4],
    )
  }))

test('each gives what cols asks for, and still meets each document once', () =>
  withDb(async db => {
    const model = db.addModel(JsonModel, { name: 'people', ...people })
    await model.set(some)
    const seen = []
    const options = { cols: ['name', 'score'], sort: { age: 1 }, batchSize: 2, concurrent: 1 }
    await model.each({}, options, async row => {
      seen.push(row)
      await model.updateWhere({ name: row.name }, { $inc: { age: 100 } })
    })
    assert.deepEqual(seen, [
      { name: 'Cat', score: 'x' },
      { name: 'Bob', score: '2' },
      { name: 'Ann', score: 1.5 },
      { name: 'Dan', score: 9 },
    ])
  }))

test('cols leave out what is not there, in columns and in SQL', () =>
  withDb(async db => {
    const model = db.addModel(JsonModel, { name: 'people', ...people })
    await model.set([
      { id: 'a', age: null },
      { id: 'b', age: 0, score: '' },
    ])
    const found = await model.searchAll(
      {},
      { cols: ['id', 'age', 'score', 'nullif(tbl.age, 0) AS n'], sort: { id: 1 } },
    )
    assert.deepEqual(found, [{ id: 'a' }, { id: 'b', age: 0, score: '' }])
  }))
