// The completing of a document before it is written, by plain models and by those whose writes are
// events: it may not take away given values, or wait for itself.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DB, EventSourcingDB, JsonModel } from 'tidelog'

const surfaces = {
  'a plain model': options => {
    const db = new DB()
    return [db, db.addModel(JsonModel, { name: 'docs', ...options })]
  },
  'an event model': options => {
    const db = new EventSourcingDB({ models: { docs: options } })
    return [db, db.store.docs]
  },
}
/** A document `{a: 1}` whose `toJSON` makes something else of it. */
class Priced {
  a = 1
  toJSON() {
    return { a: 'one', json: true }
  }
}

test('a column whose place in a document is taken leaves there what is, in reads and in rows', async () => {
  const db = new DB()
  const columns = { b: { path: 'a.b', type: 'TEXT' }, s: { path: 'a.s', sql: '1', get: true } }
  const docs = db.addModel(JsonModel, { name: 'docs', columns })
  await docs.set({ id: 'a', a: 'text' })
  await db.run("UPDATE docs SET b = 'x'")
  assert.deepEqual(await docs.get('a'), { id: 'a', a: 'text' })
  assert.deepEqual(docs.toObj(await db.get('SELECT *, 1 AS s FROM docs')), { id: 'a', a: 'text' })
  await db.close()
})

test('a flag that is true by default could not be false, and is refused', () => {
  const define = column => new DB().addModel(JsonModel, { name: 'docs', columns: { f: column } })
  for (const column of [
    { default: true },
    { default: 1, type: 'INTEGER' },
    { value: () => null, default: 1 },
  ])
    assert.throws(() => define({ falsyBool: true, ...column }), {
      name: 'TypeError',
      message: /docs\.f: .*false .*leave falsyBool out/,
    })
  assert.throws(() => define({ falsyBool: true, required: true }), /docs\.f: .*leave falsyBool out/)
  for (const value of [false, 0, '', null, undefined]) define({ falsyBool: true, default: value })
  define({ falsyBool: true, default: 1, sql: 'tbl.id > 5' })
})

for (const [name, open] of Object.entries(surfaces)) {
  test(`${name} keeps a false that could be true by default`, async () => {
    const [db, docs] = open({ columns: { f: { default: true } } })
    await docs.set({ id: 'a', f: false })
    await docs.update({ id: 'a', x: 1 })
    await docs.update('a', { $set: { y: 1 } })
    await docs.updateWhere({}, { z: 1 })
    assert.deepEqual(await docs.set(await docs.get('a')), { id: 'a', f: false, x: 1, y: 1, z: 1 })
    await db.close()
  })

  test(`${name} puts a value only into an object or an array, and says what else is there`, async () => {
    const columns = {
      b: { path: 'a.b', default: 1 },
      c: { path: 'c.d.e', value: doc => doc.n, type: 'INTEGER' },
      l: { path: 'l[0]', default: 'first' },
      s: { path: 's.slug', slugValue: doc => doc.t, index: true },
      v: { path: 'v.w', validate: w => w + 1 },
      f: { path: 'f.g', falsyBool: true },
    }
    const [db, docs] = open({ columns })
    const whole = { id: 'a', a: { x: 1, b: 1 }, l: ['first'], s: { slug: 'x' } }
    assert.deepEqual(await docs.set({ id: 'a', a: { x: 1 } }), whole)
    class Plain {
      x = 1
    }
    assert.deepEqual(await docs.set({ id: 'a', a: new Plain(), v: new Plain() }), {
      ...whole,
      v: { x: 1 },
    })
    const refused = async (doc, message) => {
      await assert.rejects(docs.set({ id: 'b', ...doc }), { code: 'BAD_VALUE', message })
      await assert.rejects(docs.update({ id: 'a', ...doc }), { code: 'BAD_VALUE', message })
    }
    await refused({ a: 'text' }, /docs\.b: 'a' is a string, not an object/)
    await refused({ a: [1, 2] }, /docs\.b: 'a' is an array, not an object/)
    await assert.rejects(docs.set({ id: 'b', a: new Date(5) }), {
      code: 'BAD_VALUE',
      message: /'a' is a Date/,
    })
    for (const [a, kind] of [
      [new Map([[1, 2]]), 'a Map'],
      [new Uint8Array([1]), 'bytes'],
      [new Priced(), 'a Priced'],
      [5, 'a number'],
    ])
      await refused({ a }, new RegExp(`docs\\.b: 'a' is ${kind}, not an object`))
    await refused({ l: { x: 1 } }, /docs\.l: 'l' is an object, not an array/)
    await refused({ c: { d: 'x' }, n: 1 }, /docs\.c: 'c\.d' is a string, not an object/)
    await refused({ s: 'x' }, /docs\.s: 's' is a string, not an object/)
    // nothing has to be put there
    const given = { id: 'a', a: null, c: 'text', f: 'text', v: 'text' }
    assert.deepEqual(await docs.set(given), {
      ...given,
      a: { b: 1 },
      l: ['first'],
      s: { slug: 'x' },
    })
    assert.equal(await docs.count(), 1)
    await db.close()
  })

  test(`${name} takes the same for a document with columns to fill and without`, async () => {
    for (const columns of [{}, { f: { default: 1 } }, { v: { validate: () => true } }]) {
      const [db, docs] = open({ columns })
      const f = columns.f && { f: 1 }
      for (const bad of [
        new Map([['a', 1]]),
        new Date(5),
        new Set(),
        new Uint8Array(2),
        Promise.resolve({}),
      ]) {
        await assert.rejects(docs.set(bad), TypeError)
        await assert.rejects(docs.update(bad, true), TypeError)
      }
      const made = await docs.set(new Priced())
      assert.deepEqual(made, { id: made.id, a: 'one', json: true, ...f })
      const again = Object.assign(new Priced(), {
        id: made.id,
        toJSON: () => ({ id: made.id, a: 2 }),
      })
      assert.deepEqual(await docs.update(again), { id: made.id, a: 2, json: true, ...f })
      assert.deepEqual(await docs.set(again), { id: made.id, a: 2, ...f })
      const change = Object.assign(new Priced(), { toJSON: () => ({ b: 3 }) })
      assert.equal(await docs.updateWhere({}, change), 1)
      await assert.rejects(docs.updateWhere({}, new Map([['b', 4]])), TypeError)
      assert.equal(await docs.updateWhere({}, doc => ({ toJSON: () => ({ ...doc, c: 5 }) })), 1)
      assert.deepEqual(await docs.all(), [{ id: made.id, a: 2, ...f, b: 3, c: 5 }])
      await db.close()
    }
    const [db, docs] = open({ validate: () => new Map() })
    await assert.rejects(docs.set({ id: 'a' }), TypeError)
    await db.close()
  })

  test(`${name} with slugs may write others while it computes one`, async () => {
    const inner = []
    const [db, docs] = open({
      columns: {
        slug: { slugValue: doc => doc.n, index: true, unique: true },
        more: {
          async value(doc) {
            if (doc.id === 'a')
              inner.push(await this.set({ id: 'z', n: 'q' }), await this.set({ n: 'q' }))
            return 1
          },
        },
      },
    })
    assert.equal((await docs.set({ id: 'a', n: 'q' })).slug, 'q')
    assert.deepEqual(
      inner.map(doc => doc.slug),
      ['q-2', 'q-3'],
    )
    assert.equal((await docs.set({ id: 'b', n: 'q' })).slug, 'q-4')
    await db.close()
  })

  test(`${name} chooses slugs of writes that meet, each once`, async () => {
    let waits = 5
    const [db, docs] = open({
      columns: {
        slug: {
          index: true,
          unique: true,
          async slugValue(doc) {
            await new Promise(go => setTimeout(go, waits--))
            return doc.n
          },
        },
      },
    })
    const made = await Promise.all(['a', 'b', 'c', 'd', 'd'].map(id => docs.set({ id, n: 'q' })))
    const slugs = made.map(doc => doc.slug)
    assert.equal(new Set(slugs.slice(0, 4)).size, 4, slugs.join())
    const many = await docs.set([
      { id: 'x', slug: 'given' },
      { n: 'given' },
      { id: 'x', n: 'given' },
    ])
    assert.deepEqual(
      many.map(doc => doc.slug),
      ['given', 'given-2', 'given'],
    )
    await assert.rejects(docs.set([{ n: 'lost' }, { id: {} }]), TypeError)
    assert.equal((await docs.set({ n: 'lost' })).slug, 'lost', 'a write that fails takes none')
    await db.close()
  })

  test(`${name} knows a taken slug by its stored form, and one that is the id`, async () => {
    const slug = {
      type: 'TEXT',
      slugValue: doc => doc.n,
      index: true,
      unique: true,
      stringify: s => `/${s}`,
    }
    const [db, docs] = open({ columns: { id: { slugValue: doc => doc.n }, slug } })
    const made = await Promise.all([1, 2, 3].map(more => docs.update({ n: 'q', more }, true)))
    assert.deepEqual(made.map(doc => doc.id).sort(), ['q', 'q-2', 'q-3'])
    assert.deepEqual(made.map(doc => doc.slug).sort(), ['/q', '/q-2', '/q-3'])
    assert.equal(new Set(made.map(doc => doc.more)).size, 3)
    await db.close()
    const [other, ids] = open({ columns: { id: { slugValue: doc => doc.n } } })
    await Promise.all([1, 2, 3].map(more => ids.update({ n: 'q', more }, true)))
    assert.deepEqual((await ids.all()).map(doc => doc.id).sort(), ['q', 'q-2', 'q-3'])
    await other.close()
  })

  test(`${name} has a default for what a slug leaves empty only`, async () => {
    const slug = { slugValue: doc => doc.n, index: true, unique: true, default: 'zz' }
    const [db, docs] = open({ columns: { slug } })
    assert.equal((await docs.set({ n: 'One' })).slug, 'one')
    assert.equal((await docs.set({ n: 'One' })).slug, 'one-2')
    assert.equal((await docs.set({ n: 'One', slug: 'mine' })).slug, 'mine')
    await db.close()
  })

  test(`${name} says what an integer id must be, before it writes`, async () => {
    const [db, docs] = open({ columns: { id: { type: 'INTEGER' } } })
    for (const id of ['x', 1.5, '', '1.5'])
      await assert.rejects(docs.set({ id }), {
        name: 'TypeError',
        message: new RegExp(`docs\\.set: id must be an integer, not .*${id}`),
      })
    await docs.set({ id: '5' })
    await docs.set({ id: 6n })
    for (const id of ['x', 1.5]) await assert.rejects(docs.changeId(5, id), /id must be an integer/)
    assert.deepEqual(
      (await docs.all()).map(doc => doc.id),
      [5, 6],
    )
    await db.close()
  })
}

test('a deriver chooses the slug that every replica chooses, whatever waits to be an event here', async () => {
  let go
  const gate = new Promise(open => {
    go = open
  })
  const columns = {
    slug: { slugValue: doc => doc.n, index: true },
    later: { value: doc => (doc.id === 'waits' ? gate : 1) },
  }
  const es = new EventSourcingDB({
    types: { derive: 1 },
    models: {
      docs: {
        columns,
        deriver: async ({ event, model }) =>
          event.type === 'derive' &&
          model.set([
            { id: 'a', n: 'q' },
            { id: 'b', n: 'q' },
          ]),
      },
    },
  })
  await es.store.docs.set({ id: 'x' })
  const waiting = es.store.docs.set({ id: 'waits', n: 'q' })
  await es.dispatch('derive')
  const slugs = async () => (await es.store.docs.getAll(['a', 'b'])).map(doc => doc.slug)
  assert.deepEqual(await slugs(), ['q', 'q-2'])
  go(1)
  await waiting
  await es.rebuild()
  assert.deepEqual(await slugs(), ['q', 'q-2'])
  await es.close()
})
