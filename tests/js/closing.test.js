// Operations under way when a database is closed: they finish, and close() waits for them.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { DB, EventSourcingDB, JsonModel } from 'tidelog'

const dir = mkdtempSync(join(tmpdir(), 'tidelog-closing-'))
after(() => rmSync(dir, { recursive: true, force: true }))
let files = 0
const newFile = () => join(dir, `${files++}.db`)
const sleep = ms => new Promise(go => setTimeout(go, ms))

const MODELS = {
  plain: {},
  computed: {
    v: {
      value: async () => {
        await sleep(20)
        return 1
      },
    },
  },
  slugs: { s: { slugValue: doc => doc.id, index: true } },
}
/** Everything that can be under way, begun and not awaited. */
const calls = (db, model) => ({
  set: model.set({ id: 'a' }),
  many: model.set([{ id: 'b' }, { id: 'c' }]),
  upsert: model.update({ id: 'd' }, true),
  get: model.get('old'),
  getAll: model.getAll(['old']),
  cached: model.getCached({}, 'old'),
  search: model.search({ id: 'old' }),
  searchOne: model.searchOne({ id: 'old' }),
  count: model.count(),
  sum: model.sum('id'),
  exists: model.exists('old'),
  patch: model.update('old', { $set: { n: 1 } }),
  updateWhere: model.updateWhere({ id: 'old' }, { m: 1 }),
  made: model.updateWhere({ id: 'old' }, async doc => {
    await sleep(5)
    return { ...doc, made: true }
  }),
  removeWhere: model.removeWhere({ id: 'none' }),
  changeId: model.changeId('other', 'another'),
  remove: model.remove('nobody'),
  run: db.run('CREATE TABLE IF NOT EXISTS t (a)'),
  statement: db.prepare('SELECT 1').all(),
  exec: db.exec('SELECT 1'),
  version: db.userVersion(3),
  transaction: db.withTransaction(async tx => {
    await tx.store.k.set({ id: 'e' })
    await sleep(10)
    await tx.store.k.set({ id: 'f' })
  }),
})

for (const [name, columns] of Object.entries(MODELS)) {
  for (const [state, wasOpen] of Object.entries({ open: true, 'about to open': false })) {
    test(`close() waits for what runs on a model (${name}) of a database that is ${state}`, async () => {
      const file = newFile()
      const open = () => {
        const db = new DB({ file })
        return [db, db.addModel(JsonModel, { name: 'k', columns })]
      }
      const [first, old] = open()
      await old.set([{ id: 'old' }, { id: 'other' }])
      await first.close()
      const [db, model] = open()
      if (wasOpen) await db.open()
      const running = calls(db, model)
      const settled = Promise.allSettled(Object.values(running))
      await db.close()
      for (const [call, promise] of Object.entries(running))
        await assert.doesNotReject(
          Promise.race([promise, sleep(0).then(() => assert.fail('runs'))]),
          call,
        )
      await settled
      assert.equal(db.isOpen, false)
      const [again, kept] = open()
      assert.deepEqual(
        (await kept.all()).map(({ id }) => id),
        ['a', 'another', 'b', 'c', 'd', 'e', 'f', 'old'],
      )
      assert.deepEqual((({ n, m, made }) => [n, m, made])(await kept.get('old')), [1, 1, true])
      assert.equal(await again.userVersion(), 3)
      await again.close()
    })
  }
}

test('what fails while the database closes fails with its own error, and close() goes on', async () => {
  const db = new DB()
  const model = db.addModel(JsonModel, {
    name: 'k',
    columns: {
      v: {
        value: async () => {
          await sleep(5)
          throw new Error('mine')
        },
      },
    },
  })
  await db.open()
  const failed = assert.rejects(model.set({ id: 'a' }), /mine/)
  await db.close()
  await failed
  assert.equal(db.isOpen, false)
})

test('a database of events finishes what was begun, and stays closed', async () => {
  const file = newFile()
  const slow = {
    v: {
      value: async () => {
        await sleep(10)
        return 1
      },
    },
  }
  const open = () => new EventSourcingDB({ file, models: { k: {}, slow: { columns: slow } } })
  const es = open()
  await es.open()
  const running = [
    es.store.k.set({ id: 'a' }),
    es.store.slow.set({ id: 'b' }),
    es.dispatch('es/k', [1, 'c', { id: 'c' }]),
    es.queue.add('other'),
  ]
  await es.close()
  assert.deepEqual((await Promise.all(running.slice(0, 2)))[1], { id: 'b', v: 1 })
  assert.equal(es.db.isOpen, false)
  const again = open()
  assert.deepEqual(
    (await again.store.k.all()).map(({ id }) => id),
    ['a', 'c'],
  )
  assert.equal(await again.queue.getMaxV(), 4)
  await again.close()
})

test('a model that was just added to an open database gets its table before that closes', async () => {
  const file = newFile()
  const db = new DB({ file })
  await db.open()
  const late = db.addModel(JsonModel, {
    name: 'late',
    migrations: { 1: ({ model }) => sleep(10).then(() => model.set({ id: 'a' })) },
  })
  await db.close()
  assert.equal(db._settling, undefined)
  const other = new DB({ file })
  assert.deepEqual(await other.all('SELECT id FROM late'), [{ id: 'a' }])
  await other.close()
  assert.deepEqual(await late.all(), [{ id: 'a' }])
  await db.close()
})

test('each goes on when its function closes the database', async () => {
  const db = new DB({ file: newFile() })
  const model = db.addModel(JsonModel, { name: 'k' })
  await model.set(Array.from({ length: 5 }, (_, i) => ({ id: String(i) })))
  assert.equal(await model.each({}, { batchSize: 2 }, () => db.close()), 5)
  await db.close()
})

test('what begins once it is closed opens it again', async () => {
  const db = new DB({ file: newFile() })
  const model = db.addModel(JsonModel, { name: 'k' })
  await model.set({ id: 'a' })
  await Promise.all([db.close(), db.close()])
  assert.deepEqual(await model.get('a'), { id: 'a' })
  assert.equal(db.isOpen, true)
  await db.close()
})
