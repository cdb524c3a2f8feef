// Tables that follow their definitions, and the application's migrations between, on every engine.
import { DB, JsonModel } from 'tidelog'
import * as assert from './assert.js'

const docs = [
  { id: '1', a: '12', b: { c: [1, 'x'] }, old: 'x' },
  { id: '2', a: 'many', old: 'y' },
  { id: '3', b: { c: null }, rest: [true] },
]

/** The same database with other models; undefined where nothing is kept when it is closed. */
async function again(db, models) {
  await db.close()
  for (const name of Object.keys(db.store)) delete db.store[name]
  for (const [name, options] of Object.entries(models)) db.addModel(JsonModel, { name, ...options })
  await db.open()
  return (await db.store.docs.count()) ? db.store.docs : undefined
}

async function begin(open) {
  const db = open(DB)
  const columns = { a: { type: 'TEXT', index: 'ALL' }, b: { type: 'JSON' }, old: { real: true } }
  const model = db.addModel(JsonModel, { name: 'docs', columns })
  db.addModel(JsonModel, { name: 'parents' })
  await model.set(docs)
  await db.store.parents.set([{ id: '12' }, { id: 'many' }])
  return db
}

export function spec(t, { open }) {
  t('a cursor is refused where what it sorts by was given another type meanwhile', async () => {
    const db = await begin(open)
    const search = { sort: { a: 1 }, limit: 1 }
    const { cursor } = await db.store.docs.search({}, search)
    await db.store.docs.search({}, { ...search, cursor })
    const model = await again(db, { docs: { columns: { a: { type: 'JSON' } } }, parents: {} })
    if (!model) return
    await assert.rejects(model.search({}, { ...search, cursor }), {
      code: 'BAD_VALUE',
      message: /from the start/,
    })
  })

  t(
    'a foreign key that cannot be is named with what it asks for, and the row that is in its way',
    async () => {
      const db = await begin(open)
      const refused = async (foreignKey, error) => {
        const docs = { columns: { a: { type: 'TEXT', foreignKey } } }
        // nothing is kept of a database in memory
        const models = { docs, parents: { columns: { n: { type: 'TEXT' } } } }
        await assert.rejects(again(db, models), error)
      }
      await refused('nobody', {
        code: 'BAD_VALUE',
        message: /docs\.a refers to 'nobody', which is no model: add it/,
      })
      const unfit = {
        code: 'BAD_VALUE',
        message: /docs\.a refers to parents\.n, which must be .* unique/,
      }
      await refused({ model: 'parents', column: 'n' }, unfit)
      const plain = await again(db, { docs: {}, parents: {} })
      if (!plain) return
      await plain.set({ id: '9', a: 'none' })
      const dangling = {
        code: 'SQLITE_CONSTRAINT_FOREIGNKEY',
        message: /docs\.a refers to parents\.id: document '9' has 'none'/,
      }
      await refused('parents', dangling)
    },
  )

  t('columns come, go and change, and no document does', async () => {
    const db = await begin(open)
    const columns = {
      a: {
        type: 'TEXT',
        index: 'ALL',
        unique: true,
        foreignKey: { model: 'parents', onDelete: 'CASCADE' },
      },
      c: { path: 'b.c', index: 'SPARSE' },
      rest: { type: 'JSON' },
    }
    const model = await again(db, { docs: { columns }, parents: {} })
    if (!model) return
    assert.deepEqual(await model.searchAll({}, { sort: { id: 1 } }), docs)
    assert.equal((await model.searchOne({ a: 'many' })).id, '2')
    await assert.rejects(model.set({ id: '4', a: '12' }), /UNIQUE/)
    await assert.rejects(model.set({ id: '4', a: 'nobody' }), /FOREIGN KEY/)
    await db.store.parents.remove('many')
    assert.equal(await model.count(), 2)
    const plain = await again(db, { docs: {}, parents: {} })
    assert.deepEqual(await plain.searchAll({}, { sort: { id: 1 } }), [docs[0], docs[2]])
  })

  t('a migration renames a column, and one that fails leaves everything as it was', async () => {
    const db = await begin(open)
    let fail = true
    const migrations = {
      async x({ model, db: tx }) {
        await model.renameColumn('old', 'name')
        await tx.store.parents.set({ id: 'made' })
        if (fail) throw new Error('not yet')
      },
    }
    const models = {
      docs: { columns: { name: { type: 'TEXT', index: 'ALL' } }, migrations },
      parents: {},
    }
    await assert.rejects(again(db, models), /not yet/)
    fail = false
    const model = await again(db, models)
    assert.equal(await db.store.parents.exists('made'), true)
    if (!model) return
    const names = (await model.searchAll({}, { sort: { id: 1 } })).map(doc => [doc.name, doc.old])
    assert.deepEqual(names, [
      ['x', undefined],
      ['y', undefined],
      [undefined, undefined],
    ])
    assert.equal((await model.searchOne({ name: 'y' })).id, '2')
  })
}
