// SQLite's own surface: opening and its hooks, the ways to run a statement, statements, events,
// versions, free pages.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { DB, JsonModel, SQLite, sql } from 'tidelog'

const directory = mkdtempSync(join(tmpdir(), 'tidelog-test-'))
after(() => rmSync(directory, { recursive: true }))
let files = 0
const file = () => join(directory, `${++files}.db`)

const pause = ms => new Promise(go => setTimeout(go, ms))

test('hooks run in their order, before anybody else, and again when the database is opened again', async () => {
  const seen = []
  const db = new SQLite({
    file: file(),
    onWillOpen: () => void seen.push('will'),
    onDidOpen: async child => {
      await pause(20)
      await child.exec('CREATE TABLE IF NOT EXISTS t(a)')
      await child.withTransaction(() => child.run('INSERT INTO t VALUES (1)'))
      seen.push(`did ${child.isOpen} ${child === db} ${db.isOpen}`)
    },
  })
  db.runOnceOnOpen(async child =>
    seen.push(`once ${(await child.get('SELECT count(*) AS n FROM t')).n}`),
  )
  assert.equal(db.isOpen, false)
  const early = db.get('SELECT count(*) AS n FROM t')
  assert.deepEqual(await early, { n: 1 })
  const order = ['will', 'did true false false', 'once 1']
  assert.deepEqual(seen, order)
  await db.close()
  assert.deepEqual(await db.get('SELECT count(*) AS n FROM t'), { n: 2 })
  assert.deepEqual(seen, [...order, 'will', 'did true false false'])
  assert.equal(
    db.runOnceOnOpen(() => 'now'),
    'now',
  )
  assert.equal(await db.dbP, db)
  await db.close()
})

test('hooks run on a read-only connection, too, and nothing there writes', async () => {
  const name = file()
  const writer = new DB({ file: name })
  writer.addModel(JsonModel, { name: 'docs' })
  await writer.store.docs.set({ id: 'a' })
  await writer.close()
  const seen = []
  const db = new DB({
    file: name,
    readOnly: true,
    autoVacuum: true,
    onWillOpen: () => seen.push('will'),
    onDidOpen: async child => seen.push(await child.store.docs.get('a')),
    onBeforeMigrations: () => seen.push('never'),
    migrations: [{ runKey: 'x', up: () => seen.push('never') }],
  })
  db.addModel(JsonModel, { name: 'docs' })
  db.runOnceOnOpen(() => seen.push('once'))
  assert.equal(await db.store.docs.count(), 1)
  assert.deepEqual(seen, ['will', { id: 'a' }, 'once'])
  await assert.rejects(
    db.withTransaction(() => {}),
    /DB is readonly/,
  )
  await assert.rejects(db.store.docs.set({ id: 'b' }), { code: 'SQLITE_READONLY' })
  await assert.rejects(db.run('DELETE FROM docs'), { code: 'SQLITE_READONLY' })
  await db.close()
})

test('a hook that throws fails the open, and only that one', async () => {
  let fail = 'will'
  const db = new SQLite({
    file: file(),
    onWillOpen: () => {
      if (fail === 'will') throw new Error('will failed')
    },
    onDidOpen: () => {
      if (fail === 'did') throw new Error('did failed')
    },
  })
  let ran = 0
  db.runOnceOnOpen(() => {
    if (fail === 'once') throw new Error('once failed')
    ran += 1
  })
  for (fail of ['will', 'did', 'once']) {
    await assert.rejects(db.get('SELECT 1'), new RegExp(`${fail} failed`))
    assert.equal(db.isOpen, false)
  }
  await assert.rejects(db.open(), /in function queued/)
  fail = undefined
  assert.deepEqual(await db.get('SELECT 1 AS a'), { a: 1 })
  await db.close()
  await db.open()
  assert.equal(ran, 1)
  await db.close()
})

test('a file that is open elsewhere is waited for as long as busyTimeout says', async () => {
  const name = file()
  const first = new SQLite({ file: name })
  await first.exec('CREATE TABLE t(a)')
  await assert.rejects(new SQLite({ file: name }).open(), { code: 'LOCKED' })
  const second = new SQLite({ file: name, busyTimeout: 5000 })
  const waiting = second.all('SELECT * FROM t')
  await pause(60)
  await first.close()
  assert.deepEqual(await waiting, [])
  await second.close()
})

test('every way to run a statement is a template tag, too', async () => {
  const db = new SQLite()
  const [name, hostile] = ['my "table"', "'); DROP TABLE x; --"]
  await db.exec`CREATE TABLE ${name}ID(a, b)`
  await db.exec`INSERT INTO ${name}ID VALUES (${1}, ${hostile})`
  assert.deepEqual(await db.run`INSERT INTO ${name}ID VALUES (${2}, ${{ c: 1 }}JSON)`, {
    changes: 1,
    lastID: 2,
  })
  assert.deepEqual(await db.all`SELECT a FROM ${name}ID WHERE a > ${0} ${'ORDER BY a DESC'}LIT`, [
    { a: 2 },
    { a: 1 },
  ])
  assert.deepEqual(await db.get`SELECT b FROM ${name}ID WHERE a = ${1}`, { b: hostile })
  assert.deepEqual(await db.get`SELECT b ->> 'c' AS c FROM ${name}ID WHERE a = ${2}`, { c: 1 })
  const seen = []
  assert.equal(await db.each`SELECT a FROM ${name}ID WHERE a < ${9}`(row => seen.push(row.a)), 2)
  assert.equal(await db.each('SELECT 3 AS a', row => seen.push(row.a)), 1)
  assert.equal(await db.each('SELECT ? AS a', [4], row => seen.push(row.a)), 1)
  assert.deepEqual(seen, [1, 2, 3, 4])
  assert.deepEqual(await db.prepare`SELECT count(*) AS n FROM ${name}ID`.get(), { n: 2 })
  assert.deepEqual(sql`SELECT ${1}IDs`, ['SELECT ?IDs', [1]])
  assert.equal(sql.quoteId('a"b'), '"a""b"')
  assert.throws(() => db.prepare`SELECT ${1}`, TypeError)
  await assert.rejects(db.each('SELECT 1'), TypeError)
  await db.close()
})

test('a statement is one per text, runs its calls in their order, and survives a re-open', async () => {
  const db = new SQLite({ file: file() })
  await db.exec('CREATE TABLE t(a INTEGER PRIMARY KEY, b)')
  const insert = db.prepare('INSERT INTO t(b) VALUES (?)', 'insert')
  assert.equal(db.prepare('INSERT INTO t(b) VALUES (?)'), insert)
  assert.equal(insert.isStatement, true)
  assert.equal(insert.db, db)
  assert.equal(insert.sql, 'INSERT INTO t(b) VALUES (?)')
  const ids = await Promise.all(['x', 'y', 'z'].map(async b => (await insert.run([b])).lastID))
  assert.deepEqual(ids, [1, 2, 3])
  await assert.rejects(insert.run([1, 2]), error =>
    error.message.startsWith(`${db.name}[insert]: `),
  )
  await db.close()
  assert.equal((await insert.run(['again'])).lastID, 4)
  const read = db.prepare('SELECT b FROM t WHERE a >= $a')
  assert.deepEqual(await read.get({ a: 4 }), { b: 'again' })
  assert.equal(await read.get({ a: 5 }), undefined)
  assert.deepEqual(await read.all({ a: 3 }), [{ b: 'z' }, { b: 'again' }])
  const seen = []
  assert.equal(await read.each({ a: 2 }, row => seen.push(row.b)), 3)
  assert.deepEqual(seen, ['y', 'z', 'again'])
  await assert.rejects(read.each({ a: 2 }), TypeError)
  await read.finalize()
  await read.finalize()
  assert.notEqual(db.prepare(read.sql), read)
  assert.deepEqual(await read.get({ a: 1 }), { b: 'x' })
  const inside = await db.withTransaction(tx => {
    const own = tx.prepare(insert.sql)
    assert.notEqual(own, insert)
    return own.run(['inside'])
  })
  assert.equal(inside.lastID, 5)
  await db.close()
})

test('calls are told with what they took and gave, also those that fail', async () => {
  const db = new SQLite({ name: 'mine' })
  const calls = []
  db.on('call', call => calls.push(call))
  await db.exec('CREATE TABLE t(a)')
  await db.run('INSERT INTO t VALUES (?)', [5])
  await db.prepare('SELECT a FROM t').all()
  await db.get('SELECT nothing').catch(() => {})
  assert.deepEqual(
    calls.map(({ method, isStmt, query }) => [method, isStmt, query]),
    [
      ['exec', false, 'CREATE TABLE t(a)'],
      ['run', false, 'INSERT INTO t VALUES (?)'],
      ['all', true, 'SELECT a FROM t'],
      ['get', false, 'SELECT nothing'],
    ],
  )
  assert.deepEqual(calls[1].args, [5])
  assert.deepEqual(calls[2].output, [{ a: 5 }])
  assert.equal(calls[3].error.code, 'SQLITE_ERROR')
  assert.match(calls[3].error.message, /^mine\|\d+: .*nothing.* in "SELECT nothing"/)
  assert.ok(calls.every(call => call.name === db.name && call.duration >= 0))
  await db.close()
})

test('verbose says where a failing call came from', async () => {
  const db = new SQLite({ verbose: true })
  const { debug } = console
  console.debug = () => {}
  try {
    const error = await db.get('SELECT nothing').catch(error => error)
    assert.match(error.stack, /sqlite\.test\.js/)
  } finally {
    console.debug = debug
    await db.close()
  }
})

test('the data version is not moved by our own writes, the user version takes 0', async () => {
  const db = new SQLite({ file: file() })
  await db.exec('CREATE TABLE t(a)')
  const version = await db.dataVersion()
  await db.run('INSERT INTO t VALUES (1)')
  await db.get('SELECT * FROM t')
  assert.equal(await db.dataVersion(), version)
  assert.equal(await db.userVersion(), 0)
  assert.equal(await db.userVersion(7), 7)
  await db.close()
  assert.equal(await db.userVersion(), 7)
  assert.equal(await db.userVersion(0), 0)
  await assert.rejects(
    db.withTransaction(async () => {
      await db.userVersion(9)
      throw new Error('no')
    }),
  )
  assert.equal(await db.userVersion(), 0)
  await assert.rejects(db.userVersion(1.5), TypeError)
  await assert.rejects(db.userVersion('1; DROP'), TypeError)
  await db.close()
})

const fill = (db, rows) =>
  db.exec(`CREATE TABLE t(a);
    INSERT INTO t SELECT zeroblob(4000) FROM json_each('[${'0,'.repeat(rows)}0]');
    DROP TABLE t;`)

test('free pages are given back step by step, while nobody asks', async () => {
  const db = new SQLite({
    file: file(),
    autoVacuum: true,
    vacuumInterval: 0.005,
    vacuumPageCount: 4,
  })
  await fill(db, 300)
  const free = async () => (await db.get('PRAGMA freelist_count')).freelist_count
  assert.ok((await free()) > 250)
  for (let i = 0; i < 400 && (await free()) >= 80; i++) await pause(10)
  const left = await free()
  assert.ok(left < 80 && left > 60, `stops where a step is not worth it: ${left} pages are left`)
  await db.vacuum()
  assert.equal(await free(), 0)
  await db.close()
})

test('vacuum makes the file small without autoVacuum, too', async () => {
  const name = file()
  const db = new SQLite({ file: name })
  await fill(db, 300)
  await db.vacuum()
  await db.close()
  assert.ok(statSync(name).size < 100_000)
  const later = new SQLite({ file: name, autoVacuum: true })
  await later.open()
  await later.close()
  // a connection that was open before keeps what it read first
  assert.deepEqual(await later.get('PRAGMA auto_vacuum'), { auto_vacuum: 2 })
  await later.close()
})

test('what NODE_ENV did elsewhere is an option', async () => {
  const db = new SQLite({ reverseUnordered: true })
  await db.exec('CREATE TABLE t(a); INSERT INTO t VALUES (1), (2)')
  assert.deepEqual(await db.all('SELECT a FROM t'), [{ a: 2 }, { a: 1 }])
  await db.close()
  const bad = {
    vacuumPageCount: 0,
    vacuumInterval: -1,
    busyTimeout: 'x',
    onDidOpen: 5,
    nonsense: 1,
  }
  for (const [key, value] of Object.entries(bad)) {
    assert.throws(() => new SQLite({ [key]: value }), {
      name: 'TypeError',
      message: new RegExp(key),
    })
  }
})

test('SQL of an application cannot damage what SQLite relies on', async () => {
  const db = new SQLite({ file: file() })
  await db.exec('CREATE TABLE t(a)')
  await db.exec('PRAGMA writable_schema = ON')
  await assert.rejects(db.run("UPDATE sqlite_schema SET sql = 'x'"), { code: 'SQLITE_ERROR' })
  assert.deepEqual(await db.get('PRAGMA cell_size_check'), { cell_size_check: 1 })
  assert.deepEqual(await db.get('PRAGMA trusted_schema'), { trusted_schema: 0 })
  await db.close()
})
