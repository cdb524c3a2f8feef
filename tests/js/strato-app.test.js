// What applications of strato-db do beyond the rows of its API, and what they get: classes of their own as models, models
// without addModel, searches made over, definitions with null, values without an array.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DB, EventSourcingDB, JsonModel, SQLite } from 'tidelog'

/** Runs `fn` with a database that is closed afterwards. */
async function withDb(fn, options) {
  const db = new DB(options)
  try {
    return await fn(db)
  } finally {
    await db.close()
  }
}

test('a class of the application is a model too: it has its database, and tables of its own', () =>
  withDb(async db => {
    class Tally {
      name = 'tally'
      constructor({ db, start }) {
        this.db = db
        db.registerMigrations('tally', { 0: tx => tx.run('CREATE TABLE tally AS SELECT ? AS n', [start]) })
      }
      async add() {
        await this.db.run('UPDATE tally SET n = n + 1')
        return (await this.db.get('SELECT n FROM tally')).n
      }
    }
    const tally = db.addModel(Tally, { start: 5 })
    assert.equal(db.store.tally, tally)
    assert.throws(() => db.addModel(JsonModel, { name: 'tally' }), /added already/)
    assert.equal(await tally.add(), 6)
    const failing = db.withTransaction(async tx => {
      assert.equal(await tx.store.tally.add(), 7)
      throw new Error('undo')
    })
    await assert.rejects(failing, /undo/)
    assert.equal(await tally.add(), 7)
    for (const bad of [undefined, {}, 'Tally']) assert.throws(() => db.addModel(bad), /must be a class/)
  }))

test('a class of the application may write while migrations run, also while they fail, and not after', async () => {
  const seen = []
  class Guarded {
    name = 'guarded'
    setWritable(state) {
      seen.push(state)
    }
  }
  const open = up => {
    const db = new DB()
    db.addModel(Guarded)
    db.registerMigrations('g', { 0: up })
    return db
  }
  const db = open(() => seen.push('migration'))
  await db.open()
  await db.close()
  const failing = open(() => Promise.reject(new Error('no')))
  await assert.rejects(failing.open(), /no/)
  assert.deepEqual(seen, [true, 'migration', false, true, false])
})

test('a model works without addModel: its table, migrations, transactions; the store does not have it', () =>
  withDb(async db => {
    class Doubled extends JsonModel {
      async set(doc, ...rest) {
        return super.set({ ...doc, double: doc.n * 2 }, ...rest)
      }
    }
    const about = []
    const migrations = {
      1: async ({ model, db: tx }) => {
        about.push(Object.keys(tx.store))
        await model.set({ id: 'a', n: 1 })
        await model.renameColumn('double', 'twice')
      },
    }
    const columns = {
      n: { type: 'INTEGER', version: 1 },
      slug: { slugValue: doc => `s${doc.n}`, index: true },
    }
    const loose = new Doubled({ db, name: 'loose', columns, migrations })
    assert.deepEqual(await loose.get('a'), { id: 'a', n: 1, slug: 's1', twice: 2 })
    assert.deepEqual([about, Object.keys(db.store)], [[[]], []])
    assert.equal((await loose.update({ id: 'a', n: 4 })).double, 8)
    await assert.rejects(
      db.withTransaction(async () => {
        await loose.set({ id: 'b', n: 1 })
        throw new Error('undo')
      }),
      /undo/,
    )
    assert.equal(await loose.count(), 1)
    const late = new JsonModel({ db, name: 'late', columns: { n: { type: 'INTEGER' } } })
    assert.equal((await late.set({ id: 'x', n: 1 })).n, 1)
    assert.equal(await late.removeWhere({ n: 1 }), 1)
  }))

test('a model that is made by the constructor of another belongs to the same database; a name given twice leaves nothing', () =>
  withDb(async db => {
    class Parent extends JsonModel {
      constructor(options) {
        super(options)
        this.parts = new JsonModel({ db: options.db, name: `${options.name}_parts` })
      }
    }
    const parent = db.addModel(Parent, { name: 'p' })
    assert.throws(() => db.addModel(Parent, { name: 'p', columns: { n: { type: 'TEXT' } } }), /added already/)
    await parent.parts.set({ id: 'a' })
    await parent.set({ id: 'b' })
    const tables = await db.all("SELECT name FROM sqlite_schema WHERE type = 'table' AND name LIKE 'p%'")
    assert.deepEqual(tables.map(({ name }) => name).sort(), ['p', 'p_parts'])
    assert.deepEqual(Object.keys(db.store), ['p'])
  }))

const people = {
  columns: { name: { type: 'TEXT' }, age: { type: 'INTEGER' }, score: {}, gone: { falsyBool: true } },
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
    assert.deepEqual(await model.searchAll({ q: 'o' }, { cols: ['age', 'name'] }), [{ age: 20, name: 'Bob' }])
    assert.equal(ids(await model.searchAll({}, { sort: { age: -1 } })), 'abc')
  }))

test('an own makeSelect rules counts, existence and figures, and all() and get() do not ask it', () =>
  withPeople(async model => {
    assert.deepEqual(
      [await model.count(), await model.count({ q: 'a' }), await model.count({ q: 'zz' })],
      [3, 2, 0],
    )
    assert.deepEqual([await model.exists({ q: 'b' }), await model.exists({ q: 'd' })], [true, false])
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
    model._columns = JsonModel.prototype.makeSelect.call(model, {})[0].match(/^SELECT (.*?) FROM/s)[1]
    assert.equal(ids(await model.searchAll({ over: 25 })), 'ad')
    assert.equal(await model.count({ over: 15 }), 3)
    assert.equal(await model.exists({ over: 50 }), false)
  }))

test('an own makeSelect may choose the columns', () =>
  withDb(async db => {
    class Names extends JsonModel {
      makeSelect(options) {
        return super.makeSelect({ ...options, cols: ['name', 'at'], noTotal: true })
      }
    }
    const model = db.addModel(Names, { name: 'n', columns: { ...people.columns, at: { type: 'DATE' } } })
    await model.set([{ name: 'Ann', at: new Date(5) }, { name: 'Bob' }])
    assert.deepEqual((await model.search()).items, [{ name: 'Ann', at: new Date(5) }, { name: 'Bob' }])
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
    assert.deepEqual([(await model.searchOne({ age: 30 })).id, (await model.all()).length], ['a', 4])
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

test('null in a definition says nothing', () =>
  withDb(async db => {
    const nothing = {
      parse: null,
      stringify: null,
      value: null,
      default: null,
      index: null,
      where: null,
      path: null,
    }
    const model = db.addModel(JsonModel, {
      name: 'm',
      columns: { id: { type: 'INTEGER', value: null }, a: { type: 'JSON', get: null, ...nothing }, b: null },
    })
    assert.deepEqual(await model.set({ a: { x: 1 }, b: 2 }), { id: 1, a: { x: 1 }, b: 2 })
    assert.throws(() => db.addModel(JsonModel, { name: 'n', columns: { a: { parse: 5 } } }), /parse must be/)
  }))

test('a JSON column that holds others is an object always, but where it says otherwise', () =>
  withDb(async db => {
    const model = db.addModel(JsonModel, {
      name: 'm',
      columns: {
        out: { type: 'JSON' },
        inner: { type: 'JSON', path: 'out.in' },
        leaf: { path: 'out.in.leaf', index: true },
        free: { type: 'JSON', alwaysObject: false },
        top: { path: 'free.top' },
        list: { type: 'JSON' },
        first: { path: 'list[0]' },
        copy: { type: 'JSON', get: false },
        below: { path: 'copy.below' },
        alone: { type: 'JSON' },
      },
    })
    assert.deepEqual(await model.set({ id: 'a' }), { id: 'a', out: { in: {} } })
    assert.deepEqual(await model.get('a'), { id: 'a', out: { in: {} } })
    assert.deepEqual(await db.get('SELECT "out", inner FROM m'), { out: null, inner: null })
    assert.deepEqual(await model.set({ id: 'b', out: { in: { leaf: 5 } } }), {
      id: 'b',
      out: { in: { leaf: 5 } },
    })
    assert.equal((await model.searchOne({ leaf: 5 })).id, 'b')
  }))

test('a falsyBool of type JSON or BLOB is true or nothing, and searched by anything', () =>
  withDb(async db => {
    const model = db.addModel(JsonModel, {
      name: 'm',
      columns: { j: { type: 'JSON', falsyBool: true }, b: { type: 'BLOB', falsyBool: true, index: true } },
    })
    await model.set([
      { id: 'a', j: true, b: 0 },
      { id: 'b', j: '', b: 'yes' },
    ])
    assert.deepEqual(await model.all(), [
      { id: 'a', j: true },
      { id: 'b', b: true },
    ])
    for (const found of [{ j: {} }, { j: 1 }, { b: '' }, { b: false }])
      assert.equal((await model.searchOne(found)).id, 'a')
    for (const found of [{ j: 0 }, { b: { x: 1 } }, { b: { $eq: true } }])
      assert.equal((await model.searchOne(found)).id, 'b')
  }))

test('columns without an alias are _0, _1 …, whatever stands between them; rows under them become documents', () =>
  withDb(async db => {
    const model = db.addModel(JsonModel, {
      name: 'm',
      columns: { a: { type: 'TEXT' }, id: {}, b: { type: 'TEXT', alias: 'bee' }, c: { real: true } },
    })
    const aliases = model.columnArr.map(({ name, alias }) => `${name} ${alias}`)
    assert.deepEqual(aliases.sort(), ['a _0', 'b bee', 'c _1', 'id _i', 'json _j'])
    assert.deepEqual(model.toObj({ _i: 'x', _0: 'A', bee: 'B', _1: 3, _j: '{"d":4}' }), {
      id: 'x',
      a: 'A',
      b: 'B',
      c: 3,
      d: 4,
    })
  }))

test('a single value needs no array; null and undefined are none', async () => {
  const db = new SQLite()
  await db.exec('CREATE TABLE t (a)')
  for (const value of [1, 'x', true, 2n ** 60n, new Uint8Array([7])])
    await db.run('INSERT INTO t VALUES (?)', value)
  const stored = (await db.all('SELECT a FROM t')).map(({ a }) => a)
  assert.deepEqual(stored, [1, 'x', 1, 2n ** 60n, new Uint8Array([7])])
  assert.deepEqual(await db.get('SELECT ? AS a', new Date(5)), { a: 5 })
  assert.deepEqual(await db.prepare('SELECT a FROM t WHERE a = ?').get('x'), { a: 'x' })
  assert.equal(await db.each('SELECT a FROM t WHERE a = ?', 'x', () => {}), 1)
  await db.exec('DELETE FROM t WHERE a = ?', 2n ** 60n)
  assert.equal((await db.all('SELECT a FROM t')).length, 4)
  for (const none of [null, undefined])
    await assert.rejects(db.get('SELECT ? AS a', none), { code: 'BAD_VALUE' })
  await db.close()
})

test("an error of SQLite's says its code, too", () =>
  withDb(async db => {
    const model = db.addModel(JsonModel, { name: 'm' })
    await model.set({ id: 'a' })
    await assert.rejects(
      model.set({ id: 'a' }, true),
      /^TidelogError: :memory:\|\d+: SQLITE_CONSTRAINT_\w+: /,
    )
    await assert.rejects(db.prepare('SELEC 1', 'bad').get(), /:memory:\|\d+\[bad\]: SQLITE_ERROR: /)
  }))

test('what is not there is removed and got without complaint', () =>
  withDb(async db => {
    const model = db.addModel(JsonModel, { name: 'm' })
    await model.set({ id: 'undefined' })
    for (const none of [undefined, {}, { id: undefined }])
      assert.deepEqual(await model.remove(none), { changes: 0 })
    for (const none of [undefined, null, []]) assert.deepEqual(await model.getAll(none), [])
    assert.equal(await model.count(), 1)
  }))

test('event creators take (document, flag, meta)', async () => {
  const es = new EventSourcingDB({ models: { m: {} } })
  const { event, TYPE } = es.store.m
  assert.deepEqual(event.set({ id: 'a' }, true, { by: 'me' }), {
    type: TYPE,
    data: [2, 'a', { id: 'a' }, { by: 'me' }],
  })
  assert.deepEqual(event.update({ id: 'a', x: undefined }, false, 5).data, [3, 'a', { id: 'a', x: null }, 5])
  assert.equal(event.update('a', { $inc: { n: 1 } }, 'why').data[3], 'why')
  assert.deepEqual(event.remove('a', 1).data, [0, 'a', null, 1])
  const { data } = await es.dispatch(event.set({ id: 'a' }, false, 'first'))
  assert.equal(data[3], 'first')
  await es.close()
})
