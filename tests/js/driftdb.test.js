// driftdb's surface: `define`, `registerModel` and what its DB tells. Conditions and column types:
// driftdb-where.test.js.
import assert from 'node:assert/strict'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { Column, DB, EventSourcingDB, JsonModel, Model, Repository, TidelogError } from 'tidelog'

const schema = {
  name: Column.text().required().build(),
  email: Column.text().unique().build(),
  age: Column.integer().default(18).index().build(),
}

function open(options) {
  const db = new DB({ sqlitePath: ':memory:', autoSync: false, ...options })
  return [db, db.define('users', schema)]
}

const ann = { name: 'Ann', email: 'a@x.org', age: 30 }
const bob = { name: 'Bob', email: 'b@x.org' }

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

test('a table defined again, or later with one more column, keeps its records', async () => {
  const sqlitePath = join(tmpdir(), `tidelog-drift-${process.pid}.db`)
  rmSync(sqlitePath, { force: true, recursive: true })
  const first = new DB({ sqlitePath })
  const users = first.define('users', { name: Column.text() })
  const { id } = await users.create({ name: 'Ann' })
  assert.equal((await first.define('users', { name: Column.text() }).findById(id)).name, 'Ann')
  await first.close()
  const second = new DB({ sqlitePath })
  const more = second.define('users', { name: Column.text(), b: Column.integer().default(1) })
  assert.equal((await more.findById(id)).name, 'Ann')
  assert.equal((await more.create({ name: 'Bob' })).b, 1)
  await second.close()
  rmSync(sqlitePath, { force: true, recursive: true })
})

test('a defined table is a model of the store, with the same documents', async () => {
  const [db, users] = open()
  assert.ok(db.store.users instanceof JsonModel)
  const { id, createdAt, updatedAt } = await db.store.users.set({ name: 'Ann' })
  assert.ok(createdAt > 0 && updatedAt >= createdAt)
  assert.equal((await users.findById(id)).name, 'Ann')
  const live = db.store.users.live({ name: 'Bob' })[Symbol.asyncIterator]()
  assert.deepEqual((await live.next()).value, [])
  await users.create(bob)
  assert.equal((await live.next()).value[0].email, 'b@x.org')
  await live.return()
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

class User extends Model {
  static tableName = 'users'
  static schema = schema
  greet() {
    return `Hi ${this.name}`
  }
}

test('a registered class has the methods as statics, and gives its instances', async () => {
  const db = new DB()
  db.registerModel(User)
  const made = await User.create(ann)
  assert.ok(made instanceof User)
  assert.equal(made.greet(), 'Hi Ann')
  assert.equal((await User.findById(made.id)).greet(), 'Hi Ann')
  assert.equal((await User.findOne({ name: 'Ann' })).id, made.id)
  assert.equal((await User.find({ orderBy: { age: 'DESC' } })).length, 1)
  assert.equal((await User.filter({ age: 30 })).length, 1)
  assert.equal(await User.update({ id: made.id }, { age: 31 }), 1)
  assert.equal((await User.upsert({ email: 'a@x.org' }, { age: 32 })).age, 32)
  assert.equal(await User.count({ age: 32 }), 1)
  assert.deepEqual(await User.raw('SELECT age FROM users'), [{ age: 32 }])
  assert.equal((await User.runRaw('UPDATE users SET age = 1')).changes, 1)
  assert.equal(await User.deleteById('x'), false)
  assert.equal(await User.delete({ id: made.id }), 1)
  await db.close()
})

test('a class says what it lacks', () => {
  const db = new DB()
  assert.throws(
    () => db.registerModel(class Post extends Model {}),
    /Post must define a static 'tableName'/,
  )
  class Page extends Model {
    static tableName = 'pages'
  }
  assert.throws(() => db.registerModel(Page), /Page must define a static 'schema'/)
  class Lost extends User {}
  assert.throws(() => Lost.create({}), {
    name: 'TypeError',
    message: /call db\.registerModel\(Lost\)/,
  })
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

test('the database tells its name, its figures and whether it is sound', async () => {
  const sqlitePath = join(tmpdir(), `tidelog-node-${process.pid}.db`)
  rmSync(sqlitePath, { force: true, recursive: true })
  const open = async nodeId => {
    const db = new DB(nodeId ? { sqlitePath, nodeId } : { sqlitePath })
    const id = await db.getNodeId()
    const metrics = await db.getMetrics()
    assert.equal(await db.integrityCheck(), true)
    await db.vacuum()
    assert.deepEqual(await db.raw().all('SELECT 1 AS one'), [{ one: 1 }])
    await db.close()
    return [id, metrics]
  }
  const [id, metrics] = await open()
  assert.match(id, /^[0-9a-f]{12}$/)
  assert.ok(metrics.dbSizeBytes >= 4096)
  const { dbSizeBytes, ...rest } = metrics
  assert.deepEqual(rest, {
    lastSyncAt: null,
    lastSnapshotAt: null,
    pendingChanges: 0,
    totalSynced: 0,
    syncErrors: 0,
    isRunning: false,
  })
  assert.equal((await open())[0], id)
  assert.equal((await open('mine'))[0], 'mine')
  assert.equal((await open())[0], 'mine')
  rmSync(sqlitePath, { force: true, recursive: true })
  const memory = new DB()
  assert.equal((await memory.getMetrics()).dbSizeBytes, 0)
  await memory.close()
})

test('a damaged database fails its check', async () => {
  const sqlitePath = join(tmpdir(), `tidelog-damaged-${process.pid}.db`)
  rmSync(sqlitePath, { force: true, recursive: true })
  const db = new DB({ sqlitePath })
  await db.define('users', schema).create(ann)
  await db.close()
  // the index of `email` no longer has what the table has
  const bytes = readFileSync(sqlitePath)
  bytes.write('b', bytes.lastIndexOf('a@x.org'))
  writeFileSync(sqlitePath, bytes)
  const damaged = new DB({ sqlitePath })
  assert.equal(await damaged.integrityCheck(), false)
  await damaged.close()
  rmSync(sqlitePath, { force: true, recursive: true })
})

test('what needs S3 says that it is not there, what has nothing to do does nothing', async () => {
  const [db] = open()
  const refused = error => error instanceof TidelogError && error.code === 'NOT_SUPPORTED'
  assert.throws(() => new DB({ s3Config: { bucket: 'b', region: 'r' } }), refused)
  assert.throws(() => new DB({ encryption: { key: '00' } }), refused)
  assert.throws(() => db.startSync(), refused)
  await assert.rejects(db.snapshot(), refused)
  assert.equal(await db.flush(), undefined)
  assert.equal(db.stopSync(), undefined)
  assert.throws(() => new DB({ sqlitePath: 'a', file: 'b' }), /sqlitePath is another name of file/)
  await db.close()
})

test('beside the models of events a defined table is local, and its own truth', async () => {
  const es = new EventSourcingDB({ models: { todos: {} } })
  const users = es.db.define('users', { name: Column.text() })
  await users.create({ id: 'u', name: 'Ann' })
  await es.store.todos.set({ id: 't' })
  await es.rebuild()
  assert.equal((await users.findById('u')).name, 'Ann')
  assert.equal(await es.store.todos.count(), 1)
  await es.close()
})
