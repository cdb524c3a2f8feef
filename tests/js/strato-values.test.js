// As strato-db has it where a value is missing, in chosen columns, for SQL of one's own, and in the
// order of calls.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DB, EventSourcingDB, JsonModel, SQLite } from 'tidelog'

/** Runs `fn(model, db)` with a model of these columns; the database is closed afterwards. */
const withModel = (columns, fn, options) => async () => {
  const db = new DB()
  try {
    await fn(db.addModel(JsonModel, { name: 'm', columns, ...options }), db)
  } finally {
    await db.close()
  }
}
const byId = { sort: { id: 1 } }
class Item {
  get first() {
    return this.x.a
  }
}

const forNothing = {
  on: { type: 'INTEGER', parse: v => v === 1, stringify: v => (v ? 1 : 0) },
  list: {
    type: 'TEXT',
    parse: v => v?.split(',') ?? [],
    stringify: v => (v?.length ? v.join() : null),
  },
  deep: { type: 'TEXT', path: 'x.deep', parse: v => v ?? 'none' },
  free: { get: true, parse: v => v ?? 0 },
  computed: { sql: 'nullif(tbl.id, tbl.id)', get: true, parse: v => v ?? 'nothing' },
}

test(
  'parse and stringify hear of what is missing, and may have a word for it',
  withModel(forNothing, async (model, db) => {
    await model.set([
      { id: 'a' },
      { id: 'b', on: true, list: ['x', 'y'], x: { deep: 'D' }, free: 5 },
    ])
    const nothing = { on: false, list: [], x: { deep: 'none' }, free: 0, computed: 'nothing' }
    const something = { on: true, list: ['x', 'y'], x: { deep: 'D' }, free: 5, computed: 'nothing' }
    const all = [
      { id: 'a', ...nothing },
      { id: 'b', ...something },
    ]
    assert.deepEqual(await model.searchAll({}, byId), all)
    assert.deepEqual(await model.getAll(['a', 'b']), all)
    assert.deepEqual(await db.all('SELECT "on", list FROM m ORDER BY id'), [
      { on: 0, list: null },
      { on: 1, list: 'x,y' },
    ])
    assert.deepEqual([await model.count({ on: false }), await model.count({ on: true })], [1, 1])
    assert.deepEqual(await model.searchAll({ id: 'a' }, { cols: ['on', 'list', 'deep'] }), [
      { on: false, list: [], x: { deep: 'none' } },
    ])
    assert.deepEqual(await model.update({ id: 'b', on: null, list: null }), {
      ...all[1],
      on: false,
      list: [],
    })
    assert.deepEqual(await model.update({ id: 'b', more: 1 }, true), {
      ...all[1],
      on: false,
      list: [],
      more: 1,
    })
    assert.doesNotMatch((await db.get("SELECT json FROM m WHERE id = 'b'")).json, /nothing/)
  }),
)

test('an event that changes something else says nothing of a column with functions of its own', async () => {
  const { on, list } = forNothing
  const es = new EventSourcingDB({
    models: { m: { columns: { on, list, n: { type: 'INTEGER' } } } },
  })
  const { m } = es.store
  await m.set({ id: 'a', on: true, list: ['x'], n: 1 })
  assert.deepEqual(await m.update({ id: 'a', other: 1 }), {
    id: 'a',
    on: true,
    list: ['x'],
    n: 1,
    other: 1,
  })
  assert.deepEqual(await m.update('a', { $inc: { n: 1 } }), {
    id: 'a',
    on: true,
    list: ['x'],
    n: 2,
    other: 1,
  })
  assert.equal((await m.update({ id: 'a', on: null })).on, false)
  const { items } = await es.queue.search({ type: 'es/m' })
  assert.deepEqual(
    items.slice(1).map(({ data }) => data[2]),
    [{ id: 'a', other: 1 }, { $inc: { n: 1 } }, { id: 'a', on: 0 }],
  )
  await es.close()
})

test(
  'what is stored goes through stringify once: changing something else leaves it alone',
  withModel({ secret: { type: 'TEXT', stringify: v => v && `#${v}` } }, async model => {
    assert.equal((await model.set({ id: 'a', secret: 'x' })).secret, '#x')
    for (const upsert of [false, true])
      assert.equal((await model.update({ id: 'a', n: 1 }, upsert)).secret, '#x')
    assert.equal((await model.update('a', { $inc: { n: 1 } })).secret, '#x')
    assert.deepEqual(await model.update({ id: 'b', secret: 'y', gone: null }, true), {
      id: 'b',
      secret: '#y',
    })
    assert.deepEqual(await model.update({ id: 'a', secret: null, n: 3 }, true), { id: 'a', n: 3 })
  }),
)

test(
  'functions of a JSON column read and write its text',
  withModel(
    {
      size: { type: 'JSON', parse: text => (text ? Object.keys(JSON.parse(text)).length : -1) },
      set: { type: 'JSON', stringify: value => JSON.stringify([...(value ?? [])]) },
      odd: { type: 'JSON', stringify: value => value && `<${value}>` },
    },
    async (model, db) => {
      await model.set([{ id: 'a', size: { x: 1, y: 2 }, set: new Set([1]), odd: 5 }, { id: 'b' }])
      assert.deepEqual(await model.searchAll({}, byId), [
        { id: 'a', size: 2, set: [1], odd: '<5>' },
        { id: 'b', size: -1, set: [] },
      ])
      assert.deepEqual(await db.all('SELECT "set" FROM m ORDER BY id'), [
        { set: '[1]' },
        { set: '[]' },
      ])
      assert.equal(await model.count({ set: new Set([1]) }), 1)
    },
  ),
)

test(
  'chosen columns lie at their paths, json is the rest of the document, and ItemClass makes the rows',
  withModel(
    { a: { type: 'TEXT', path: 'x.a' }, b: { path: 'x.b' }, c: { type: 'INTEGER' } },
    async model => {
      await model.set([{ id: 'a', x: { a: 'A', b: 'B', o: 1 }, c: 1, free: true }, { id: 'b' }])
      const rows = await model.searchAll({}, { cols: ['c', 'a', 'b'], ...byId })
      assert.deepEqual(
        rows.map(row => ({ ...row })),
        [{ c: 1, x: { a: 'A', b: 'B' } }, {}],
      )
      assert.ok(rows.every(row => row instanceof Item))
      assert.equal(rows[0].first, 'A')
      const rest = await model.searchAll({}, { cols: ['id', 'json'], ...byId })
      assert.deepEqual(
        rest.map(row => ({ ...row })),
        [{ id: 'a', x: { b: 'B', o: 1 }, free: true }, { id: 'b' }],
      )
    },
    { ItemClass: Item },
  ),
)

test(
  'getAll has nothing where nothing is asked for',
  withModel({ n: { type: 'INTEGER' } }, async model => {
    await model.set([
      { id: 'a', n: 1 },
      { id: 'b', n: 2 },
    ])
    const ids = async (...asked) => (await model.getAll(...asked)).map(doc => doc?.id)
    assert.deepEqual(await ids([null, 'b', undefined, 'a']), [undefined, 'b', undefined, 'a'])
    assert.deepEqual(await ids([null, undefined]), [undefined, undefined])
    assert.deepEqual(await ids([2, null], 'n'), ['b', undefined])
  }),
)

test(
  'a model says its columns in SQL, and makes documents of their rows, also as functions of their own',
  withModel(
    {
      n: { type: 'INTEGER' },
      v: {},
      "it's": { path: "o.it's" },
      j: { type: 'JSON' },
      k: { path: 'j.k[0].l' },
      s: { sql: 'upper(tbl.id)' },
    },
    async (model, db) => {
      const docs = [
        { id: 'a', n: 1, v: 'V', o: { "it's": 2 }, j: { k: [{ l: 3 }] } },
        { id: 'b', j: {} },
      ]
      await model.set(docs)
      const from = `FROM ${model.quoted} tbl ORDER BY ${model.idColQ}`
      const { toObj, parseRow, columns } = model
      assert.deepEqual(await db.all(`SELECT ${model.selectColsSql} ${from}`).then(toObj), docs)
      assert.deepEqual((await db.all(`SELECT ${model.selectColsSql} ${from}`)).map(parseRow), docs)
      assert.deepEqual(
        [model.selectColNames, model.selectColAliases],
        [
          ['id', 'n', 'j', 'json'],
          ['_i', '_0', '_3', '_j'],
        ],
      )
      const names = ['n', 'v', "it's", 'k', 's']
      const row = await db.get(`SELECT ${names.map(name => columns[name].sql)} ${from}`)
      assert.deepEqual(Object.values(row), [1, 'V', 2, 3, 'A'])
      assert.deepEqual(await db.get(`SELECT ${columns.v.select}, ${columns.s.select} ${from}`), {
        _1: 'V',
        _5: 'A',
      })
      assert.equal(await model.count({}, { where: { [`${columns.k.sql} = ?`]: [3] } }), 1)
    },
  ),
)

test(
  'the statement of makeSelect gives as many rows as were asked for',
  withModel({ n: { type: 'INTEGER' } }, async (model, db) => {
    await model.set([1, 2, 3, 4].map(n => ({ id: `${n}`, n })))
    for (const options of [
      { limit: 2 },
      { limit: 2, offset: 1, sort: { n: -1 } },
      { limit: 2, noCursor: true },
    ]) {
      const [sql, values] = model.makeSelect(options)
      assert.equal(model.toObj(await db.all(sql, values)).length, 2)
    }
    assert.equal((await model.search({}, { limit: 2 })).items.length, 2)
  }),
)

test(
  'each goes through all pages whatever is said of cursors, and an offset of 0 is none',
  withModel({ n: { type: 'INTEGER' } }, async model => {
    await model.set([1, 2, 3].map(n => ({ n })))
    for (const options of [{ noCursor: true }, { offset: 0, cursor: undefined, distinct: false }])
      assert.equal(await model.each({}, { batchSize: 2, ...options }, () => {}), 3)
    await assert.rejects(
      model.each({}, { offset: 1 }, () => {}),
      /offset is not an option/,
    )
  }),
)

test(
  'writes that nobody waits for keep their order',
  withModel({ n: { type: 'INTEGER' } }, async (model, db) => {
    await db.open()
    model.set({ id: 'a', n: 1 })
    assert.deepEqual(await model.update({ id: 'a', x: 1 }), { id: 'a', n: 1, x: 1 })
    model.set({ id: 'b' })
    assert.deepEqual(await model.remove('b'), { changes: 1 })
    model.set({ id: 'c', n: 5 })
    assert.equal(await model.removeWhere({ n: 5 }), 1)
    model.set({ id: 'd' })
    await db.run("UPDATE m SET n = 9 WHERE id = 'd'")
    assert.deepEqual(await model.get('d'), { id: 'd', n: 9 })
  }),
)

test('null is no option; names lose .db; values may be given one by one; call tells one line', async () => {
  const db = new DB({ file: null, name: null, onWillOpen: null, autoVacuum: null })
  assert.match(db.name, /^:memory:\|/)
  const model = db.addModel(JsonModel, {
    name: 'm',
    columns: null,
    ItemClass: null,
    idCol: null,
    migrations: null,
  })
  assert.deepEqual(await model.set({ id: 'a' }), { id: 'a' })
  assert.match(new SQLite({ file: 'some/where/shop.db' }).name, /^shop\|\d+$/)
  const calls = []
  db.on('call', ({ query }) => calls.push(query))
  assert.deepEqual(await db.get('SELECT ? AS a,\n   ? AS b', 5, 'x'), { a: 5, b: 'x' })
  assert.deepEqual(calls, ['SELECT ? AS a, ? AS b'])
  await db.userVersion(7)
  assert.equal(await db.userVersion(null), 7)
  await db.close()
})
