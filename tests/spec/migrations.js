// Migrations, versions and changed definitions on every engine: one transaction, also where there
// is no BEGIN.
import { DB, JsonModel, SQLite } from 'tidelog'
import * as assert from './assert.js'

export function spec(t, { open }) {
  t('the version of the application is kept and counts inside transactions', async () => {
    const db = open(SQLite)
    assert.equal(await db.userVersion(), 0)
    assert.equal(await db.userVersion(7), 7)
    await db
      .withTransaction(async tx => {
        await tx.userVersion(8)
        throw new Error('no')
      })
      .catch(() => {})
    assert.equal(await db.userVersion(), 7)
    assert.equal(await db.userVersion(0), 0)
    assert.equal(typeof (await db.dataVersion()), 'number')
  })

  t('migrations run in order, once, and all or none', async () => {
    const ran = []
    let fail = true
    const b = async ({ db }) => {
      ran.push('b')
      await db.store.notes.set({ id: 'b', n: 2 })
      await Promise.resolve()
      if (fail) throw new Error('half way')
    }
    const a = async ({ db }) => {
      ran.push('a')
      await db.run("INSERT INTO notes(id, json) VALUES ('a', '{}')")
    }
    const migrations = [
      { runKey: 'b', up: b },
      { runKey: 'a', up: a },
    ]
    const db = open(DB, { migrations })
    const notes = db.addModel(JsonModel, { name: 'notes', columns: { n: { type: 'INTEGER' } } })
    await assert.rejects(db.open(), /half way/)
    assert.deepEqual(ran, ['a', 'b'])
    fail = false
    assert.equal(await notes.count(), 2)
    assert.deepEqual(ran, ['a', 'b', 'a', 'b'])
  })

  t("a table of strato-db's is taken over and follows its definition", async () => {
    const db = open(DB)
    await db.exec(`
      CREATE TABLE "k"("rowId" INTEGER PRIMARY KEY AUTOINCREMENT, "id" TEXT NOT NULL, "json" JSON);
      CREATE UNIQUE INDEX "k_id" ON "k"("id");
      ALTER TABLE "k" ADD COLUMN "j" JSON;
      ALTER TABLE "k" ADD COLUMN "f" INTEGER;
      CREATE INDEX "k_f" ON "k"("f") WHERE "f" IS NOT NULL;
      INSERT INTO k(id, json, j, f) VALUES ('a', '{"x":1}', '[1]', 1), ('b', NULL, '3', NULL)`)
    const k = db.addModel(JsonModel, {
      name: 'k',
      columns: {
        ...{ j: { type: 'JSON' }, f: { real: true, falsyBool: true, index: true } },
        x: { type: 'INTEGER', index: true },
      },
    })
    const docs = [
      { id: 'a', j: [1], f: true, x: 1 },
      { id: 'b', j: 3 },
    ]
    assert.deepEqual(await k.set(docs), docs)
    assert.deepEqual(await k.all(), docs)
    assert.deepEqual(await k.searchAll({ x: 1, f: true }), [docs[0]])
    await assert.rejects(k.set({ id: 'a' }, true), { code: 'SQLITE_CONSTRAINT_UNIQUE' })
  })

  t(
    'a model that comes late, with full text and a foreign key, is made whole or not at all',
    async () => {
      const db = open(DB)
      const parents = db.addModel(JsonModel, { name: 'parents' })
      await parents.set({ id: 'p' })
      const kids = db.addModel(JsonModel, {
        name: 'kids',
        columns: {
          parent: {
            real: true,
            type: 'TEXT',
            foreignKey: { model: 'parents', onDelete: 'CASCADE' },
          },
          body: { type: 'TEXT', fts: true },
        },
      })
      await kids.set({ id: 'k', parent: 'p', body: 'low tide' })
      await assert.rejects(kids.set({ id: 'l', parent: 'nobody' }), {
        code: 'SQLITE_CONSTRAINT_FOREIGNKEY',
      })
      assert.equal((await kids.searchAll({ body: { $match: 'tide' } })).length, 1)
      await parents.remove('p')
      assert.equal(await kids.count(), 0)
      assert.deepEqual(await kids.searchAll({ body: { $match: 'tide' } }), [])
    },
  )
}
