// Migrations of the application and the tables that follow their definitions, in one transaction,
// in a real file.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { DB, EventSourcingDB, JsonModel } from 'tidelog'

const directory = mkdtempSync(join(tmpdir(), 'tidelog-test-'))
after(() => rmSync(directory, { recursive: true }))
let files = 0
const file = () => join(directory, `${++files}.db`)

/** Opens `name` with models, lets `fn` work, closes it. */
async function using(name, models, fn = () => {}, options = {}) {
  const db = new DB({ file: name, ...options })
  for (const [model, definition] of Object.entries(models))
    db.addModel(JsonModel, { name: model, ...definition })
  try {
    await db.open()
    return await fn(db)
  } finally {
    await db.close()
  }
}

const all = db => db.store.docs.all()
const indexes = async db =>
  (
    await db.all(
      "SELECT name FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL ORDER BY name",
    )
  ).map(row => row.name)

test('migrations run once ever, in the order of their keys as strings over all models', async () => {
  const seen = []
  const note = name => args => void seen.push([name, Object.keys(args).sort().join()])
  const name = file()
  const open = async () => {
    const db = new DB({
      file: name,
      migrations: [{ runKey: '1 first', up: db => void seen.push(['first', typeof db.exec]) }],
    })
    db.addModel(JsonModel, {
      name: 'b',
      migrations: { 10: note('b10'), 9: false, x: { up: note('bx') } },
    })
    db.addModel(JsonModel, {
      name: 'a',
      migrations: { 10: note('a10'), 2: note('a2') },
      migrationOptions: { z: 1 },
    })
    db.registerMigrations('group', { 3: ({ db }) => void seen.push(['group', db !== undefined]) })
    assert.throws(() => db.registerMigrations('bad', { x: {} }), TypeError)
    await db.open()
    assert.throws(() => db.registerMigrations('late', { x() {} }), /migrations already done/)
    return db
  }
  const db = await open()
  assert.deepEqual(seen, [
    ['first', 'function'],
    ['a10', 'db,model,z'],
    ['b10', 'db,model'],
    ['a2', 'db,model,z'],
    ['group', true],
    ['bx', 'db,model'],
  ])
  const kept = await db.all('SELECT runKey, ts, up FROM "{sdb} migrations"')
  assert.deepEqual(
    kept.map(row => row.runKey),
    ['1 first', '10 a', '10 b', '2 a', '3 group', 'x b'],
  )
  assert.ok(kept.every(row => row.up === 1 && Math.abs(row.ts - Date.now() / 1000) < 100))
  await db.close()
  await (await open()).close()
  assert.equal(seen.length, 6)
})

test('in a migration models are bound to its transaction and can use each other', async () => {
  const db = new DB({ onBeforeMigrations: tx => tx.exec('CREATE TABLE own(a)') })
  const docs = db.addModel(JsonModel, {
    name: 'docs',
    migrations: {
      async fill({ db: tx, model }) {
        assert.notEqual(model, docs)
        assert.equal(model.db, tx)
        assert.equal(tx.store.docs, model)
        await model.set({ id: 'a' })
        await tx.store.other.set({ id: 'b', docs: await model.count() })
        await tx.run('INSERT INTO own VALUES (1)')
        await tx.withTransaction(() => tx.store.other.set({ id: 'c' }))
      },
    },
  })
  db.addModel(JsonModel, { name: 'other' })
  assert.equal(await docs.count(), 1)
  assert.deepEqual(await db.store.other.all(), [{ id: 'b', docs: 1 }, { id: 'c' }])
  await db.close()
})

test('a migration that fails undoes everything and fails the open, which can be tried again', async () => {
  const name = file()
  await using(name, { docs: { columns: { a: { type: 'TEXT' } } } }, db =>
    db.store.docs.set({ id: '1', a: '5' }),
  )
  let fail = true
  const db = new DB({ file: name })
  const docs = db.addModel(JsonModel, {
    name: 'docs',
    columns: { a: { type: 'INTEGER', index: 'ALL' }, b: { real: true } },
    migrations: {
      async x({ model, db }) {
        await model.set({ id: '2' })
        await db.exec('CREATE TABLE left(a)')
        if (fail) throw new Error('not yet')
      },
    },
  })
  for (let i = 0; i < 2; i++) await assert.rejects(docs.count(), /migration 'x docs': not yet/)
  assert.equal(db.isOpen, false)
  await using(name, {}, async plain => {
    const tables = await plain.all(
      "SELECT sql FROM sqlite_schema WHERE name IN ('docs', 'left', 'docs_a')",
    )
    assert.deepEqual(
      tables.map(t => t.sql.includes('"a" TEXT')),
      [true],
    )
    assert.deepEqual(await plain.all('SELECT id FROM docs'), [{ id: '1' }])
  })
  fail = false
  assert.deepEqual(await docs.all(), [{ id: '1', a: 5 }, { id: '2' }])
  await db.close()
})

test('a migration can make room for a unique index, which fails the open without it', async () => {
  const name = file()
  const plain = { docs: { columns: { email: { type: 'TEXT' } } } }
  await using(name, plain, db =>
    db.store.docs.set(['a', 'b', 'c'].map(id => ({ id, email: id === 'c' ? 'c' : 'x' }))),
  )
  const columns = { email: { type: 'TEXT', index: 'ALL', unique: true } }
  await assert.rejects(using(name, { docs: { columns } }), { code: 'SQLITE_CONSTRAINT_UNIQUE' })
  const dedupe = async ({ model }) => {
    const seen = new Set()
    for (const doc of await model.all()) {
      if (seen.has(doc.email)) await model.remove(doc.id)
      seen.add(doc.email)
    }
  }
  await using(name, { docs: { columns, migrations: { dedupe } } }, async db => {
    assert.equal(await db.store.docs.count(), 2)
    assert.deepEqual(await indexes(db), ['docs_email'])
    await assert.rejects(db.store.docs.set({ id: 'd', email: 'c' }), {
      code: 'SQLITE_CONSTRAINT_UNIQUE',
    })
  })
})

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

test('a model is removed by a migration, and stays without one', async () => {
  const name = file()
  await using(name, { docs: {}, old: {} }, db => db.store.old.set({ id: 'a' }))
  await using(name, { docs: {} }, async db =>
    assert.deepEqual(await db.get('SELECT id FROM old'), { id: 'a' }),
  )
  const removed = []
  const migrations = {
    async x({ db }) {
      removed.push(await db.removeModel('old'), await db.removeModel('old'))
      await assert.rejects(db.removeModel('docs'), {
        code: 'DUPLICATE_MODEL',
        message: /'docs' is declared/,
      })
    },
  }
  await using(name, { docs: { migrations } }, async db =>
    assert.rejects(db.get('SELECT * FROM old'), /no such table/),
  )
  assert.deepEqual(removed, [true, false])
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

test('a model added late is migrated as well, and a failure there leaves the others alone', async () => {
  const db = new DB()
  await db.open()
  const migrations = { seed: ({ model }) => model.set({ id: 'a' }) }
  const late = db.addModel(JsonModel, { name: 'late', migrations })
  assert.equal(await late.count(), 1)
  const bad = db.addModel(JsonModel, {
    name: 'bad',
    migrations: {
      x() {
        throw new Error('not this one')
      },
    },
  })
  await assert.rejects(bad.count(), /not this one/)
  assert.equal(await late.count(), 1)
  await db.close()
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

test('a process killed in the middle of a migration leaves the database as it was', async () => {
  const name = file()
  const before = { docs: { columns: { a: { type: 'TEXT' } } } }
  const docs = Array.from({ length: 600 }, (_, i) => ({
    id: `${i}`.padStart(4, '0'),
    a: `${i}`,
    old: 'x',
  }))
  await using(name, before, db => db.store.docs.set(docs))
  const child = spawn(process.execPath, [join(import.meta.dirname, 'migration-kill.js'), name])
  const [said] = await once(child.stdout, 'data')
  assert.match(String(said), /here/)
  child.kill('SIGKILL')
  await once(child, 'exit')
  await using(name, before, async db => {
    assert.deepEqual(await all(db), docs)
    await assert.rejects(db.get('SELECT * FROM made'), /no such table/)
    assert.deepEqual(await db.get('PRAGMA integrity_check'), { integrity_check: 'ok' })
  })
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
