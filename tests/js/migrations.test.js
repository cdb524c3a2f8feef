// Migrations of the application: when they run, in whose transaction, and what a failure undoes.
// Columns that change: migrations-columns.test.js. In a real file.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { test } from 'node:test'
import { DB, JsonModel } from 'tidelog'
import { all, file, indexes, using } from './migrating.js'

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
