// An application's SQL and what events own: refused wherever it is run, and nowhere else.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { DB, EventSourcingDB, JsonModel } from 'tidelog'

const dir = mkdtempSync(join(tmpdir(), 'tidelog-owned-'))
after(() => rmSync(dir, { recursive: true, force: true }))

const refused = {
  code: 'NOT_SUPPORTED',
  message:
    /SQL may not change the table 'seats': its rows are made from events alone.*: dispatch an event/,
}

test("SQL of the application cannot write an event-owned table, whichever way it's run", async () => {
  const es = new EventSourcingDB({ models: { seats: {} } })
  await es.store.seats.set({ id: 'a', n: 1 })
  const { db } = es
  const sql = 'DELETE FROM seats'
  const ways = {
    run: () => db.run(sql),
    tag: () => db.run`DELETE FROM seats WHERE id = ${'a'}`,
    exec: () => db.exec(`SELECT 1; ${sql}`),
    all: () => db.all(`${sql} RETURNING id`),
    get: () => db.get(`${sql} RETURNING id`),
    each: () => db.each(`${sql} RETURNING id`, () => {}),
    prepare: () => db.prepare(sql).run(),
    prepared: () => db.prepare(`${sql} RETURNING *`).all(),
    transaction: () => db.withTransaction(tx => tx.run(sql)),
    nested: () => db.withTransaction(tx => tx.withTransaction(part => part.exec(sql))),
    joined: () => db.withTransaction(async () => db.run(sql)),
    ofModel: () => es.store.seats.db.run(sql),
  }
  for (const [name, way] of Object.entries(ways)) {
    await assert.rejects(way(), refused, name)
    await assert.rejects(way(), refused, `${name}, again`)
  }
  // beside an open transaction, when reads go to the other connection
  let go
  const open = new Promise(begun => {
    db.withTransaction(async tx => {
      await tx.exec('CREATE TABLE mine(a)')
      begun()
      await new Promise(end => {
        go = end
      })
      await tx.run('INSERT INTO mine SELECT id FROM seats')
    })
  })
  await open
  const beside = assert.rejects(db.all(`${sql} RETURNING id`), refused)
  go()
  await beside
  assert.deepEqual(await db.all('SELECT a FROM mine'), [{ a: 'a' }])
  await assert.rejects(db.exec('DELETE FROM _log'), {
    code: 'NOT_SUPPORTED',
    message: /'_log'.*only read/,
  })
  assert.equal((await db.get('SELECT count(*) AS n FROM _log')).n, 1)
  assert.deepEqual(await es.store.seats.all(), [{ id: 'a', n: 1 }])
  await es.close()
})

test('a transaction goes on after what it caught, and the models of events are written as ever', async () => {
  const es = new EventSourcingDB({ models: { seats: {} } })
  const { db } = es
  await db.withTransaction(async tx => {
    await tx.exec('CREATE TABLE mine(a)')
    await assert.rejects(tx.exec('INSERT INTO mine VALUES (1); DELETE FROM seats'), refused)
    await tx.run('INSERT INTO mine VALUES (2)')
  })
  assert.deepEqual(await db.all('SELECT a FROM mine'), [{ a: 2 }])
  await es.store.seats.set({ id: 'a' })
  await es.store.seats.update({ id: 'a', n: 2 })
  await es.store.seats.remove('a')
  await es.rebuild()
  await db.exec('VACUUM')
  await db.vacuum()
  assert.equal(await es.store.seats.count(), 0)
  await es.close()
})

test('neither can hooks and migrations', async () => {
  const file = join(dir, 'hooks.db')
  const first = new EventSourcingDB({ file, models: { seats: {} } })
  await first.store.seats.set({ id: 'a' })
  await first.close()
  const sql = "UPDATE seats SET id = 'b'"
  const migrations = { 1: ({ db }) => db.run(sql) }
  for (const options of [
    { models: { seats: { migrations } } },
    { models: { seats: {} }, onDidOpen: db => db.run(sql) },
    { models: { seats: {} }, onBeforeMigrations: db => db.run(sql) },
    { models: { seats: {} }, onBeforeMigrations: db => db.exec('DROP TABLE seats') },
  ]) {
    const es = new EventSourcingDB({ file, ...options })
    await assert.rejects(es.open(), { ...refused })
    await es.close()
  }
  const es = new EventSourcingDB({
    file,
    models: { seats: {} },
    onBeforeMigrations: db => db.exec('CREATE INDEX mine ON seats(id); DROP INDEX mine'),
    onDidOpen: db => db.get('SELECT * FROM seats'),
  })
  assert.deepEqual(await es.store.seats.all(), [{ id: 'a' }])
  await es.close()
})

test('a deriver may write what events own by SQL, for it runs again with its event', async () => {
  const es = new EventSourcingDB({
    models: {
      seats: {
        deriver: async ({ model, event }) => {
          if (event.type !== 'all') return
          await model.db.run('INSERT INTO seats(id) VALUES (?)', [event.data])
          await assert.rejects(model.db.run('DELETE FROM _log'), { code: 'NOT_SUPPORTED' })
        },
      },
    },
  })
  await es.dispatch('all', 'x')
  await es.rebuild()
  assert.deepEqual(await es.store.seats.all(), [{ id: 'x' }])
  await assert.rejects(es.db.run('INSERT INTO seats(id) VALUES (?)', ['y']), refused)
  await es.close()
})

test('a trigger on a table of the application cannot either', async () => {
  const es = new EventSourcingDB({ models: { seats: {} } })
  await es.store.seats.set({ id: 'a' })
  await es.db.exec('CREATE TABLE mine(a); INSERT INTO mine VALUES (1)')
  const insert = es.db.prepare('INSERT INTO mine VALUES (?)')
  await insert.run([2])
  await es.db.exec('CREATE TRIGGER clears AFTER INSERT ON mine BEGIN DELETE FROM seats; END')
  await assert.rejects(insert.run([3]), {
    code: 'NOT_SUPPORTED',
    message: /by the trigger 'clears'/,
  })
  assert.equal((await es.db.get('SELECT count(*) AS n FROM mine')).n, 2)
  assert.equal(await es.store.seats.count(), 1)
  await es.close()
})

test("without events only the models' definitions are closed", async () => {
  const file = join(dir, 'plain.db')
  const db = new DB({
    file,
    migrations: [{ runKey: '1', up: db => db.exec('CREATE TABLE own(a)') }],
  })
  const model = db.addModel(JsonModel, { name: 'seats' })
  await model.set({ id: 'a' })
  await db.run('DELETE FROM seats')
  await db.exec('DELETE FROM "{sdb} migrations"; DROP TABLE own')
  await assert.rejects(db.run("DELETE FROM _models WHERE name = 'x'"), { code: 'NOT_SUPPORTED' })
  await db.exec('CREATE TABLE _log(a); INSERT INTO _log VALUES (1)')
  await db.close()
  // the migration runs again
  const again = new DB({
    file,
    migrations: [{ runKey: '1', up: db => db.exec('CREATE TABLE own(a)') }],
  })
  assert.deepEqual(await again.all('SELECT * FROM own'), [])
  await again.close()
})

test('no event writes a model that is local, whoever it is from', async () => {
  const es = new EventSourcingDB({
    models: {
      seats: {
        reducer: ({ event }) => event.type === 'sneak' && { notes: { set: [{ id: 'x' }] } },
      },
      logs: { reducer: ({ event }) => event.type === 'log' && { set: [{ id: 'x' }] } },
    },
  })
  const notes = es.db.addModel(JsonModel, { name: 'notes' })
  await notes.set({ id: 'n' })
  await assert.rejects(es.dispatch('es/notes', [1, 'x', { t: 1 }]), {
    code: 'BAD_VALUE',
    message: /no model has it/,
  })
  await es.dispatch('sneak')
  await es.dispatch('log')
  assert.deepEqual(await notes.all(), [{ id: 'n' }])
  assert.deepEqual(await es.store.logs.all(), [{ id: 'x' }])
  await es.close()
})

test('a column that was not read, or is not any more, keeps what its events said', async () => {
  const file = join(dir, 'aside.db')
  const open = column =>
    new EventSourcingDB({
      file,
      models: {
        k: { columns: { c: { type: 'INTEGER', index: true, value: doc => doc.x * 2, ...column } } },
      },
    })
  const aside = { get: false }
  let es = open(aside)
  await es.store.k.set({ id: 'a', x: 1 })
  await es.store.k.update('a', { $set: { x: 2 } })
  await es.close()
  for (const [column, read] of [
    [{}, { id: 'a', x: 2, c: 4 }],
    [aside, { id: 'a', x: 2 }],
  ]) {
    es = open(column)
    assert.deepEqual(await es.store.k.all(), [read])
    assert.equal(await es.store.k.count({ c: 4 }), 1)
    await es.close()
  }
  es = open({})
  await es.store.k.set({ id: 'b', x: 3 })
  await es.close()
  es = open(aside)
  assert.equal(await es.store.k.count({ c: 6 }), 1)
  await es.close()
})
