// driftdb's repositories: records created, found, changed and removed, alone and in transactions.
// Conditions and column types: driftdb-where.test.js.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Column, DB, JsonModel, Repository } from 'tidelog'
import { ann, bob, open } from './driftdb-users.js'

test('create gives the record as stored, with id, times and defaults', async () => {
  const [db, users] = open()
  const before = Date.now()
  const made = await users.create(bob)
  assert.match(made.id, /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/)
  assert.ok(made.createdAt >= before && made.createdAt <= Date.now())
  assert.ok(made.updatedAt >= made.createdAt && made.updatedAt <= Date.now())
  assert.equal(made.age, 18)
  assert.deepEqual(await users.findById(made.id), made)
  await db.close()
})

test('create takes a given id and createdAt, and inserts only', async () => {
  const [db, users] = open()
  const made = await users.create({ ...ann, id: 'one', createdAt: 5 })
  assert.deepEqual([made.id, made.createdAt], ['one', 5])
  await assert.rejects(users.create({ id: 'one', name: 'Eve' }), /SQLITE_CONSTRAINT|UNIQUE/)
  assert.equal((await users.findById('one')).name, 'Ann')
  await db.close()
})

test('a record has null where there is no value', async () => {
  const [db, users] = open()
  const made = await users.create({ name: 'Ann' })
  assert.equal(made.email, null)
  assert.deepEqual(Object.keys(made).sort(), [
    'age',
    'createdAt',
    'email',
    'id',
    'name',
    'updatedAt',
  ])
  await db.close()
})

test('findById and findOne give null when there is none', async () => {
  const [db, users] = open()
  await users.create(ann)
  assert.equal(await users.findById('nobody'), null)
  assert.equal(await users.findOne({ name: 'Nobody' }), null)
  assert.equal((await users.findOne({ name: 'Ann' })).email, 'a@x.org')
  await db.close()
})

test('find sorts by several columns, limits, and takes an offset without a limit', async () => {
  const [db, users] = open()
  for (const [name, age] of [
    ['c', 1],
    ['a', 2],
    ['b', 2],
    ['d', 1],
  ])
    await users.create({ name, age })
  const names = async options => (await users.find(options)).map(({ name }) => name).join('')
  assert.equal(await names({ orderBy: { age: 'DESC', name: 'ASC' } }), 'abcd')
  assert.equal(await names({ orderBy: { age: 'ASC', name: 'DESC' } }), 'dcba')
  assert.equal(await names({ orderBy: { name: 'desc' }, limit: 2 }), 'dc')
  assert.equal(await names({ orderBy: { name: 'ASC' }, limit: 2, offset: 1 }), 'bc')
  assert.equal(await names({ orderBy: { name: 'ASC' }, offset: 3 }), 'd')
  assert.equal(await names({ limit: 0 }), '')
  assert.equal(await names({ where: { age: 1 }, orderBy: { name: 'ASC' } }), 'cd')
  assert.equal((await users.filter({ age: 2 }, { orderBy: { name: 'DESC' } }))[0].name, 'b')
  await db.close()
})

test('update counts what it changed, sets updatedAt and leaves the rest', async () => {
  const [db, users] = open()
  const { id } = await users.create({ ...ann, createdAt: 5 })
  await db.run`UPDATE users SET updatedAt = 5`
  const before = Date.now()
  assert.equal(await users.update({ email: 'a@x.org' }, { age: 31 }), 1)
  const { updatedAt, ...rest } = await users.findById(id)
  assert.deepEqual(rest, { ...ann, id, createdAt: 5, age: 31 })
  assert.ok(updatedAt >= before)
  assert.equal(await users.update({ name: 'Nobody' }, { age: 1 }), 0)
  await users.update({ id }, { email: null })
  assert.equal((await users.findById(id)).email, null)
  await db.close()
})

test('update changes no id, and no record when one of them is refused', async () => {
  const [db, users] = open()
  await users.create(ann)
  await users.create(bob)
  await assert.rejects(users.update({}, { id: 'x' }), {
    name: 'TypeError',
    message: /id cannot be changed/,
  })
  await assert.rejects(users.update({}, { email: 'same@x.org' }), /SQLITE_CONSTRAINT|UNIQUE/)
  await assert.rejects(users.update({}, { name: null }), { code: 'REQUIRED' })
  assert.equal(await users.count({ email: 'same@x.org' }), 0)
  await db.close()
})

test('delete and deleteById remove; delete({}) removes all', async () => {
  const [db, users] = open()
  const { id } = await users.create(ann)
  await users.create(bob)
  assert.equal(await users.delete({ name: 'Nobody' }), 0)
  assert.equal(await users.delete({ name: 'Bob' }), 1)
  assert.equal(await users.deleteById(id), true)
  assert.equal(await users.deleteById(id), false)
  await users.create(ann)
  await users.create(bob)
  assert.equal(await users.delete({}), 2)
  assert.equal(await users.count(), 0)
  await db.close()
})

test('a condition that is undefined never makes a write reach every record', async () => {
  const [db, users] = open()
  await users.create(ann)
  const refused = { name: 'TypeError', message: /where\.id is undefined/ }
  await assert.rejects(users.delete({ id: undefined }), refused)
  await assert.rejects(users.update({ id: undefined }, { age: 1 }), refused)
  await assert.rejects(users.upsert({ id: undefined }, { age: 1 }), refused)
  await assert.rejects(users.delete(), { name: 'TypeError', message: /where must be an object/ })
  assert.equal((await users.find({ where: { id: undefined } })).length, 1)
  await db.close()
})

test('upsert creates what where asks for, then changes it', async () => {
  const [db, users] = open()
  const made = await users.upsert({ email: 'a@x.org' }, { name: 'Ann' })
  assert.deepEqual([made.email, made.name, made.age], ['a@x.org', 'Ann', 18])
  const changed = await users.upsert({ email: 'a@x.org' }, { name: 'Anna' })
  assert.deepEqual([changed.id, changed.name], [made.id, 'Anna'])
  assert.equal(await users.count(), 1)
  await db.close()
})

test('upserts at the same time make one record', async () => {
  const [db, users] = open()
  const ages = Array.from({ length: 20 }, (_, age) => age)
  await Promise.all(ages.map(age => users.upsert({ email: 'a@x.org' }, { name: 'Ann', age })))
  assert.equal(await users.count(), 1)
  await db.close()
})

test('a default with a quote in it is safe', async () => {
  const db = new DB()
  const notes = db.define('notes', { text: Column.text().default("it's; DROP TABLE notes--") })
  assert.equal((await notes.create({})).text, "it's; DROP TABLE notes--")
  assert.equal(
    (await notes.findOne({ text: "it's; DROP TABLE notes--" })).text,
    "it's; DROP TABLE notes--",
  )
  await db.close()
})

test('a required column, a unique one and an index are in force', async () => {
  const [db, users] = open()
  await assert.rejects(users.create({ email: 'x' }), { code: 'REQUIRED' })
  await users.create(ann)
  await assert.rejects(users.create({ ...bob, email: 'a@x.org' }), /SQLITE_CONSTRAINT|UNIQUE/)
  await users.create({ name: 'No mail' })
  await users.create({ name: 'No mail either' })
  const plan = await db.all('EXPLAIN QUERY PLAN SELECT * FROM users WHERE age = 3')
  assert.match(plan[0].detail, /USING INDEX users_age/)
  await db.close()
})

test('raw and runRaw speak SQL', async () => {
  const [db, users] = open()
  await users.create(ann)
  assert.deepEqual(await users.raw('SELECT name, age FROM users WHERE age > ?', [20]), [
    { name: 'Ann', age: 30 },
  ])
  assert.deepEqual(await users.raw('SELECT 1 AS one'), [{ one: 1 }])
  const { changes, lastInsertRowid } = await users.runRaw('UPDATE users SET age = ?', [5])
  assert.equal(changes, 1)
  assert.equal(typeof lastInsertRowid, 'number')
  assert.equal((await users.findOne({})).age, 5)
  await db.close()
})

test('what is not declared is refused by its name', async () => {
  const [db, users] = open()
  const named = name => ({ name: 'TypeError', message: new RegExp(`no column '${name}'`) })
  await assert.rejects(users.create({ name: 'Ann', nmae: 1 }), named('nmae'))
  await assert.rejects(users.update({}, { nope: 1 }), named('nope'))
  await assert.rejects(users.find({ where: { nope: 1 } }), named('nope'))
  await assert.rejects(users.find({ orderBy: { 'name"; --': 'ASC' } }), named('name"; --'))
  await assert.rejects(
    users.find({ orderBy: { name: 'ASC; DROP TABLE users' } }),
    /must be 'ASC' or 'DESC'/,
  )
  await assert.rejects(users.find({ wher: {} }), /unknown option wher/)
  await assert.rejects(users.find({ limit: 'all' }), /whole numbers/)
  assert.throws(() => db.define('bad', { a: { type: 'VARCHAR' } }), /type must be one of TEXT/)
  assert.throws(() => db.define('bad', { id: { type: 'TEXT' } }), /every table has 'id'/)
  assert.throws(() => db.define('users', { other: Column.text() }), /defined with another schema/)
  await db.close()
})

test('any model can be seen through a repository', async () => {
  const db = new DB()
  const things = new Repository(
    db.addModel(JsonModel, { name: 'things', columns: { n: { index: true } } }),
  )
  const made = await things.create({ id: 'a', n: 1, free: true })
  assert.deepEqual(await things.findOne({ n: 1 }), { id: 'a', n: 1, free: true })
  assert.deepEqual(made, { id: 'a', n: 1, free: true })
  await db.close()
})

test('a transaction holds what repositories do in it, all or nothing', async () => {
  const [db, users] = open()
  await users.create(ann)
  const stop = new Error('stop')
  const joined = db.transaction(async () => {
    await users.create(bob)
    await users.upsert({ email: 'a@x.org' }, { age: 1 })
    throw stop
  })
  await assert.rejects(joined, stop)
  const isolated = db.transaction(async tx => {
    const inside = tx.repository('users')
    await inside.create(bob)
    await inside.update({ name: 'Ann' }, { age: 1 })
    assert.deepEqual(await inside.raw('SELECT count(*) AS n FROM users'), [{ n: 2 }])
    assert.equal(await users.count(), 1)
    throw stop
  })
  await assert.rejects(isolated, stop)
  assert.deepEqual([await users.count(), (await users.findOne({})).age], [1, 30])
  assert.equal(await db.transaction(tx => tx.repository('users').count()), 1)
  await db.close()
})

test('a refused update inside a transaction leaves nothing, and the transaction goes on', async () => {
  const [db, users] = open()
  await users.create(ann)
  await users.create(bob)
  await db.transaction(async tx => {
    const inside = tx.repository('users')
    await assert.rejects(inside.update({}, { email: 'same@x.org' }), /SQLITE_CONSTRAINT|UNIQUE/)
    assert.equal(await inside.count({ email: 'same@x.org' }), 0)
    await inside.create({ name: 'Eve' })
  })
  assert.deepEqual([await users.count(), await users.count({ email: 'same@x.org' })], [3, 0])
  await db.close()
})
