// driftdb's surface of a database: `define`, `registerModel`, and what the database tells of
// itself.
import assert from 'node:assert/strict'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { Column, DB, EventSourcingDB, JsonModel, Model, SQLite, TidelogError } from 'tidelog'
import { ann, bob, open, schema } from './driftdb-users.js'

test('DB is a SQLite, whose methods of driftdb hand on to an object beside it', () => {
  assert.equal(Object.getPrototypeOf(DB), SQLite)
  const db = new DB()
  const drift = Object.getPrototypeOf(db._drift)
  const names = Object.getOwnPropertyNames(drift).filter(
    name => !['constructor', 'of'].includes(name),
  )
  assert.equal(names.length, 12, String(names))
  const asked = []
  const answer = new Proxy({}, { get: (_, name) => () => asked.push(name) })
  db._drift = { of: given => (given === db ? answer : undefined) }
  for (const name of names) db[name]()
  assert.deepEqual(asked, names)
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
