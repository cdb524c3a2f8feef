// Deep changes: `update(id, {$set, $unset, $inc, $push})` of plain models and as events, and the
// same for many at once.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DB, ESModel, EventSourcingDB, JsonModel } from 'tidelog'

const columns = {
  n: { type: 'INTEGER', index: true },
  city: { path: 'home.city', type: 'TEXT', index: true },
  title: {},
  slug: { value: doc => doc.title?.toLowerCase(), index: true },
}
const surfaces = {
  'a plain model': (options = {}) => {
    const db = new DB()
    return [db, db.addModel(JsonModel, { name: 'docs', ...options })]
  },
  'an event model': (options = {}) => {
    const db = new EventSourcingDB({ models: { docs: options } })
    return [db, db.store.docs]
  },
}

for (const [name, open] of Object.entries(surfaces)) {
  test(`${name} is changed deep inside`, async () => {
    const [db, docs] = open({ columns: { n: columns.n, city: columns.city } })
    await docs.set({ id: 'a', n: 1, home: { city: 'Ulm' }, list: [{ x: 1 }, 2] })
    const changed = await docs.update('a', {
      $set: { 'list[0].y': { z: null }, 'home.no': 5, 'new.deep[0]': 'first' },
      $unset: ['list[1]', 'nowhere.at.all'],
      $inc: { n: 2, 'count.er': -1.5 },
      $push: { tags: 'red', 'list[0].more': [1] },
    })
    assert.deepEqual(changed, {
      id: 'a',
      n: 3,
      home: { city: 'Ulm', no: 5 },
      list: [{ x: 1, y: { z: null }, more: [[1]] }, null],
      new: { deep: ['first'] },
      count: { er: -1.5 },
      tags: ['red'],
    })
    assert.deepEqual(await docs.get('a'), changed)
    await docs.update('a', { $unset: 'home.city', $set: { n: null } })
    assert.deepEqual((await docs.get('a')).home, { no: 5 })
    assert.deepEqual((await docs.searchAll({ n: 3 })).length, 0)
    await db.close()
  })

  test(`${name} refuses bad changes, names the path and stays as it is`, async () => {
    const [db, docs] = open({ columns: { n: columns.n } })
    const doc = await docs.set({ id: 'a', n: 1, text: 'x', list: [1] })
    const wrong = [
      [{ $inc: { text: 1 } }, 'BAD_VALUE', /'text' is a string, not a number/],
      [{ $push: { 'text.y': 1 } }, 'BAD_VALUE', /'text' is a string/],
      [{ $set: { 'list[5]': 1 } }, 'BAD_VALUE', /'list\[5\]' is beyond the array's end/],
      [{ $set: { a: 1, 'a.b': 2 } }, 'BAD_VALUE', /two changes meet at/],
      [{ $set: { id: 'b' } }, 'BAD_VALUE', /'id' is the id: use changeId/],
      [{ $set: { n: {} } }, 'BAD_VALUE', /n must be/],
    ]
    for (const [change, code, message] of wrong)
      await assert.rejects(docs.update('a', change), { code, message }, JSON.stringify(change))
    const misuse = [
      [{ $st: { a: 1 } }, /no '\$st': did you mean '\$set'/],
      [{ $set: { 'a..b': 1 } }, /path 'a\.\.b'/],
      [{ $set: { a: undefined } }, /\$set 'a' is undefined: use \$unset/],
      [{ $inc: { a: '1' } }, /\$inc 'a' must be a number/],
      [{ $inc: { a: Number.NaN } }, /must be a number/],
      [{ $set: { 'a.b': () => 1 } }, /'a\.b' is a function/],
      [{ a: 1 }, /must be \{\$set/],
    ]
    for (const [change, message] of misuse)
      await assert.rejects(
        docs.update('a', change),
        { name: 'TypeError', message },
        String(message),
      )
    await assert.rejects(docs.update('nobody', { $set: { a: 1 } }), { code: 'ENOENT' })
    assert.deepEqual(await docs.get('a'), doc)
    await db.close()
  })

  test(`${name} computes its columns anew when parts change`, async () => {
    const [db, docs] = open({ columns })
    await docs.set({ id: 'a', title: 'One', home: { city: 'Ulm' } })
    assert.equal((await docs.update('a', { $set: { title: 'TWO' }, $inc: { n: 1 } })).slug, 'two')
    assert.equal((await docs.update({ id: 'a', title: 'Three' })).slug, 'three')
    assert.deepEqual((await docs.searchAll({ slug: 'three' })).length, 1)
    assert.deepEqual(await docs.update('a', { $unset: ['title'] }), {
      id: 'a',
      home: { city: 'Ulm' },
      n: 1,
    })
    await assert.rejects(docs.update({ id: 'b', title: 'x' }), { code: 'ENOENT' })
    await assert.rejects(docs.update('b', { $set: { title: 'x' } }), { code: 'ENOENT' })
    assert.equal((await docs.update({ id: 'b', title: 'New' }, true)).slug, 'new')
    await db.close()
  })

  test(`${name} is changed and removed where a search matches, all or none`, async () => {
    const [db, docs] = open({ columns })
    await docs.set([1, 2, 3, 4].map(n => ({ id: `${n}`, n, title: `T${n}` })))
    assert.equal(await docs.updateWhere({ n: { $gt: 2 } }, { $inc: { n: 10 } }), 2)
    assert.equal(await docs.updateWhere({ n: { $lt: 3 } }, { title: 'Low', more: 1 }), 2)
    assert.equal(
      await docs.updateWhere({}, doc => (doc.n === 13 ? { ...doc, title: 'Fn' } : undefined)),
      1,
    )
    const seen = (await docs.searchAll({}, { sort: { n: 1 } })).map(({ n, slug, more }) => [
      n,
      slug,
      more,
    ])
    assert.deepEqual(seen, [
      [1, 'low', 1],
      [2, 'low', 1],
      [13, 'fn', undefined],
      [14, 't4', undefined],
    ])
    await assert.rejects(
      docs.updateWhere({}, doc => {
        if (doc.n === 14) throw new Error('stop')
        return { ...doc, n: 0 }
      }),
      /stop/,
    )
    await assert.rejects(docs.updateWhere({}, { id: 'x' }), /the id cannot be changed/)
    await assert.rejects(docs.updateWhere(undefined, {}), TypeError)
    await assert.rejects(docs.updateWhere({}, 5), TypeError)
    await assert.rejects(docs.removeWhere(), TypeError)
    assert.equal(await docs.count({ n: 0 }), 0, 'nothing of the failed one stays')
    assert.equal(await docs.removeWhere({ n: { $gt: 5 } }), 2)
    assert.equal(await docs.removeWhere({ n: 99 }), 0)
    assert.equal(await docs.count(), 2)
    await db.close()
  })

  test(`${name} gives a document another id`, async () => {
    const [db, docs] = open()
    await docs.set([{ id: 'a', x: 1 }, { id: 'b' }])
    await docs.changeId('a', 'c')
    assert.deepEqual(await docs.get('c'), { id: 'c', x: 1 })
    assert.equal(await docs.get('a'), undefined)
    await assert.rejects(docs.changeId('a', 'd'), { code: 'ENOENT' })
    await assert.rejects(docs.changeId('c', 'b'), error =>
      /^(EEXIST|SQLITE_CONSTRAINT_UNIQUE)$/.test(error.code),
    )
    await assert.rejects(docs.changeId('c', null), TypeError)
    assert.equal(await docs.count(), 2)
    await db.close()
  })
}

test('a change is an event of its own, so that what two devices add adds up', async () => {
  const db = new EventSourcingDB({ models: { docs: { columns: { n: columns.n } } } })
  const { docs } = db.store
  await docs.set({ id: 'a', n: 1 })
  // the second was made without knowing of the first, as on another device
  const events = [
    docs.event.update('a', { $inc: { n: 5 } }),
    docs.event.update('a', { $inc: { n: 7 }, $push: { by: 'b' } }),
  ]
  assert.deepEqual(events[0].data, [ESModel.PATCH, 'a', { $inc: { n: 5 } }])
  await db.dispatch(events)
  assert.deepEqual(await docs.get('a'), { id: 'a', n: 13, by: ['b'] })
  const [last] = (await db.queue.search({}, { limit: 1, sort: { v: -1 } })).items
  assert.deepEqual(last.data, [5, 'a', { $inc: { n: 7 }, $push: { by: 'b' } }])
  await db.rebuild()
  assert.deepEqual(await docs.get('a'), { id: 'a', n: 13, by: ['b'] })
  const failing = docs.event.update('a', { $inc: { by: 1 } })
  await assert.rejects(db.dispatch(failing), { code: 'BAD_VALUE' })
  await db.close()
})

test('a change stays one where columns are computed, unless it meets them', async () => {
  const db = new EventSourcingDB({ models: { docs: { columns } } })
  const { docs } = db.store
  await docs.set({ id: 'a', title: 'One', n: 1 })
  const last = async () => (await db.queue.search({}, { limit: 1, sort: { v: -1 } })).items[0].data
  await docs.update('a', { $inc: { n: 1 }, $set: { title: 'Two' } })
  assert.deepEqual(await last(), [5, 'a', { $inc: { n: 1 }, $set: { title: 'Two', slug: 'two' } }])
  assert.equal((await docs.update('a', { $set: { slug: 'mine' }, $inc: { n: 1 } })).slug, 'two')
  assert.deepEqual(await last(), [3, 'a', { id: 'a', n: 3 }])
  await db.close()
})

test('a subclass that overrides set or remove sees every write', async () => {
  const seen = []
  class Watched extends JsonModel {
    async set(obj, ...rest) {
      seen.push(['set', obj.id])
      return super.set({ ...obj, by: 'me' }, ...rest)
    }
    async remove(id) {
      seen.push(['remove', id])
      return super.remove(id)
    }
  }
  const db = new DB()
  const docs = db.addModel(Watched, {
    name: 'docs',
    columns: { slug: { slugValue: o => o.id, index: true } },
  })
  await docs.set({ id: 'a', n: 1 })
  await docs.update({ id: 'a', n: 2 })
  assert.equal((await docs.update('a', { $inc: { n: 1 } })).n, 3)
  await docs.updateWhere({}, { $inc: { n: 1 } })
  await docs.updateWhere({}, { m: 1 })
  await docs.updateWhere({}, doc => doc)
  assert.deepEqual(await docs.get('a'), { id: 'a', n: 4, m: 1, by: 'me', slug: 'a' })
  await docs.removeWhere({})
  assert.deepEqual(seen, [...Array(6).fill(['set', 'a']), ['remove', 'a']])
  await db.close()
})

test('inside a transaction that goes on, documents are changed or removed all or none', async () => {
  class Each extends JsonModel {
    async set(...args) {
      return super.set(...args)
    }
    async remove(id) {
      if (id === 'c') throw new Error('c stays')
      return super.remove(id)
    }
  }
  const db = new DB()
  const plain = { id: { type: 'TEXT' }, n: { type: 'INTEGER', index: 'ALL', unique: true } }
  const parents = db.addModel(JsonModel, { name: 'parents', columns: plain })
  const each = db.addModel(Each, { name: 'each', columns: plain })
  const referring = {
    parent: { type: 'TEXT', foreignKey: { model: 'parents', onDelete: 'RESTRICT' } },
  }
  const kids = db.addModel(JsonModel, { name: 'kids', columns: referring })
  const docs = ['a', 'b', 'c'].map((id, i) => ({ id, n: i }))
  for (const model of [parents, each]) await model.set(docs)
  await kids.set({ id: 'k', parent: 'c' })
  const failing = [
    model => model.updateWhere({}, { n: 9 }),
    model => model.updateWhere({}, { $set: { n: 9 } }),
    model => model.updateWhere({}, doc => ({ ...doc, n: 9 })),
    model => model.removeWhere({}),
  ]
  const tries = async store => {
    for (const model of [store.parents, store.each]) {
      for (const fail of failing) {
        await assert.rejects(fail(model), /UNIQUE|FOREIGN KEY|c stays/)
        assert.deepEqual(await model.searchAll({}, { sort: { id: 1 } }), docs)
      }
      assert.equal(await model.updateWhere({ n: 2 }, { n: 3 }), 1)
      assert.equal(await model.updateWhere({ n: 3 }, { $inc: { n: -1 } }), 1)
    }
  }
  await db.withTransaction(tx => tries(tx.store))
  await db.withTransaction(async () => tries(db.store))
  await tries(db.store)
  assert.equal(await parents.removeWhere({ id: ['a'] }).catch(error => error.name), 'TypeError')
  assert.equal(await parents.removeWhere({ n: { $lt: 2 } }), 2)
  assert.equal(await parents.count(), 1)
  await db.close()
})
