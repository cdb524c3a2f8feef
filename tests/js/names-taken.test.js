// Names that something else in the database has, and tables that something else made. Real files,
// opened twice.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { Column, DB, JsonModel, SQLite } from 'tidelog'

const directory = mkdtempSync(join(tmpdir(), 'tidelog-test-'))
after(() => rmSync(directory, { recursive: true }))
let files = 0
const path = () => join(directory, `${++files}.db`)

async function using(file, models, fn = () => {}) {
  const db = new DB({ file })
  try {
    for (const [name, options] of Object.entries(models))
      db.addModel(JsonModel, { name, ...options })
    await db.open()
    return await fn(db)
  } finally {
    await db.close()
  }
}

async function made(sql) {
  const file = path()
  const db = new SQLite({ file })
  await db.exec(sql)
  await db.close()
  return file
}

const indexes = async db =>
  (
    await db.all(
      "SELECT name, tbl_name t FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL",
    )
  ).map(({ name, t }) => `${t}: ${name}`)
const drift = { createdAt: { type: 'INTEGER' }, updatedAt: { type: 'INTEGER' } }
const indexed = { type: 'TEXT', index: true }

test('models of which indexes would have one name open, together and one after the other', async () => {
  const a = { a: { columns: { b_c: indexed } } }
  const ab = { a_b: { columns: { c: indexed } } }
  for (const first of [{}, a, ab]) {
    const file = path()
    await using(file, first)
    let before
    for (let i = 0; i < 2; i++) {
      await using(file, { ...a, ...ab }, async db => {
        await db.store.a.set({ id: `${i}`, b_c: 'x' })
        assert.equal(await db.store.a.count({ b_c: 'x' }), i + 1)
        const now = await indexes(db)
        assert.deepEqual(now.map(name => name.split(':')[0]).sort(), ['a', 'a_b'])
        assert.deepEqual(before ?? now, now)
        before = now
      })
    }
    // it is dropped with its column
    await using(file, { a: {}, a_b: {} }, async db => assert.deepEqual(await indexes(db), []))
  }
})

test("a model may have the name of another one's index, which gets another name", async () => {
  const file = path()
  const a = { a: { columns: { b: indexed } } }
  await using(file, a, async db => assert.deepEqual(await indexes(db), ['a: a_b']))
  for (let i = 0; i < 2; i++)
    await using(file, { ...a, a_b: {} }, async db =>
      assert.deepEqual(await indexes(db), ['a: a_b~2']),
    )
  const fresh = { ...a, a_b: {} }
  await using(path(), fresh, async db => assert.deepEqual(await indexes(db), ['a: a_b~2']))
})

test("a model that has the name of the user's own index is refused by that name", async () => {
  const file = await made('CREATE TABLE own(x); CREATE INDEX k ON own(x)')
  await assert.rejects(using(file, { k: {} }), {
    code: 'BAD_NAME',
    message: /k.*index of your own/,
  })
})

test('names that cannot be are refused, by name', async () => {
  for (const idCol of ['json', 'JSON', 'rowid', 'rowId'])
    await assert.rejects(using(path(), { k: { idCol } }), /idCol|taken/)
  for (const idCol of ['"', '\\', '['])
    await assert.rejects(using(path(), { k: { idCol } }), { code: 'BAD_NAME' })
  await assert.rejects(using(path(), { '{sdb} migrations': {} }), {
    code: 'BAD_NAME',
    message: /strato-db/,
  })
  await assert.rejects(using(path(), { k: {}, K: {} }), { code: 'DUPLICATE_MODEL' })
})

test("a file of driftdb's opens with its rows, and is written", async () => {
  const file = await made(`
    CREATE TABLE users(id TEXT PRIMARY KEY, createdAt INTEGER NOT NULL, updatedAt INTEGER NOT NULL, name TEXT,
      age INTEGER, extra TEXT);
    INSERT INTO users VALUES('u1', 5, 6, 'Ann', 7, 'more'), ('u2', 8, 9, NULL, NULL, '')`)
  for (let i = 0; i < 2; i++) {
    const db = new DB({ sqlitePath: file })
    const users = db.define('users', { name: Column.text().build(), age: Column.integer().build() })
    const ann = await users.findById('u1')
    assert.deepEqual(
      [ann.name, ann.age, ann.createdAt, ann.updatedAt],
      ['Ann', 7 + i, 5, ann.updatedAt],
    )
    assert.equal((await users.find({ where: { name: 'Ann' } })).length, 1)
    assert.equal(await users.count(), 2 + i)
    await users.update({ id: 'u1' }, { age: 8 })
    await users.create({ name: 'Bob', age: 1 })
    await db.close()
  }
  await using(file, { users: { columns: drift } }, async db => {
    const ann = await db.store.users.get('u1')
    assert.deepEqual([ann.name, ann.age, ann.createdAt, ann.extra], ['Ann', 8, 5, 'more'])
  })
})

test('columns of such a table that must have a value go as others do, and one that stays is named', async () => {
  const notNull = type =>
    `CREATE TABLE k(id TEXT PRIMARY KEY, x ${type} NOT NULL, n INTEGER NOT NULL DEFAULT 5)`
  const rows = "INSERT INTO k(id, x) VALUES('a', '7')"
  const x = type => ({ k: { columns: { x: { type } } } })
  for (const [type, models, doc] of [
    ['TEXT', { k: {} }, { id: 'a', n: 5, x: '7' }],
    ['TEXT', x('INTEGER'), { id: 'a', n: 5, x: 7 }],
    ['VARCHAR(9)', x('TEXT'), { id: 'a', n: 5, x: '7' }],
    ['TEXT', x('TEXT'), { id: 'a', n: 5, x: '7' }],
  ]) {
    for (const some of [rows, '']) {
      const file = await made(`${notNull(type)}; ${some}`)
      for (let i = 0; i < 2; i++)
        await using(file, models, async ({ store }) => {
          if (some) assert.deepEqual(await store.k.get('a'), doc)
          await store.k.set({ id: 'b', x: '1' })
          if (models.k.columns && type === 'TEXT' && models.k.columns.x.type === 'TEXT')
            await assert.rejects(store.k.set({ id: 'c' }), {
              code: 'SQLITE_CONSTRAINT_NOTNULL',
              message: /k\.x/,
            })
          else await store.k.set({ id: 'c' })
        })
    }
  }
  // strato-db left columns of the application where they are
  const file = await made('CREATE TABLE k(id TEXT PRIMARY KEY, json JSON, "x y" TEXT NOT NULL)')
  let remedy
  await assert.rejects(using(file, { k: {} }), error => {
    assert.equal(error.code, 'BAD_VALUE')
    assert.match(error.message, /table 'k'.* its column 'x y' is NOT NULL without a default/)
    remedy = /run (ALTER .*) in onBeforeMigrations/.exec(error.message)[1]
    return true
  })
  const db = new DB({ file, onBeforeMigrations: db => db.exec(remedy) })
  const k = db.addModel(JsonModel, { name: 'k' })
  await k.set({ id: 'a' })
  assert.equal(await k.count(), 1)
  await db.close()
})

test("a table that cannot be a model's is refused when the database opens, by what it lacks", async () => {
  for (const [table, lacks] of [
    ['k(x)', "it has no column 'id'"],
    ['k(id TEXT, x)', "its column 'id' has no unique index of its own"],
    ['k(id TEXT, x, PRIMARY KEY(id, x))', "its column 'id' has no unique index of its own"],
    ['k(id TEXT PRIMARY KEY); INSERT INTO k VALUES(NULL)', "it has rows without a value in 'id'"],
  ]) {
    const file = await made(`CREATE TABLE ${table}`)
    await assert.rejects(using(file, { k: {} }), error => {
      assert.equal(error.code, 'BAD_VALUE')
      assert.ok(
        error.message.includes(`there is a table 'k' that is not this model's: ${lacks}`),
        error.message,
      )
      return true
    })
  }
})
