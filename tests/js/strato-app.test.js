// Uses that applications make of strato-db beyond the rows of its API, and their results: classes
// of their own as models, models without addModel, definitions with null, values without an array.
// Searches made over are own-select.test.js's.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { DB, EventSourcingDB, JsonModel, SQLite } from 'tidelog'
import { withDb } from './with-db.js'

test('a class of the application is a model too: it has its database, and tables of its own', () =>
  withDb(async db => {
    class Tally {
      name = 'tally'
      constructor({ db, start }) {
        this.db = db
        db.registerMigrations('tally', {
          0: tx => tx.run('CREATE TABLE tally AS SELECT ? AS n', [start]),
        })
      }
      async add() {
        await this.db.run('UPDATE tally SET n = n + 1')
        return (await this.db.get('SELECT n FROM tally')).n
      }
    }
    const tally = db.addModel(Tally, { start: 5 })
    assert.equal(db.store.tally, tally)
    assert.throws(() => db.addModel(JsonModel, { name: 'tally' }), /added already/)
    assert.equal(await tally.add(), 6)
    const failing = db.withTransaction(async tx => {
      assert.equal(await tx.store.tally.add(), 7)
      throw new Error('undo')
    })
    await assert.rejects(failing, /undo/)
    assert.equal(await tally.add(), 7)
    for (const bad of [undefined, {}, 'Tally'])
      assert.throws(() => db.addModel(bad), /must be a class/)
  }))

test('a class of the application may write while migrations run, also while they fail, and not after', async () => {
  const seen = []
  class Guarded {
    name = 'guarded'
    setWritable(state) {
      seen.push(state)
    }
  }
  const open = up => {
    const db = new DB()
    db.addModel(Guarded)
    db.registerMigrations('g', { 0: up })
    return db
  }
  const db = open(() => seen.push('migration'))
  await db.open()
  await db.close()
  const failing = open(() => Promise.reject(new Error('no')))
  await assert.rejects(failing.open(), /no/)
  assert.deepEqual(seen, [true, 'migration', false, true, false])
})

test('a model works without addModel: its table, migrations, transactions; the store does not have it', () =>
  withDb(async db => {
    class Doubled extends JsonModel {
      async set(doc, ...rest) {
        return super.set({ ...doc, double: doc.n * 2 }, ...rest)
      }
    }
    const about = []
    const migrations = {
      1: async ({ model, db: tx }) => {
        about.push(Object.keys(tx.store))
        await model.set({ id: 'a', n: 1 })
        await model.renameColumn('double', 'twice')
      },
    }
    const columns = {
      n: { type: 'INTEGER', version: 1 },
      slug: { slugValue: doc => `s${doc.n}`, index: true },
    }
    const loose = new Doubled({ db, name: 'loose', columns, migrations })
    assert.deepEqual(await loose.get('a'), { id: 'a', n: 1, slug: 's1', twice: 2 })
    assert.deepEqual([about, Object.keys(db.store)], [[[]], []])
    assert.equal((await loose.update({ id: 'a', n: 4 })).double, 8)
    await assert.rejects(
      db.withTransaction(async () => {
        await loose.set({ id: 'b', n: 1 })
        throw new Error('undo')
      }),
      /undo/,
    )
    assert.equal(await loose.count(), 1)
    const late = new JsonModel({ db, name: 'late', columns: { n: { type: 'INTEGER' } } })
    assert.equal((await late.set({ id: 'x', n: 1 })).n, 1)
    assert.equal(await late.removeWhere({ n: 1 }), 1)
  }))

test('a model that is made by the constructor of another belongs to the same database; a name given twice leaves nothing', () =>
  withDb(async db => {
    class Parent extends JsonModel {
      constructor(options) {
        super(options)
        this.parts = new JsonModel({ db: options.db, name: `${options.name}_parts` })
      }
    }
    const parent = db.addModel(Parent, { name: 'p' })
    assert.throws(
      () => db.addModel(Parent, { name: 'p', columns: { n: { type: 'TEXT' } } }),
      /added already/,
    )
    await parent.parts.set({ id: 'a' })
    await parent.set({ id: 'b' })
    const tables = await db.all(
      "SELECT name FROM sqlite_schema WHERE type = 'table' AND name LIKE 'p%'",
    )
    assert.deepEqual(tables.map(({ name }) => name).sort(), ['p', 'p_parts'])
    assert.deepEqual(Object.keys(db.store), ['p'])
  }))

test('null in a definition says nothing', () =>
  withDb(async db => {
    const nothing = {
      parse: null,
      stringify: null,
      value: null,
      default: null,
      index: null,
      where: null,
      path: null,
    }
    const model = db.addModel(JsonModel, {
      name: 'm',
      columns: {
        id: { type: 'INTEGER', value: null },
        a: { type: 'JSON', get: null, ...nothing },
        b: null,
      },
    })
    assert.deepEqual(await model.set({ a: { x: 1 }, b: 2 }), { id: 1, a: { x: 1 }, b: 2 })
    assert.throws(
      () => db.addModel(JsonModel, { name: 'n', columns: { a: { parse: 5 } } }),
      /parse must be/,
    )
  }))

test('a JSON column that holds others is an object always, but where it says otherwise', () =>
  withDb(async db => {
    const model = db.addModel(JsonModel, {
      name: 'm',
      columns: {
        out: { type: 'JSON' },
        inner: { type: 'JSON', path: 'out.in' },
        leaf: { path: 'out.in.leaf', index: true },
        free: { type: 'JSON', alwaysObject: false },
        top: { path: 'free.top' },
        list: { type: 'JSON' },
        first: { path: 'list[0]' },
        copy: { type: 'JSON', get: false },
        below: { path: 'copy.below' },
        alone: { type: 'JSON' },
      },
    })
    assert.deepEqual(await model.set({ id: 'a' }), { id: 'a', out: { in: {} } })
    assert.deepEqual(await model.get('a'), { id: 'a', out: { in: {} } })
    assert.deepEqual(await db.get('SELECT "out", inner FROM m'), { out: null, inner: null })
    assert.deepEqual(await model.set({ id: 'b', out: { in: { leaf: 5 } } }), {
      id: 'b',
      out: { in: { leaf: 5 } },
    })
    assert.equal((await model.searchOne({ leaf: 5 })).id, 'b')
  }))

test('a falsyBool of type JSON or BLOB is true or nothing, and searched by anything', () =>
  withDb(async db => {
    const model = db.addModel(JsonModel, {
      name: 'm',
      columns: {
        j: { type: 'JSON', falsyBool: true },
        b: { type: 'BLOB', falsyBool: true, index: true },
      },
    })
    await model.set([
      { id: 'a', j: true, b: 0 },
      { id: 'b', j: '', b: 'yes' },
    ])
    assert.deepEqual(await model.all(), [
      { id: 'a', j: true },
      { id: 'b', b: true },
    ])
    for (const found of [{ j: {} }, { j: 1 }, { b: '' }, { b: false }])
      assert.equal((await model.searchOne(found)).id, 'a')
    for (const found of [{ j: 0 }, { b: { x: 1 } }, { b: { $eq: true } }])
      assert.equal((await model.searchOne(found)).id, 'b')
  }))

test('columns without an alias are _0, _1 …, whatever stands between them; rows under them become documents', () =>
  withDb(async db => {
    const model = db.addModel(JsonModel, {
      name: 'm',
      columns: {
        a: { type: 'TEXT' },
        id: {},
        b: { type: 'TEXT', alias: 'bee' },
        c: { real: true },
      },
    })
    const aliases = model.columnArr.map(({ name, alias }) => `${name} ${alias}`)
    assert.deepEqual(aliases.sort(), ['a _0', 'b bee', 'c _1', 'id _i', 'json _j'])
    assert.deepEqual(model.toObj({ _i: 'x', _0: 'A', bee: 'B', _1: 3, _j: '{"d":4}' }), {
      id: 'x',
      a: 'A',
      b: 'B',
      c: 3,
      d: 4,
    })
  }))

test('a single value needs no array; null and undefined are none', async () => {
  const db = new SQLite()
  await db.exec('CREATE TABLE t (a)')
  for (const value of [1, 'x', true, 2n ** 60n, new Uint8Array([7])])
    await db.run('INSERT INTO t VALUES (?)', value)
  const stored = (await db.all('SELECT a FROM t')).map(({ a }) => a)
  assert.deepEqual(stored, [1, 'x', 1, 2n ** 60n, new Uint8Array([7])])
  assert.deepEqual(await db.get('SELECT ? AS a', new Date(5)), { a: 5 })
  assert.deepEqual(await db.prepare('SELECT a FROM t WHERE a = ?').get('x'), { a: 'x' })
  assert.equal(await db.each('SELECT a FROM t WHERE a = ?', 'x', () => {}), 1)
  await db.exec('DELETE FROM t WHERE a = ?', 2n ** 60n)
  assert.equal((await db.all('SELECT a FROM t')).length, 4)
  for (const none of [null, undefined])
    await assert.rejects(db.get('SELECT ? AS a', none), { code: 'BAD_VALUE' })
  await db.close()
})

test("an error of SQLite's says its code, too", () =>
  withDb(async db => {
    const model = db.addModel(JsonModel, { name: 'm' })
    await model.set({ id: 'a' })
    await assert.rejects(
      model.set({ id: 'a' }, true),
      /^TidelogError: :memory:\|\d+: SQLITE_CONSTRAINT_\w+: /,
    )
    await assert.rejects(db.prepare('SELEC 1', 'bad').get(), /:memory:\|\d+\[bad\]: SQLITE_ERROR: /)
  }))

test('what is not there is removed and got without complaint', () =>
  withDb(async db => {
    const model = db.addModel(JsonModel, { name: 'm' })
    await model.set({ id: 'undefined' })
    for (const none of [undefined, {}, { id: undefined }])
      assert.deepEqual(await model.remove(none), { changes: 0 })
    for (const none of [undefined, null, []]) assert.deepEqual(await model.getAll(none), [])
    assert.equal(await model.count(), 1)
  }))

test('event creators take (document, flag, meta)', async () => {
  const es = new EventSourcingDB({ models: { m: {} } })
  const { event, TYPE } = es.store.m
  assert.deepEqual(event.set({ id: 'a' }, true, { by: 'me' }), {
    type: TYPE,
    data: [2, 'a', { id: 'a' }, { by: 'me' }],
  })
  assert.deepEqual(event.update({ id: 'a', x: undefined }, false, 5).data, [
    3,
    'a',
    { id: 'a', x: null },
    5,
  ])
  assert.equal(event.update('a', { $inc: { n: 1 } }, 'why').data[3], 'why')
  assert.deepEqual(event.remove('a', 1).data, [0, 'a', null, 1])
  const { data } = await es.dispatch(event.set({ id: 'a' }, false, 'first'))
  assert.equal(data[3], 'first')
  await es.close()
})

test('a file that strato-db made opens with its rows, ids, slugs and migrations', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'tidelog-strato-'))
  const file = join(dir, 'app.db')
  const theirs = new SQLite({ file })
  await theirs.exec(`
    CREATE TABLE "{sdb} migrations"(runKey TEXT, ts DATETIME, up BOOLEAN);
    INSERT INTO "{sdb} migrations" VALUES ('0 docs', 1700000000, 1), ('seed docs', 1700000000, 1);
    CREATE TABLE "docs"("rowId" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, "id" TEXT NOT NULL, json JSON, "meta" JSON,
      "yes" JSON, "n" INTEGER);
    CREATE UNIQUE INDEX "docs_id" ON "docs"("id");
    CREATE INDEX "docs_slug" ON "docs"(json_extract("json",'$.slug')) WHERE json_extract("json",'$.slug') IS NOT NULL;
    INSERT INTO docs(id, json, meta, yes, n) VALUES ('a', '{"slug":"x","free":{"k":[1]}}', 3, 'true', 7),
      ('b', NULL, '{"q":"text"}', NULL, NULL);
    CREATE TABLE "counted"("id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, json JSON);
    INSERT INTO counted VALUES (5, '{"v":1}'); DELETE FROM counted`)
  await theirs.close()
  for (const time of [1, 2]) {
    const db = new DB({ file })
    const docs = db.addModel(JsonModel, {
      name: 'docs',
      columns: {
        meta: { type: 'JSON' },
        q: { path: 'meta.q', index: true },
        yes: { type: 'JSON', falsyBool: true },
        n: { type: 'INTEGER', index: true },
        slug: { slugValue: () => 'x', index: true },
      },
      migrations: { seed: () => assert.fail('it ran already') },
    })
    const counted = db.addModel(JsonModel, {
      name: 'counted',
      columns: { id: { type: 'INTEGER', autoIncrement: true } },
    })
    assert.deepEqual(await docs.searchAll({}, { sort: { id: 1 } }), [
      { id: 'a', slug: 'x', meta: 3, yes: true, n: 7, free: { k: [1] } },
      { id: 'b', meta: { q: 'text' } },
    ])
    assert.deepEqual(
      [await docs.count({ yes: true, n: 7 }), await docs.count({ q: 'text' })],
      [1, 1],
    )
    await docs.set(await docs.get('a'))
    assert.equal((await docs.set({ id: 'c' })).slug, 'x-2')
    await docs.remove('c')
    assert.equal((await counted.set({})).id, 5 + time)
    await counted.remove(5 + time)
    assert.equal(await db.integrityCheck(), true)
    await db.close()
  }
  rmSync(dir, { recursive: true, force: true })
})
