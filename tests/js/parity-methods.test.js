// strato-db's 25 methods of a JsonModel and its properties, one test each:
// tests/checklist/strato-db.json points here, row by row.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DB, JsonModel } from 'tidelog'

const columns = { n: { type: 'INTEGER', index: true }, t: { type: 'TEXT' } }

async function withModel(fn, options) {
  const db = new DB()
  const model = db.addModel(JsonModel, { name: 'm', columns, ...options })
  try {
    await fn(model, db)
  } finally {
    await db.close()
  }
}

const method = (name, says, fn, options) =>
  test(`method ${name}: ${says}`, () => withModel(fn, options))
const three = [
  { id: 'a', n: 1, t: 'x' },
  { id: 'b', n: 2, t: 'x' },
  { id: 'c', n: 3, t: 'y' },
]
const filled = (name, says, fn, options) =>
  method(
    name,
    says,
    async (model, db) => {
      await model.set(three)
      await fn(model, db)
    },
    options,
  )

method(
  'set',
  'replaces whole by id, keeps the rowid, leaves its input alone',
  async (model, db) => {
    const given = Object.freeze({ id: 'a', n: 1, other: 1 })
    assert.deepEqual(await model.set(given), { id: 'a', n: 1, other: 1 })
    const rowid = await db.get('SELECT rowid FROM m')
    assert.deepEqual(await model.set({ id: 'a', t: 'x' }), { id: 'a', t: 'x' })
    assert.deepEqual(await model.get('a'), { id: 'a', t: 'x' })
    assert.deepEqual(await db.get('SELECT rowid FROM m'), rowid)
    await assert.rejects(model.set({ id: 'a' }, true), { code: /SQLITE_CONSTRAINT/ })
    const { changes, lastID } = await model.set({ id: 'b' }, false, true)
    assert.equal(changes, 1)
    assert.ok(lastID)
  },
)

filled('update', 'merges, null and undefined remove, upserts when asked', async model => {
  assert.deepEqual(await model.update({ id: 'a', t: null, n: undefined, z: 0 }), { id: 'a', z: 0 })
  await assert.rejects(model.update({ id: 'new', n: 1 }), { code: 'ENOENT' })
  assert.deepEqual(await model.update({ id: 'new', n: 1 }, true), { id: 'new', n: 1 })
  await assert.rejects(model.update({ n: 1 }), TypeError)
  await assert.rejects(model.update(), TypeError)
  assert.equal((await model.update({ id: 'b', n: 9 }, false, true)).changes, 1)
})

filled('updateNoTrans', 'is update in whichever transaction there is', async (model, db) => {
  await db.withTransaction(async () => {
    assert.deepEqual(await model.updateNoTrans({ id: 'a', n: 7 }), { id: 'a', n: 7, t: 'x' })
  })
  await assert.rejects(model.updateNoTrans({ id: 'new' }), { code: 'ENOENT' })
})

filled('remove', 'takes an id or a document, also of nothing, but not null', async model => {
  assert.equal((await model.remove('a')).changes, 1)
  assert.equal((await model.remove({ id: 'b' })).changes, 1)
  assert.equal((await model.remove('a')).changes, 0)
  assert.equal(await model.count(), 1)
  const removal = model.remove(null)
  await assert.rejects(removal, TypeError)
})

filled('delete', 'is the old name of remove', async model => {
  await model.delete('a')
  assert.equal(await model.get('a'), undefined)
})

filled(
  'changeId',
  'gives a document another id, neither from nothing nor to one that is there',
  async model => {
    await model.changeId('a', 'z')
    assert.deepEqual(
      [await model.get('a'), await model.get('z')],
      [undefined, { id: 'z', n: 1, t: 'x' }],
    )
    await assert.rejects(model.changeId('a', 'y'), { code: 'ENOENT' })
    await assert.rejects(model.changeId('b', 'c'), { code: /SQLITE_CONSTRAINT|EEXIST/ })
    await assert.rejects(model.changeId('b', null), TypeError)
  },
)

filled('get', 'reads by id or by another column', async model => {
  assert.deepEqual(await model.get('b'), three[1])
  assert.equal(await model.get('nobody'), undefined)
  assert.deepEqual(await model.get(3, 'n'), three[2])
  await assert.rejects(model.get(), TypeError)
  await assert.rejects(model.get('a', 'nope'), /nope/)
})

filled('getAll', 'reads in order, undefined where there is nothing', async model => {
  assert.deepEqual(await model.getAll([]), [])
  assert.deepEqual(await model.getAll(['c', 'no', 'a', 'c']), [
    three[2],
    undefined,
    three[0],
    three[2],
  ])
  assert.deepEqual(await model.getAll([3, 1], 'n'), [three[2], three[0]])
})

method('getAll', 'finds numeric ids in a TEXT column, one or many', async model => {
  await model.set([{ id: '1' }, { id: '2' }])
  assert.deepEqual(await model.getAll([1]), [{ id: '1' }])
  assert.deepEqual(await model.getAll([1, 2]), [{ id: '1' }, { id: '2' }])
  assert.deepEqual(await model.getCached({}, 2), { id: '2' })
})

filled('getCached', 'reads what is asked in one turn together, and remembers', async model => {
  const asked = []
  const { getAll } = JsonModel.prototype
  model.getAll = (...args) => {
    asked.push(args[0])
    return getAll.apply(model, args)
  }
  const cache = {}
  const load = id => model.getCached(cache, id)
  assert.deepEqual(await Promise.all(['a', 'b', 'a', 'no'].map(load)), [
    three[0],
    three[1],
    three[0],
    undefined,
  ])
  await load('no')
  assert.deepEqual(asked, [['a', 'b', 'no']])
  await model.set({ id: 'a', n: 9 })
  assert.equal((await load('a')).n, 1)
  assert.equal((await model.getCached(undefined, 'a')).n, 9)
  assert.equal((await model.getCached(cache, 3, 'n')).id, 'c')
})

filled('clearCache', 'forgets one or all, and gives what can be primed', async model => {
  const cache = {}
  const n = async id => (await model.getCached(cache, id))?.n
  await Promise.all([n('a'), n('b')])
  await model.updateWhere({}, { n: 9 })
  model.clearCache(cache, 'a')
  assert.deepEqual([await n('a'), await n('b')], [9, 2])
  model.clearCache(cache).prime('a', { id: 'a', n: 5 })
  assert.deepEqual([await n('a'), await n('b')], [5, 9])
  assert.throws(() => model.clearCache(), TypeError)
})

filled('all', 'gives every document', async model => {
  assert.deepEqual(
    (await model.all()).sort((a, b) => (a.id < b.id ? -1 : 1)),
    three,
  )
})

filled('search', 'gives items and their total, or items alone', async model => {
  const { items, total } = await model.search({ t: 'x' }, { sort: { n: -1 }, limit: 1 })
  assert.deepEqual([items, total], [[three[1]], 2])
  assert.deepEqual(await model.search({ t: 'y' }, { itemsOnly: true }), [three[2]])
})

filled('searchAll', 'gives items alone', async model => {
  assert.deepEqual(await model.searchAll({ n: 2 }), [three[1]])
})

filled('searchOne', 'gives the first, honours cols, undefined for none', async model => {
  assert.deepEqual(await model.searchOne({ t: 'x' }, { sort: { n: -1 } }), three[1])
  assert.deepEqual(await model.searchOne({ n: 1 }, { cols: ['t'] }), { t: 'x' })
  assert.equal(await model.searchOne({ n: 9 }), undefined)
})

filled('exists', 'asks for an id or attributes, 0 and empty text are ids', async model => {
  assert.deepEqual(
    [await model.exists('a'), await model.exists('no'), await model.exists()],
    [true, false, true],
  )
  assert.deepEqual([await model.exists({ n: 2 }), await model.exists({ n: 7 })], [true, false])
  assert.deepEqual([await model.exists(0), await model.exists('')], [false, false])
  await model.set([{ id: '' }, { id: '0' }])
  assert.deepEqual([await model.exists(0), await model.exists('')], [true, true])
})

filled('count', 'counts what matches, whatever limit and offset say', async model => {
  assert.deepEqual([await model.count(), await model.count({ t: 'x' })], [3, 2])
  assert.equal(await model.count({}, { limit: 1, offset: 2 }), 3)
})

filled('numAggOp', 'does a figure by its name', async model => {
  assert.equal(await model.numAggOp('max', 'n', { t: 'x' }), 2)
  assert.equal(await model.numAggOp('SUM', 'n'), 6)
  await assert.rejects(model.numAggOp('max', 'nope'), /nope/)
})
const figures = { max: 3, min: 1, sum: 6, avg: 2 }
for (const [name, all] of Object.entries(figures)) {
  filled(name, 'is a number, or null of nothing', async model => {
    assert.equal(await model[name]('n'), all)
    assert.equal(await model[name]('n', { t: 'y' }), 3)
    assert.equal(await model[name]('n', { t: 'no' }), null)
  })
}

filled('each', 'calls with every item and its number, limit is the total', async model => {
  const seen = []
  await model.each(({ id }, i) => seen.push(`${id}${i}`))
  assert.deepEqual(seen.sort(), ['a0', 'b1', 'c2'])
  const some = []
  await model.each({ n: { $gt: 1 } }, { fn: item => some.push(item.id), batchSize: 1, limit: 1 })
  assert.equal(some.length, 1)
  let running = 0
  let most = 0
  const slow = async () => {
    running += 1
    most = Math.max(most, running)
    await new Promise(go => setTimeout(go, 5))
    running -= 1
  }
  await model.each({}, { concurrent: 2 }, slow)
  assert.equal(most, 2)
  const stop = new Error('stop')
  await assert.rejects(
    model.each({}, { concurrent: 1 }, () => Promise.reject(stop)),
    stop,
  )
})

filled('toObj', 'makes documents of rows', async (model, db) => {
  const rows = await db.all('SELECT * FROM m ORDER BY id')
  assert.deepEqual(model.toObj(rows), three)
  assert.deepEqual(model.toObj(rows[0]), three[0])
})

filled('parseRow', 'makes a document of a row', async (model, db) => {
  assert.deepEqual(model.parseRow(await db.get`SELECT * FROM m WHERE id = ${'b'}`), three[1])
})

filled('makeSelect', 'gives six things, and search uses an own one', async (model, db) => {
  const made = model.makeSelect({ attrs: { t: 'x' }, sort: { n: 1 }, limit: 1 })
  assert.equal(made.length, 6)
  const [sql, values] = made
  assert.match(sql, /^SELECT/)
  assert.deepEqual((await db.all(sql, values)).length <= 2, true)
  class Own extends JsonModel {
    makeSelect(options) {
      return super.makeSelect({ ...options, attrs: { ...options.attrs, t: 'y' } })
    }
  }
  const own = db.addModel(Own, { name: 'own', columns })
  await own.set(three)
  assert.deepEqual(await own.searchAll({}), [three[2]])
})

filled('properties', 'tell the table, its names, its columns', async (model, db) => {
  assert.equal(model.db, db)
  assert.deepEqual(
    [model.name, model.quoted, model.idCol, model.idColQ],
    ['m', '"m"', 'id', '"id"'],
  )
  assert.deepEqual(Object.keys(model.columns).sort(), ['id', 'json', 'n', 't'])
  assert.deepEqual(model.columnArr.map(({ name }) => name).sort(), ['id', 'json', 'n', 't'])
  assert.ok(model.getCols.length && model.selectCols.length)
  assert.equal(model.Item, undefined)
})

class Thing {
  get twice() {
    return this.n * 2
  }
}
filled(
  'ItemClass',
  'is what every result is an instance of',
  async model => {
    const given = [
      await model.set({ id: 'a', n: 1 }),
      await model.get('a'),
      await model.searchOne({ n: 1 }),
    ]
    for (const thing of [...given, (await model.all())[0], (await model.getAll(['b']))[0]]) {
      assert.ok(thing instanceof Thing)
      assert.equal(thing.twice, thing.n * 2)
    }
  },
  { ItemClass: Thing },
)

test('update and its like go through set, so that a subclass can do more there', async () => {
  const db = new DB()
  class Stamped extends JsonModel {
    set(doc, ...rest) {
      return super.set(Array.isArray(doc) ? doc : { ...doc, stamped: true }, ...rest)
    }
  }
  const model = db.addModel(Stamped, { name: 'm', columns })
  await model.set({ id: 'a' })
  assert.equal((await model.update({ id: 'b', n: 1 }, true)).stamped, true)
  assert.equal((await model.update('b', { $set: { stamped: false } })).stamped, true)
  await model.updateWhere({ id: 'a' }, { stamped: false })
  assert.equal((await model.get('a')).stamped, true)
  await db.close()
})

test('options of a model: keepRowId, idCol, migrationOptions, and those that an EventSourcingDB passes', async () => {
  const db = new DB()
  const about = []
  const model = db.addModel(JsonModel, {
    name: 'm',
    idCol: 'my-id',
    keepRowId: false,
    migrationOptions: { extra: 5 },
    migrations: {
      1: ({ extra, model }) => about.push(extra, model.name),
      2: false,
      3: { up() {} },
    },
    dispatch: () => {},
    emitter: {},
  })
  assert.deepEqual(await model.set({ 'my-id': 'a', n: 1 }), { 'my-id': 'a', n: 1 })
  assert.deepEqual(await model.update({ 'my-id': 'a', n: 2 }), { 'my-id': 'a', n: 2 })
  assert.deepEqual(about, [5, 'm'])
  const columnsOf = async name =>
    (await db.all`SELECT name FROM pragma_table_info(${name})`).map(row => row.name)
  assert.ok(!(await columnsOf('m')).includes('rowId'))
  db.addModel(JsonModel, { name: 'kept' })
  await db.store.kept.set({ id: 'a' })
  assert.ok((await columnsOf('kept')).includes('rowId'))
  await db.close()
})
