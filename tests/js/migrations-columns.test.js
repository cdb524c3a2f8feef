// Tables that follow their definitions, and migrations that rename, drop and retype columns, in
// real files.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { EventSourcingDB } from 'tidelog'
import { all, file, indexes, using } from './migrating.js'

test('a column is renamed, dropped and given other values by migrations', async () => {
  const name = file()
  const before = {
    docs: {
      columns: {
        old: { type: 'TEXT', index: 'ALL' },
        size: { type: 'TEXT' },
        gone: { real: true },
      },
    },
  }
  await using(name, before, db =>
    db.store.docs.set([
      { id: '1', old: 'x', size: '12 kg', gone: 1, deep: { a: 1 } },
      { id: '2', size: '7 kg', rest: true },
      { id: '3', old: 'y', new: 'was there' },
    ]),
  )
  const counts = []
  const migrations = {
    async a({ model }) {
      counts.push(await model.renameColumn('old', 'new'))
      counts.push(await model.dropColumn('gone'))
      counts.push(await model.retypeColumn('size', size => Number.parseInt(size, 10)))
      counts.push(await model.renameColumn('deep.a', 'deep.b'))
      await assert.rejects(async () => model.dropColumn('id'), TypeError)
    },
  }
  const columns = { new: { type: 'TEXT', index: 'ALL' }, size: { type: 'INTEGER' } }
  await using(name, { docs: { columns, migrations } }, async db => {
    assert.deepEqual(await all(db), [
      { id: '1', new: 'x', size: 12, deep: { b: 1 } },
      { id: '2', size: 7, rest: true },
      { id: '3', new: 'was there', old: 'y' },
    ])
    assert.deepEqual(await db.store.docs.searchAll({ new: 'x' }), [
      { id: '1', new: 'x', size: 12, deep: { b: 1 } },
    ])
    assert.deepEqual(await indexes(db), ['docs_new'])
  })
  assert.deepEqual(counts, [1, 1, 2, 1])
})

test('another version of a column rewrites its rows through its functions, and tells how far it is', async () => {
  const name = file()
  let factor = 1
  const docs = version => ({
    columns: { double: { type: 'INTEGER', version, value: doc => doc.n * factor } },
  })
  await using(name, { docs: docs(1) }, db =>
    db.store.docs.set(Array.from({ length: 450 }, (_, n) => ({ id: `${n}`, n }))),
  )
  factor = 2
  await using(name, { docs: docs(1) }, async db =>
    assert.equal((await db.store.docs.get('7')).double, 7),
  )
  const told = []
  await using(
    name,
    { docs: docs(2) },
    async db => assert.equal((await db.store.docs.get('7')).double, 14),
    {
      onProgress: step => told.push(step),
    },
  )
  assert.deepEqual(told, [
    { phase: 'versions', model: 'docs', done: 200, total: 450 },
    { phase: 'versions', model: 'docs', done: 400, total: 450 },
    { phase: 'versions', model: 'docs', done: 450, total: 450 },
  ])
})

test('tables follow their definitions, and each step is told', async () => {
  const name = file()
  const docs = Array.from({ length: 1200 }, (_, i) => ({
    id: `${i}`.padStart(4, '0'),
    a: `${i}`,
    b: { c: i },
  }))
  await using(name, { docs: { columns: { a: { index: 'ALL' }, b: { type: 'JSON' } } } }, db =>
    db.store.docs.set(docs),
  )
  const told = []
  const columns = { a: { type: 'TEXT', index: 'ALL' }, c: { path: 'b.c', index: 'ALL' } }
  const onProgress = step => told.push([step.phase, step.done, step.total])
  await using(
    name,
    { docs: { columns } },
    async db => {
      assert.deepEqual(await all(db), docs)
      assert.equal((await db.store.docs.searchOne({ a: '7' })).id, '0007')
      assert.equal((await db.store.docs.searchOne({ c: 9 })).id, '0009')
    },
    { onProgress },
  )
  const columnsTold = [500, 1000, 1200].map(done => ['columns', done, 1200])
  assert.deepEqual(told, [...columnsTold, ['indexes', 1, 2], ['indexes', 2, 2]])
  told.length = 0
  await using(name, { docs: { columns } }, () => {}, { onProgress })
  assert.deepEqual(told, [], 'nothing is done twice')
})

test('a table that events own is made anew from the log when its shape is another one', async () => {
  const name = file()
  let runs = 0
  const open = columns =>
    new EventSourcingDB({
      file: name,
      models: {
        docs: {
          columns,
          reducer: () => {
            runs += 1
          },
        },
      },
    })
  let db = open({ a: { index: 'ALL' } })
  await db.store.docs.set([
    { id: '1', a: 'x' },
    { id: '2', a: 'x' },
  ])
  await db.close()
  runs = 0
  db = open({ a: { type: 'TEXT', index: 'ALL', unique: true } })
  await db.open()
  assert.equal(runs, 2, 'both events ran again')
  assert.deepEqual(
    await db.store.docs.all(),
    [{ id: '1', a: 'x' }],
    'the second breaks what is declared now',
  )
  await db.close()
  runs = 0
  db = open({ a: { type: 'TEXT', index: 'ALL', unique: true } })
  await db.open()
  assert.equal(runs, 0)
  await db.close()
})

const bytes = new Uint8Array([1, 2])
for (const [from, to, given, seen, fn, made] of [
  ['TEXT', 'DATE', '2020-01-01', '2020-01-01', value => new Date(value), new Date('2020-01-01')],
  ['TEXT', 'BIGINT', '9007199254740993', '9007199254740993', BigInt, 9007199254740993n],
  ['TEXT', 'BLOB', 'ab', 'ab', value => new TextEncoder().encode(value), new Uint8Array([97, 98])],
  ['JSON', 'TEXT', { a: [1] }, { a: [1] }, JSON.stringify, '{"a":[1]}'],
  ['BLOB', 'TEXT', bytes, bytes, value => value.join(), '1,2'],
  ['BIGINT', 'TEXT', 2n ** 62n, 2n ** 62n, String, '4611686018427387904'],
  [
    'DATE',
    'TEXT',
    new Date(5),
    new Date(5),
    value => value.toISOString(),
    '1970-01-01T00:00:00.005Z',
  ],
  ['INTEGER', 'TEXT', 2n ** 62n, 2n ** 62n, value => `${value}n`, '4611686018427387904n'],
  [
    undefined,
    'DATE',
    new Date(5),
    '1970-01-01T00:00:00.005Z',
    value => new Date(value),
    new Date(5),
  ],
  ['virtual', 'TEXT', [1, 'b'], [1, 'b'], value => value.join(), '1,b'],
]) {
  test(`a column of type ${from} becomes one of type ${to} by a migration that sees the old values`, async () => {
    const name = file()
    const column = from === 'virtual' ? {} : { type: from }
    const before = { docs: { columns: from ? { d: column } : {} } }
    const rest = { own: true, other: '2020' }
    await using(name, before, db =>
      db.store.docs.set([
        { id: '1', d: given, ...rest },
        { id: '2', other: 'x' },
      ]),
    )
    const columns = { d: { type: to, index: true }, other: { type: 'TEXT', index: true } }
    const unfit = { r: () => {} }
    if (from !== 'DATE')
      await assert.rejects(using(name, { docs: { columns, migrations: unfit } }), {
        code: 'BAD_VALUE',
      })
    await using(name, before, async db =>
      assert.deepEqual((await all(db))[0], { id: '1', d: seen, ...rest }),
    )
    const values = []
    const r = ({ model }) =>
      model.retypeColumn('d', (value, doc) => {
        values.push(value, doc.d)
        return fn(value)
      })
    for (let i = 0; i < 2; i++) {
      await using(name, { docs: { columns, migrations: { r } } }, async db => {
        assert.deepEqual(await all(db), [
          { id: '1', d: made, ...rest },
          { id: '2', other: 'x' },
        ])
        assert.equal(await db.store.docs.count({ d: made }), 1)
        assert.deepEqual(await indexes(db), ['docs_d', 'docs_other'])
        const { t } = await db.get('SELECT type t FROM pragma_table_info(?) WHERE name = ?', [
          'docs',
          'd',
        ])
        assert.equal(t, { DATE: 'INTEGER', BIGINT: 'INTEGER', BLOB: 'BLOB', TEXT: 'TEXT' }[to])
      })
    }
    assert.deepEqual(values, [seen, seen])
  })
}

test('what a migration gives a retyped column must be of its type', async () => {
  const name = file()
  await using(name, { docs: { columns: { d: { type: 'TEXT' } } } }, db =>
    db.store.docs.set({ id: '1', d: 'x' }),
  )
  const migrations = { r: ({ model }) => model.retypeColumn('d', () => 'still text') }
  const open = using(name, { docs: { columns: { d: { type: 'DATE' } }, migrations } })
  await assert.rejects(open, /docs.retypeColumn: 'd' is a string, not a Date or milliseconds/)
})
