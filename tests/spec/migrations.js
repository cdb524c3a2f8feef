// Migrations, versions and changed definitions on every engine: one transaction, also where there is no BEGIN.
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

  t('a model that comes late, with full text and a foreign key, is made whole or not at all', async () => {
    const db = open(DB)
    const parents = db.addModel(JsonModel, { name: 'parents' })
    await parents.set({ id: 'p' })
    const kids = db.addModel(JsonModel, {
      name: 'kids',
      columns: {
        parent: { real: true, type: 'TEXT', foreignKey: { model: 'parents', onDelete: 'CASCADE' } },
        body: { type: 'TEXT', fts: true },
      },
    })
    await kids.set({ id: 'k', parent: 'p', body: 'low tide' })
    await assert.rejects(kids.set({ id: 'l', parent: 'nobody' }), { code: 'SQLITE_CONSTRAINT_FOREIGNKEY' })
    assert.equal((await kids.searchAll({ body: { $match: 'tide' } })).length, 1)
    await parents.remove('p')
    assert.equal(await kids.count(), 0)
    assert.deepEqual(await kids.searchAll({ body: { $match: 'tide' } }), [])
  })
}
