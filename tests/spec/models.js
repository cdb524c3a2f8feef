// JsonModel and DB, as an application uses them.
import { DB, JsonModel } from 'tidelog'
import * as assert from './assert.js'

class Things extends JsonModel {
  constructor(options) {
    super({
      ...options,
      name: 'things',
      columns: { id: { type: 'INTEGER' }, count: { type: 'INTEGER', index: 'SPARSE' } },
    })
  }
}

export function spec(t, { open }) {
  const start = (Model = Things, options = {}) => {
    const db = open(DB)
    return [db, db.addModel(Model, options)]
  }

  t('the first example of the design runs as written', async () => {
    const db = open(DB)
    db.addModel(Things)
    assert.deepEqual(await db.store.things.set({ id: 5, name: 'hi', count: 3 }), {
      id: 5,
      name: 'hi',
      count: 3,
    })
    const found = await db.store.things.search({ count: 3 })
    assert.deepEqual(found.items, [{ id: 5, name: 'hi', count: 3 }])
    assert.equal(found.total, 1)
  })

  t('set replaces, update merges, remove removes', async () => {
    const [, things] = start()
    await things.set({ id: 1, a: 1, b: 2 })
    assert.deepEqual(await things.update({ id: 1, b: undefined, count: 7 }), {
      id: 1,
      count: 7,
      a: 1,
    })
    assert.deepEqual(await things.get(1), { id: 1, count: 7, a: 1 })
    await things.set({ id: 1, c: 1 })
    assert.deepEqual(await things.get(1), { id: 1, c: 1 })
    assert.deepEqual(await things.remove(1), { changes: 1 })
    assert.deepEqual(await things.remove(1), { changes: 0 })
    assert.equal(await things.get(1), undefined)
    await assert.rejects(things.update({ id: 1 }), { code: 'ENOENT', name: 'TidelogError' })
  })

  t('an integer id is counted up, another is made', async () => {
    const [db, things] = start()
    assert.deepEqual(await things.set({ a: 1 }), { id: 1, a: 1 })
    const texts = db.addModel(JsonModel, { name: 'texts' })
    const made = await texts.set({ a: 1 })
    assert.match(made.id, /^[0-9a-f-]{36}$/)
    assert.deepEqual(await texts.get(made.id), made)
  })

  t('many documents are written all or none', async () => {
    const [, things] = start()
    const made = await things.set([{ a: 1 }, { a: 2 }, { id: 9 }])
    assert.deepEqual(
      made.map(m => m.id),
      [1, 2, 9],
    )
    await assert.rejects(things.set([{ id: 20 }, { id: 9 }], true), {
      code: 'SQLITE_CONSTRAINT_PRIMARYKEY',
    })
    assert.equal(await things.count(), 3)
  })

  t('searches sort, limit and count', async () => {
    const [, things] = start()
    await things.set([5, 3, 9, 1].map(count => ({ count })))
    const counts = async (attrs, options) =>
      (await things.searchAll(attrs, options)).map(t => t.count)
    assert.deepEqual(await counts({}, { sort: { count: 1 } }), [1, 3, 5, 9])
    assert.deepEqual(await counts({}, { sort: { count: -1 }, limit: 2, offset: 1 }), [5, 3])
    const page = await things.search({}, { limit: 2 })
    assert.equal(page.items.length, 2)
    assert.equal(page.total, 4)
    assert.deepEqual(await things.searchOne({ count: 9 }), { id: 3, count: 9 })
    assert.equal(await things.exists({ count: 2 }), false)
    assert.equal(await things.exists(1), true)
    await assert.rejects(things.search({ nope: 1 }), { code: 'UNKNOWN_COLUMN' })
  })

  t('misuse is a TypeError that names the argument', async () => {
    const [db, things] = start()
    await assert.rejects(things.set(null), {
      name: 'TypeError',
      message: /things\.set: obj must be an object, not null/,
    })
    await assert.rejects(things.get(), { name: 'TypeError', message: /id must be/ })
    await assert.rejects(things.search({}, { limt: 1 }), {
      name: 'TypeError',
      message: /unknown options limt/,
    })
    await assert.rejects(things.search({}, { limit: -1 }), {
      name: 'TypeError',
      message: /limit must be a whole number/,
    })
    await assert.rejects(things.set({ big: 1n }), {
      name: 'TypeError',
      message: /'big' is a BigInt, which JSON cannot hold/,
    })
    const unknown = (options, message) =>
      assert.throws(() => new DB(options), { name: 'TypeError', message })
    unknown({ fil: 'x' }, /DB: unknown options fil: did you mean 'file'/)
    unknown({ models: {} }, /DB: unknown options models: use addModel$/)
    unknown({ wholly: 1 }, /DB: unknown options wholly: use file, name, /)
    assert.throws(() => db.addModel({}), { name: 'TypeError', message: /Model/ })
    assert.throws(() => db.addModel(Things), { name: 'TypeError', message: /added already/ })
    const bad = { name: 'b', columns: { a: { typ: 'TEXT' } } }
    assert.throws(() => db.addModel(JsonModel, bad), {
      name: 'TypeError',
      message: /no key 'typ': did you mean 'type'/,
    })
  })

  t('columns have defaults, computed values and required ones', async () => {
    const columns = {
      kind: { default: 'plain', index: true },
      slug: { value: async o => o.title.toLowerCase(), type: 'TEXT' },
      title: { required: true },
    }
    const [, docs] = start(JsonModel, { name: 'docs', columns })
    const made = await docs.set({ id: 'a', title: 'Hi' })
    assert.deepEqual(made, { id: 'a', title: 'Hi', kind: 'plain', slug: 'hi' })
    await assert.rejects(docs.set({ id: 'b' }), TypeError)
    await assert.rejects(docs.set({ id: 'b', title: null, slug: 'x' }), Error)
    assert.equal((await docs.update({ id: 'a', title: 'Ho' })).slug, 'ho')
  })

  t("a column's function may write by `this`, also where slugs are chosen", async () => {
    const columns = {
      slug: { slugValue: doc => doc.title, index: true, unique: true },
      copy: {
        async value(doc) {
          if (doc.id !== 'a') return undefined
          const [b, c] = await Promise.all(['b', 'c'].map(id => this.set({ id, title: doc.title })))
          return `${b.slug} ${c.slug}`
        },
      },
    }
    const [, docs] = start(JsonModel, { name: 'docs', columns })
    const made = await docs.set({ id: 'a', title: 'Hi' })
    assert.deepEqual(made, { id: 'a', title: 'Hi', slug: 'hi', copy: 'hi-2 hi-3' })
    assert.equal((await docs.set({ title: 'Hi' })).slug, 'hi-4')
    assert.equal(await docs.count(), 4)
  })

  t('a value is not put into what is no object', async () => {
    const [, docs] = start(JsonModel, {
      name: 'docs',
      columns: { city: { path: 'home.city', default: 'Ulm' } },
    })
    const message = /docs\.city: 'home' is a string, not an object/
    await assert.rejects(docs.set({ id: 'a', home: 'here' }), { code: 'BAD_VALUE', message })
    assert.deepEqual(await docs.set({ id: 'a', home: null }), { id: 'a', home: { city: 'Ulm' } })
  })

  t('a live query comes again when a commit changed its rows', async () => {
    const [, things] = start()
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
  })

  t('a model added to an open database is used at once, and a bad one says so', async () => {
    const [db] = start()
    await db.open()
    const late = db.addModel(JsonModel, { name: 'late' })
    assert.equal(await late.count(), 0)
    const bad = db.addModel(JsonModel, { name: '_log' })
    await assert.rejects(bad.count(), { code: 'BAD_NAME' })
    assert.equal(await late.count(), 0)
  })
}
