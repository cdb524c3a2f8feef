// JsonModel and DB, as an application uses them. The same file runs wherever the package does.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DB, JsonModel, SQLite, sql, TidelogError } from 'tidelog'

class Things extends JsonModel {
  constructor(options) {
    super({
      ...options,
      name: 'things',
      columns: { id: { type: 'INTEGER' }, count: { type: 'INTEGER', index: 'SPARSE' } },
    })
  }
}

const open = (Model = Things, options) => {
  const db = new DB()
  return [db, db.addModel(Model, options)]
}

test('the first example of the design runs as written', async () => {
  const db = new DB({ file: ':memory:' })
  db.addModel(Things)
  assert.deepEqual(await db.store.things.set({ id: 5, name: 'hi', count: 3 }), {
    id: 5,
    name: 'hi',
    count: 3,
  })
  const found = await db.store.things.search({ count: 3 })
  assert.deepEqual(found.items, [{ id: 5, name: 'hi', count: 3 }])
  assert.equal(found.total, 1)
  await db.close()
})

test('set replaces, update merges, remove removes', async () => {
  const [db, things] = open()
  await things.set({ id: 1, a: 1, b: 2 })
  assert.deepEqual(await things.update({ id: 1, b: undefined, count: 7 }), { id: 1, count: 7, a: 1 })
  assert.deepEqual(await things.get(1), { id: 1, count: 7, a: 1 })
  await things.set({ id: 1, c: 1 })
  assert.deepEqual(await things.get(1), { id: 1, c: 1 })
  assert.deepEqual(await things.remove(1), { changes: 1 })
  assert.deepEqual(await things.remove(1), { changes: 0 })
  assert.equal(await things.get(1), undefined)
  await assert.rejects(things.update({ id: 1 }), { code: 'ENOENT', name: 'TidelogError' })
  await db.close()
})

test('an integer id is counted up, another is made', async () => {
  const [db, things] = open()
  assert.deepEqual(await things.set({ a: 1 }), { id: 1, a: 1 })
  const texts = db.addModel(JsonModel, { name: 'texts' })
  const made = await texts.set({ a: 1 })
  assert.match(made.id, /^[0-9a-f-]{36}$/)
  assert.deepEqual(await texts.get(made.id), made)
  await db.close()
})

test('many documents are written all or none', async () => {
  const [db, things] = open()
  const made = await things.set([{ a: 1 }, { a: 2 }, { id: 9 }])
  assert.deepEqual(
    made.map(m => m.id),
    [1, 2, 9],
  )
  await assert.rejects(things.set([{ id: 20 }, { id: 9 }], true), { code: 'SQLITE_CONSTRAINT_PRIMARYKEY' })
  assert.equal(await things.count(), 3)
  await db.close()
})

test('searches sort, limit and count', async () => {
  const [db, things] = open()
  await things.set([5, 3, 9, 1].map(count => ({ count })))
  const counts = async (attrs, options) => (await things.searchAll(attrs, options)).map(t => t.count)
  assert.deepEqual(await counts({}, { sort: { count: 1 } }), [1, 3, 5, 9])
  assert.deepEqual(await counts({}, { sort: { count: -1 }, limit: 2, offset: 1 }), [5, 3])
  const page = await things.search({}, { limit: 2 })
  assert.equal(page.items.length, 2)
  assert.equal(page.total, 4)
  assert.deepEqual(await things.searchOne({ count: 9 }), { id: 3, count: 9 })
  assert.equal(await things.exists({ count: 2 }), false)
  assert.equal(await things.exists(1), true)
  await assert.rejects(things.search({ nope: 1 }), { code: 'UNKNOWN_COLUMN' })
  await db.close()
})

test('misuse is a TypeError that names the argument', async () => {
  const [db, things] = open()
  await assert.rejects(things.set(null), {
    name: 'TypeError',
    message: /things\.set: obj must be an object, not null/,
  })
  await assert.rejects(things.get(), { name: 'TypeError', message: /id must be/ })
  await assert.rejects(things.search({}, { limt: 1 }), { name: 'TypeError', message: /unknown options limt/ })
  await assert.rejects(things.search({}, { limit: -1 }), {
    name: 'TypeError',
    message: /limit must be a whole number/,
  })
  await assert.rejects(things.set({ big: 1n }), {
    name: 'TypeError',
    message: /'big' is a BigInt, which JSON cannot hold/,
  })
  assert.throws(() => new DB({ fil: 'x' }), { name: 'TypeError', message: /Unknown options fil/ })
  assert.throws(() => db.addModel({}), { name: 'TypeError', message: /Model/ })
  assert.throws(() => db.addModel(Things), { name: 'TypeError', message: /added already/ })
  const bad = { name: 'b', columns: { a: { typ: 'TEXT' } } }
  assert.throws(() => db.addModel(JsonModel, bad), {
    name: 'TypeError',
    message: /no key 'typ': did you mean 'type'/,
  })
  await db.close()
})

test('a transaction is all or nothing, and alone', async () => {
  const [db, things] = open()
  await things.set({ id: 1, a: 0 })
  let release
  const gate = new Promise(resolve => (release = resolve))
  const tx = db.withTransaction(async tx => {
    await tx.store.things.set({ id: 1, a: 1 })
    await gate
    assert.equal((await tx.store.things.get(1)).a, 1)
    await tx
      .withTransaction(async () => {
        await tx.store.things.set({ id: 2 })
        throw new Error('inner')
      })
      .catch(error => assert.equal(error.message, 'inner'))
    return 'value'
  })
  const meanwhile = things.set({ id: 3, a: 3 })
  assert.equal((await things.get(1)).a, 0, 'readers see the last commit')
  release()
  assert.equal(await tx, 'value')
  await meanwhile
  assert.deepEqual(
    (await things.all()).map(t => t.id),
    [1, 3],
  )
  await assert.rejects(
    db.withTransaction(async tx => {
      await tx.store.things.remove(1)
      throw new Error('no')
    }),
    /no/,
  )
  assert.equal(await things.count(), 2)
  await db.close()
})

test('while a function of no arguments runs, every call joins in', async () => {
  const [db, things] = open()
  await assert.rejects(
    db.withTransaction(async () => {
      await things.set({ id: 1 })
      assert.equal(await things.count(), 1)
      await db.withTransaction(async () => things.set({ id: 2 }))
      throw new Error('all of it')
    }),
    /all of it/,
  )
  assert.equal(await things.count(), 0)
  await db.close()
})

test('a call after its transaction is refused', async () => {
  const [db, things] = open()
  let late
  await db.withTransaction(async tx => {
    late = tx.store.things
  })
  await assert.rejects(late.set({ id: 1 }), { code: 'BAD_VALUE', message: /transaction is over/ })
  assert.equal(await things.count(), 0)
  await db.close()
})

test('columns have defaults, computed values and required ones', async () => {
  const columns = {
    kind: { default: 'plain', index: true },
    slug: { value: async o => o.title.toLowerCase(), type: 'TEXT' },
    title: { required: true },
  }
  const [db, docs] = open(JsonModel, { name: 'docs', columns })
  const made = await docs.set({ id: 'a', title: 'Hi' })
  assert.deepEqual(made, { id: 'a', title: 'Hi', kind: 'plain', slug: 'hi' })
  await assert.rejects(docs.set({ id: 'b' }), TypeError)
  await assert.rejects(docs.set({ id: 'b', title: null, slug: 'x' }), Error)
  assert.equal((await docs.update({ id: 'a', title: 'Ho' })).slug, 'ho')
  await db.close()
})

test('SQL is run with parameters and template tags', async () => {
  const db = new SQLite()
  await db.exec('CREATE TABLE t(a INTEGER PRIMARY KEY, b)')
  assert.deepEqual(await db.run('INSERT INTO t(b) VALUES (?)', ['x']), { changes: 1, lastID: 1 })
  await db.run`INSERT INTO ${'t'}ID(b) VALUES (${{ deep: 1 }}JSON)`
  assert.deepEqual(await db.all('SELECT * FROM t WHERE a = :a', { a: 2 }), [{ a: 2, b: '{"deep":1}' }])
  assert.deepEqual(await db.get`SELECT b FROM t WHERE a = ${1}`, { b: 'x' })
  const big = 2n ** 53n + 1n
  assert.deepEqual(await db.get('SELECT ? AS big, ? AS bytes', [big, new Uint8Array([1, 2])]), {
    big,
    bytes: new Uint8Array([1, 2]),
  })
  assert.equal(await db.each('SELECT * FROM t', () => {}), 2)
  await assert.rejects(db.get('SELECT * FROM nowhere'), error => {
    assert(error instanceof TidelogError)
    assert.equal(error.code, 'SQLITE_ERROR')
    assert.match(error.message, /no such table: nowhere in "SELECT \* FROM nowhere"/)
    return true
  })
  await assert.rejects(db.exec('BEGIN'), /withTransaction/)
  assert.deepEqual(sql`a ${1}`, ['a ?', [1]])
  await db.close()
})

test('a live query comes again when a commit changed its rows', async () => {
  const [db, things] = open()
  const rows = things.live({ count: 1 })[Symbol.asyncIterator]()
  assert.deepEqual((await rows.next()).value, [])
  const second = rows.next()
  await things.set({ id: 1, count: 2 })
  await things.set({ id: 2, count: 1 })
  assert.deepEqual((await second).value, [{ id: 2, count: 1 }])
  await things.set({ id: 3, count: 1 })
  await things.set({ id: 4, count: 1 })
  assert.equal((await rows.next()).value.length, 3, 'a slow consumer gets the newest rows')
  const last = rows.next()
  await rows.return()
  assert.deepEqual(await last, { done: true, value: undefined })
  await db.close()
})

test('a closed database opens again by itself, a failed open can be tried again', async () => {
  let fail = true
  const db = new DB({
    onWillOpen: () => {
      if (fail) throw new Error('not yet')
    },
  })
  db.addModel(Things)
  await assert.rejects(db.store.things.count(), /not yet/)
  fail = false
  assert.equal(await db.store.things.count(), 0)
  await db.close()
  assert.equal(db.isOpen, false)
  assert.equal(await db.store.things.count(), 0)
  await db.close()
})

test('a model added to an open database is used at once, and a bad one says so', async () => {
  const [db] = open()
  await db.open()
  const late = db.addModel(JsonModel, { name: 'late' })
  assert.equal(await late.count(), 0)
  const bad = db.addModel(JsonModel, { name: '_log' })
  await assert.rejects(bad.count(), { code: 'BAD_NAME' })
  assert.equal(await late.count(), 0)
  await db.close()
})
