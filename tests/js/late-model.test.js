// Models that are added to an open database, and the name that a database has of itself.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { DB, JsonModel } from 'tidelog'

test('a late model whose migration failed is tried again by its next call, and others work meanwhile', async () => {
  const db = new DB()
  const first = db.addModel(JsonModel, { name: 'a' })
  await first.set({ id: '1' })
  let fails = 2
  let ran = 0
  const late = db.addModel(JsonModel, {
    name: 'b',
    columns: { n: { type: 'INTEGER' } },
    migrations: {
      x: () => {
        ran += 1
        if (fails-- > 0) throw new Error('not yet')
      },
    },
  })
  const why = { message: /migration 'x b': not yet/ }
  await assert.rejects(late.set({ id: 'z', n: 1 }), why)
  assert.equal(await first.count(), 1)
  await db.withTransaction(async tx => {
    await assert.rejects(tx.store.b.get('z'), { code: 'UNKNOWN_MODEL' })
  })
  // trying again would wait for the transaction that it is in
  await db.withTransaction(async () => {
    await assert.rejects(late.get('z'), { code: 'UNKNOWN_MODEL' })
  })
  await assert.rejects(late.count(), why)
  await late.set({ id: 'z', n: 1 })
  assert.deepEqual(await late.searchAll({ n: 1 }), [{ id: 'z', n: 1 }])
  assert.equal(ran, 3)
  await db.close()
  assert.equal(await late.count(), 0)
  await db.close()
})

test('a late model that failed is live, and is there when the database opens anew', async () => {
  const db = new DB()
  const first = db.addModel(JsonModel, { name: 'a' })
  await first.set({ id: '1' })
  let fails = 1
  const migrations = {
    x: () => {
      if (fails-- > 0) throw new Error('not yet')
    },
  }
  const late = db.addModel(JsonModel, { name: 'b', migrations })
  await assert.rejects(late.all(), /not yet/)
  const rows = late.live()[Symbol.asyncIterator]()
  assert.deepEqual((await rows.next()).value, [])
  await rows.return()
  fails = 1
  const other = db.addModel(JsonModel, { name: 'c', migrations })
  await assert.rejects(other.all(), /not yet/)
  await db.close()
  assert.deepEqual(await other.all(), [])
  await db.close()
})

test('everybody who asks for the node id at once hears one name, and a given one stays', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'tidelog-node-'))
  const file = join(directory, 'a.db')
  const db = new DB({ file })
  const names = await Promise.all([
    db.getNodeId(),
    db.getNodeId(),
    db.transaction(tx => tx.getNodeId()),
  ])
  assert.equal(new Set(names).size, 1, names.join())
  await db.close()
  // given, and never asked for
  const named = new DB({ file, nodeId: 'other' })
  await named.open()
  await named.close()
  const again = new DB({ file })
  assert.equal(await again.getNodeId(), 'other')
  await again.close()
  const reader = new DB({ file, nodeId: 'third', readOnly: true })
  assert.equal(await reader.getNodeId(), 'third')
  await reader.close()
  assert.equal(await new DB({ file, readOnly: true }).getNodeId(), 'other')
  rmSync(directory, { recursive: true })
})

test("a driftdb file's node id is the database's", async () => {
  const directory = mkdtempSync(join(tmpdir(), 'tidelog-node-'))
  const file = join(directory, 'd.db')
  const made = new DB({ file })
  await made.exec(
    "CREATE TABLE _driftdb_meta (key TEXT PRIMARY KEY, value TEXT NOT NULL); INSERT INTO _driftdb_meta VALUES ('nodeId', 'abc123abc123')",
  )
  await made.close()
  const db = new DB({ file })
  assert.equal(await db.getNodeId(), 'abc123abc123')
  await db.close()
  const named = new DB({ file, nodeId: 'mine' })
  assert.equal(await named.getNodeId(), 'mine')
  await named.close()
  const again = new DB({ file })
  assert.equal(await again.getNodeId(), 'mine')
  await again.close()
  rmSync(directory, { recursive: true })
})

test('a live query hears of other tables that its columns read', async () => {
  const db = new DB()
  const k = db.addModel(JsonModel, {
    name: 'k',
    columns: {
      c: { sql: '(SELECT count(*) FROM s WHERE s.id = tbl.id)', get: true },
    },
  })
  const l = db.addModel(JsonModel, {
    name: 'l',
    columns: {
      has: { where: 'EXISTS (SELECT 1 FROM s WHERE s.id = tbl.id AND s.id = ?)' },
    },
  })
  const s = db.addModel(JsonModel, { name: 's' })
  await k.set({ id: 'a' })
  await l.set({ id: 'a' })
  const [all, some] = [k.live(), l.live({ has: 'a' })].map(rows => rows[Symbol.asyncIterator]())
  assert.deepEqual((await all.next()).value, [{ id: 'a', c: 0 }])
  assert.deepEqual((await some.next()).value, [])
  const next = Promise.all([all.next(), some.next()])
  await s.set({ id: 'a' })
  const heard = await Promise.race([next, new Promise(go => setTimeout(go, 2000, 'nothing'))])
  assert.notEqual(heard, 'nothing')
  assert.deepEqual(
    heard.map(({ value }) => value),
    [[{ id: 'a', c: 1 }], [{ id: 'a' }]],
  )
  await db.close()
})

test('a live query of one table stays asleep when others are written', async () => {
  const db = new DB()
  const columns = { n: { sql: "tbl.id || ' is selected'", get: true } }
  const k = db.addModel(JsonModel, { name: 'k', columns })
  const s = db.addModel(JsonModel, { name: 's' })
  await k.set({ id: 'a' })
  const search = db._engine.search.bind(db._engine)
  let searched = 0
  db._engine.search = (...args) => {
    searched += 1
    return search(...args)
  }
  const rows = k.live()[Symbol.asyncIterator]()
  await rows.next()
  const next = rows.next()
  for (let i = 0; i < 5; i++) await s.set({ id: String(i) })
  await k.set({ id: 'b' })
  assert.equal((await next).value.length, 2)
  assert.equal(searched, 2)
  await db.close()
})
