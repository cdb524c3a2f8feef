// driftdb's conditions and column types: each operator, what is refused, and values that come back
// as they went in.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Column, DB } from 'tidelog'

const schema = {
  name: Column.text(),
  age: Column.integer(),
  active: Column.boolean(),
}

async function people() {
  const db = new DB()
  const people = db.define('people', schema)
  await people.create({ name: 'Ann', age: 20, active: true })
  await people.create({ name: 'Bob', age: 30, active: false })
  await people.create({ name: 'bea', age: 40 })
  await people.create({ name: '50% off_' })
  const names = async where => (await people.find({ where })).map(({ name }) => name).sort()
  return { db, people, names }
}

test('each operator of driftdb finds what it says', async () => {
  const { db, names } = await people()
  assert.deepEqual(await names({ age: 20 }), ['Ann'])
  assert.deepEqual(await names({ age: { $gt: 30 } }), ['bea'])
  assert.deepEqual(await names({ age: { $gte: 30 } }), ['Bob', 'bea'])
  assert.deepEqual(await names({ age: { $lt: 30 } }), ['Ann'])
  assert.deepEqual(await names({ age: { $lte: 30 } }), ['Ann', 'Bob'])
  assert.deepEqual(await names({ age: { $gt: 20, $lt: 40 } }), ['Bob'])
  assert.deepEqual(await names({ name: { $like: 'b%' } }), ['Bob', 'bea'])
  assert.deepEqual(await names({ age: { $in: [20, 40] } }), ['Ann', 'bea'])
  assert.deepEqual(await names({ age: { $in: [] } }), [])
  assert.deepEqual(await names({ age: 30, name: { $like: 'B%' } }), ['Bob'])
  await db.close()
})

test('null asks for records without a value, $ne counts them as different', async () => {
  const { db, names } = await people()
  assert.deepEqual(await names({ age: null }), ['50% off_'])
  assert.deepEqual(await names({ age: { $ne: null } }), ['Ann', 'Bob', 'bea'])
  assert.deepEqual(await names({ age: { $ne: 20 } }), ['50% off_', 'Bob', 'bea'])
  assert.deepEqual(await names({ $or: [{ age: null }, { age: 20 }] }), ['50% off_', 'Ann'])
  await db.close()
})

test("JsonModel's operators work here, too", async () => {
  const { db, names } = await people()
  assert.deepEqual(await names({ age: { $between: [20, 30] } }), ['Ann', 'Bob'])
  assert.deepEqual(await names({ age: { $nin: [20, 30] }, name: { $glob: 'b*' } }), ['bea'])
  assert.deepEqual(await names({ $not: { name: 'Ann' }, age: { $exists: true } }), ['Bob', 'bea'])
  assert.deepEqual(await names({ $and: [{ age: { $gt: 20 } }, { age: { $lt: 40 } }] }), ['Bob'])
  await db.close()
})

test('an unknown operator is refused, and changes nothing', async () => {
  const { db, people: all } = await people()
  await assert.rejects(all.find({ where: { age: { $gtt: 5 } } }), {
    name: 'TypeError',
    message: /\$gtt/,
  })
  await assert.rejects(all.delete({ age: { $gtt: 5 } }), { name: 'TypeError', message: /\$gtt/ })
  await assert.rejects(all.find({ where: { age: { $in: 5 } } }), { name: 'TypeError' })
  assert.equal(await all.count(), 4)
  await db.close()
})

test('upsert creates what is equal, JSON too, and not what operators say', async () => {
  const db = new DB()
  const things = db.define('things', {
    extra: Column.json(),
    n: Column.integer(),
    t: Column.text(),
  })
  const where = { extra: { a: 1 }, n: { $gt: 5 }, t: null }
  const made = await things.upsert(where, { n: 6 })
  assert.deepEqual([made.extra, made.n, made.t], [{ a: 1 }, 6, null])
  assert.equal((await things.upsert(where, { n: 7 })).id, made.id)
  await db.close()
})

test('undefined inside $or never makes a write reach every record', async () => {
  const { db, people: all } = await people()
  await assert.rejects(all.delete({ $or: [{ age: undefined }] }), {
    name: 'TypeError',
    message: /undefined/,
  })
  assert.equal(await all.count(), 4)
  await db.close()
})

test('booleans come back as booleans, are searched as such, and are 0 and 1 to SQL', async () => {
  const { db, people: all, names } = await people()
  const sorted = await all.find({ orderBy: { name: 'ASC' } })
  assert.deepEqual(
    sorted.map(({ active }) => active),
    [null, true, false, null],
  )
  assert.deepEqual(await names({ active: true }), ['Ann'])
  assert.deepEqual(await names({ active: false }), ['Bob'])
  assert.deepEqual(await names({ active: { $in: [true, false] } }), ['Ann', 'Bob'])
  assert.deepEqual(await names({ active: { $ne: true } }), ['50% off_', 'Bob', 'bea'])
  assert.equal(await all.update({ active: false }, { active: true }), 1)
  assert.deepEqual(await all.raw('SELECT name FROM people WHERE active = 1 ORDER BY name'), [
    { name: 'Ann' },
    { name: 'Bob' },
  ])
  assert.equal((await db.store.people.searchOne({ name: 'Ann' })).active, true)
  await db.close()
})

test('a default of false and of 0 is a value', async () => {
  const db = new DB()
  const posts = db.define('posts', {
    published: Column.boolean().default(false).build(),
    views: Column.integer().default(0).build(),
    live: Column.boolean().default(true).build(),
  })
  const { id, createdAt, updatedAt, ...post } = await posts.create({})
  assert.deepEqual(post, { published: false, views: 0, live: true })
  assert.equal((await posts.find({ where: { published: false, views: 0, live: true } })).length, 1)
  await db.close()
})

test('every type gives back what it took', async () => {
  const db = new DB()
  const kinds = db.define('kinds', {
    text: Column.text(),
    integer: Column.integer(),
    real: Column.real(),
    flag: Column.boolean(),
    bytes: Column.blob(),
    any: Column.json(),
    day: Column.date(),
    big: Column.bigint(),
  })
  const given = {
    text: "it's \u{1f30a}",
    integer: -7,
    real: 0.1,
    flag: true,
    bytes: new Uint8Array([0, 1, 255]),
    any: { a: [1, null, 'x'] },
    day: new Date(5),
    big: 2n ** 60n,
  }
  const { id, createdAt, updatedAt, ...made } = await kinds.create(given)
  assert.deepEqual(made, given)
  const { id: _, createdAt: __, updatedAt: ___, ...found } = await kinds.findById(id)
  assert.deepEqual(found, given)
  assert.equal((await kinds.find({ where: { bytes: new Uint8Array([0, 1, 255]) } })).length, 1)
  assert.equal(
    (await kinds.find({ where: { day: { $lt: new Date(6) }, big: { $gt: 2n ** 59n } } })).length,
    1,
  )
  await db.close()
})

test('a column may have what a column of JsonModel has', async () => {
  const db = new DB()
  const notes = db.define('notes', {
    title: { type: 'TEXT', collate: 'NOCASE' },
    body: { type: 'TEXT', fts: true },
  })
  await notes.create({ title: 'Sea', body: 'the tide comes in' })
  assert.equal((await notes.find({ where: { title: 'sEA' } })).length, 1)
  assert.equal((await notes.find({ where: { body: { $match: 'tide' } } })).length, 1)
  assert.equal((await notes.find({ where: { $match: 'hills' } })).length, 0)
  await db.close()
})

test('upsert puts what is asked for by a path, or by $eq, into the new record, and finds it again', async () => {
  const db = new DB()
  const things = db.define('things', { j: Column.json(), t: Column.text(), email: Column.text() })
  for (const where of [
    { 'j.a': 7 },
    { 'j.list[0].b': 'x' },
    { email: { $eq: 'x' } },
    { j: { $eq: { k: 1 } } },
  ]) {
    const made = await things.upsert(where, { t: 'x' })
    assert.equal((await things.upsert(where, { t: 'y' })).id, made.id, JSON.stringify(where))
    assert.equal((await things.findById(made.id)).t, 'y')
  }
  assert.equal(await things.count(), 4)
  const { id, createdAt, updatedAt, ...nested } = await things.findOne({ 'j.a': 7 })
  assert.deepEqual(nested, { j: { a: 7 }, t: 'y', email: null })
  // what the data says wins, and stays beside what was asked for
  assert.deepEqual((await things.upsert({ 'j.a': 8, t: 'z' }, { j: { b: 1 }, t: 'mine' })).j, {
    a: 8,
    b: 1,
  })
  assert.equal(await things.count({ t: 'mine' }), 1)
  await db.close()
})

test('a condition of a write that would be none is refused; {} still means all', async () => {
  const db = new DB()
  const notes = db.define('notes', {
    body: { type: 'TEXT', textSearch: true },
    title: { type: 'TEXT', fts: true },
    kind: { type: 'TEXT', in: true },
  })
  for (const body of ['a', 'b', 'c']) await notes.create({ body, title: body })
  const none = { name: 'TypeError', message: /no condition/ }
  for (const where of [
    { body: '' },
    { kind: [] },
    { $and: [] },
    { $or: [{}] },
    { $or: [{ kind: [] }, { body: 'a' }] },
  ]) {
    await assert.rejects(notes.delete(where), none, JSON.stringify(where))
    await assert.rejects(notes.update(where, { kind: 'x' }), none)
    await assert.rejects(notes.upsert(where, { kind: 'x' }), none)
  }
  await assert.rejects(notes.delete({ title: { $match: ' ' } }), {
    code: 'BAD_VALUE',
    message: /no condition/,
  })
  assert.equal(await notes.count({ kind: null }), 3)
  assert.equal(await notes.delete({ kind: null, body: 'a' }), 1)
  assert.equal(await notes.delete({}), 2)
  await db.close()
})
