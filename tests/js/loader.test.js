// getCached and its loader: what is asked for together is read together, once, and forgotten when
// told.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DB, JsonModel } from 'tidelog'

class Counting extends JsonModel {
  batches = []
  async getAll(ids, colName) {
    this.batches.push(ids.length)
    if (this.fail) throw new Error('no')
    return super.getAll(ids, colName)
  }
}
const open = async columns => {
  const db = new DB()
  const docs = db.addModel(Counting, { name: 'docs', columns })
  await docs.set(Array.from({ length: 250 }, (_, i) => ({ id: i, n: i % 10 })))
  return [db, docs]
}

test('one turn is read in batches of a hundred, each document once', async () => {
  const [db, docs] = await open({ id: { type: 'INTEGER' } })
  const cache = {}
  const ids = Array.from({ length: 250 }, (_, i) => i)
  const all = await Promise.all([...ids, ...ids].map(id => docs.getCached(cache, id)))
  assert.deepEqual(docs.batches, [100, 100, 50])
  assert.deepEqual(all[7], { id: 7, n: 7 })
  assert.equal(all[7], all[257], 'the same object')
  assert.equal(await docs.getCached(cache, '7'), all[7], 'ids are the same as text')
  assert.equal(await docs.getCached(cache, 999), undefined)
  assert.equal(await docs.getCached(cache, 999), undefined)
  assert.deepEqual(docs.batches, [100, 100, 50, 1], 'a miss is remembered')
  assert.deepEqual(Object.keys(cache), ['_DL_docs_id'])
  await db.close()
})

test('a cache forgets what it is told to: 0 and empty text are ids', async () => {
  const [db, docs] = await open()
  const cache = {}
  const old = await docs.getCached(cache, '0')
  await docs.set({ id: '0', n: 'new' })
  assert.equal(await docs.getCached(cache, '0'), old)
  docs.clearCache(cache, '')
  assert.equal(await docs.getCached(cache, '0'), old)
  docs.clearCache(cache, '0')
  assert.equal((await docs.getCached(cache, '0')).n, 'new')
  docs.clearCache(cache).prime('0', 'primed').prime('0', 'twice')
  assert.equal(await docs.getCached(cache, '0'), 'primed')
  assert.equal((await docs.getCached(undefined, '0')).n, 'new', 'no cache reads')
  assert.throws(() => docs.clearCache(), TypeError)
  await assert.rejects(docs.getCached(cache), TypeError)
  await db.close()
})

test('columns have caches of their own, and failures are not kept', async () => {
  const [db, docs] = await open({ n: { index: true } })
  const cache = {}
  const [a, b] = await Promise.all([
    docs.getCached(cache, 3, 'n'),
    docs.getCached(cache, '3', 'id'),
  ])
  assert.equal(a.n, 3)
  assert.equal(b.id, '3')
  docs.fail = true
  await assert.rejects(docs.getCached(cache, 4, 'n'), /no/)
  docs.fail = false
  assert.equal((await docs.getCached(cache, 4, 'n')).n, 4)
  await assert.rejects(docs.getCached(cache, 4, 'm'), /no column 'm': did you mean/)
  await db.close()
})

test('inside a transaction a cache is read past: what may be undone is not remembered, nor the transaction', async () => {
  const [db, docs] = await open({ id: { type: 'INTEGER' } })
  const [early, cache] = [{}, {}]
  assert.equal((await docs.getCached(early, 1)).n, 1)
  const undone = db.withTransaction(async tx => {
    const inside = tx.store.docs
    await inside.set([{ id: 1, n: 'new' }, { id: 999 }])
    assert.equal((await inside.getCached(early, 1)).n, 'new')
    assert.deepEqual(await inside.getCached(cache, 999), { id: 999 })
    inside.clearCache(early, 2)
    await tx.withTransaction(async part => assert.ok(await part.store.docs.getCached({}, 999)))
    assert.equal(inside.clearCache(cache), docs.clearCache(cache))
    throw new Error('undo')
  })
  await assert.rejects(undone, /undo/)
  assert.equal(await docs.getCached(cache, 999), undefined)
  assert.deepEqual(await docs.getCached(cache, 3), { id: 3, n: 3 })
  assert.equal((await docs.getCached(early, 1)).n, 1)
  await db
    .withTransaction(async () => {
      await docs.set({ id: 4, n: 'joined' })
      assert.equal((await docs.getCached(cache, 4)).n, 'joined')
      throw new Error('undo')
    })
    .catch(error => assert.match(error.message, /undo/))
  assert.equal((await docs.getCached(cache, 4)).n, 4)
  await db.close()
})

test('a hook may use the cache of the application', async () => {
  const cache = {}
  const db = new DB({ onDidOpen: child => child.store.docs.getCached(cache, 'a') })
  const docs = db.addModel(JsonModel, { name: 'docs' })
  await db.open()
  await docs.set({ id: 'a' })
  assert.deepEqual(await docs.getCached(cache, 'a'), { id: 'a' })
  await db.close()
})
