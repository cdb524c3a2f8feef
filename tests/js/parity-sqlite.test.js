// strato-db's SQLite and DB: options, members, events, one test each:
// tests/checklist/strato-db.json points here, row by row. Statements and the sql tag:
// parity-statement.test.js.
import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { DB, JsonModel, SQLite, sql } from 'tidelog'
import { until } from './until.js'

const dir = mkdtempSync(join(tmpdir(), 'tidelog-parity-'))
after(() => rmSync(dir, { recursive: true, force: true }))
let files = 0
const newFile = () => join(dir, `${files++}.db`)

/** Runs `fn` with a database that is closed afterwards. */
async function withDb(options, fn, Class = SQLite) {
  const db = new Class(options)
  try {
    return await fn(db)
  } finally {
    await db.close()
  }
}
/** A pragma of the connection that writes; reads have their own. */
const pragma = async (db, name) =>
  Object.values(await db.withTransaction(() => db.get(`PRAGMA ${name}`)))[0]
const option = (name, says, fn) => test(`SQLite option ${name}: ${says}`, fn)
const member = (name, says, fn) => test(`SQLite member ${name}: ${says}`, () => withDb({}, fn))

option('file', 'is a path, in memory unless given', async () => {
  const file = newFile()
  await withDb({ file }, db => db.run('CREATE TABLE t (a)'))
  assert.ok(existsSync(file))
  await withDb({ file }, async db => assert.deepEqual(await db.all('SELECT * FROM t'), []))
  assert.equal(new SQLite().file, ':memory:')
})

option('readOnly', 'reads, runs its hooks, and writes nothing', async () => {
  const file = newFile()
  await withDb({ file }, db => db.exec('CREATE TABLE t (a); INSERT INTO t VALUES (1)'))
  let opened = 0
  await withDb({ file, readOnly: true, onDidOpen: () => (opened += 1) }, async db => {
    assert.deepEqual(await db.all('SELECT a FROM t'), [{ a: 1 }])
    await assert.rejects(db.run('INSERT INTO t VALUES (2)'), { code: /SQLITE_READONLY/ })
    await assert.rejects(
      db.withTransaction(() => {}),
      /readonly/,
    )
  })
  assert.equal(opened, 1)
})

option('onWillOpen', 'is awaited before the file is opened, and can fail that', async () => {
  const file = newFile()
  let may = false
  const onWillOpen = async () => {
    assert.ok(!existsSync(file))
    if (!may) throw new Error('not yet')
  }
  await withDb({ file, onWillOpen }, async db => {
    await assert.rejects(db.open(), /not yet/)
    assert.equal(db.isOpen, false)
    may = true
    await db.open()
    assert.equal(db.isOpen, true)
  })
})

option('onDidOpen', 'has the open database before anybody else', async () => {
  const onDidOpen = async db => {
    await db.run('CREATE TABLE t (a)')
    await new Promise(go => setTimeout(go, 20))
    await db.run('INSERT INTO t VALUES (1)')
  }
  await withDb({ onDidOpen }, async db =>
    assert.deepEqual(await db.all('SELECT a FROM t'), [{ a: 1 }]),
  )
})

option('name', 'is in every error, with a number', async () => {
  await withDb({ name: 'shop' }, async db => {
    assert.match(db.name, /^shop\|\d+$/)
    await assert.rejects(db.run('SELEC 1'), /shop\|\d+/)
  })
  assert.match(new SQLite({ file: newFile() }).name, /^\d+\|\d+$/)
})

const fill =
  'WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 400) INSERT INTO t SELECT randomblob(4000) FROM c'
/**
 * Databases of some 400 free pages, one for each of the options, opened together; once the first
 * has given most of its free pages back, how many each had and has: `[before, left]`.
 */
const vacuumed = async (...options) => {
  const all = []
  try {
    for (const one of options) {
      const db = new SQLite({ file: newFile(), autoVacuum: true, ...one })
      assert.equal(await pragma(db, 'auto_vacuum'), 2)
      const free = async () => (await db.get('PRAGMA freelist_count')).freelist_count
      all.push({ db, free })
    }
    for (const one of all) {
      await one.db.exec(`CREATE TABLE t (a); ${fill}; DELETE FROM t`)
      one.before = await one.free()
    }
    // steps may have begun while the others were filled
    assert.ok(all.at(-1).before > 300)
    await until(async () => (await all[0].free()) < 150, 20_000, 20)
    return await Promise.all(all.map(async ({ before, free }) => [before, await free()]))
  } finally {
    for (const { db } of all) await db.close()
  }
}
option('autoVacuum', 'gives free pages back, those of an old file too', async () => {
  const [[, left]] = await vacuumed({ vacuumInterval: 0.01, vacuumPageCount: 5 })
  assert.ok(left < 150, `${left} are free`)
  const file = newFile()
  await withDb({ file }, db => db.run('CREATE TABLE t (a)'))
  await withDb({ file, autoVacuum: true }, async db =>
    assert.equal(await pragma(db, 'auto_vacuum'), 2),
  )
})
option('vacuumInterval', 'is what a step waits for', async () => {
  const [, [before, left]] = await vacuumed(
    { vacuumInterval: 0.01, vacuumPageCount: 5 },
    { vacuumInterval: 60, vacuumPageCount: 5 },
  )
  assert.equal(left, before)
})
option('vacuumPageCount', 'has a step wait until 20 times as many pages are free', async () => {
  const [, [before, left]] = await vacuumed(
    { vacuumInterval: 0.01, vacuumPageCount: 5 },
    { vacuumInterval: 0.01, vacuumPageCount: 100 },
  )
  assert.equal(left, before)
})

test('SQLite options: an unknown one is refused by name', () => {
  assert.throws(() => new SQLite({ fil: 'x' }), {
    name: 'TypeError',
    message: /unknown options fil: did you mean 'file'/,
  })
})

test('SQLite opens at the first query, with its pragmas', () =>
  withDb({ file: newFile() }, async db => {
    assert.equal(db.isOpen, false)
    assert.equal(await pragma(db, 'journal_mode'), 'wal')
    assert.equal(db.isOpen, true)
    assert.deepEqual(
      [await pragma(db, 'foreign_keys'), await pragma(db, 'recursive_triggers')],
      [1, 1],
    )
    assert.equal(await pragma(db, 'trusted_schema'), 0)
    assert.equal(await pragma(db, 'cell_size_check'), 1)
  }))

member('store', 'holds models, for hooks too', async db => assert.deepEqual(db.store, {}))
member('isOpen', 'tells whether it is open', async db => {
  assert.equal(db.isOpen, false)
  await db.open()
  assert.equal(db.isOpen, true)
})
member('inTransaction', 'tells whether all calls are in one', async db => {
  assert.equal(db.inTransaction, false)
  await db.withTransaction(async () => assert.equal(db.inTransaction, true))
  assert.equal(db.inTransaction, false)
})
member('file', 'is where it is', async db => assert.equal(db.file, ':memory:'))
member('name', 'is for messages', async db => assert.match(db.name, /\|\d+$/))
member('dbP', 'is a promise of the open database, which opens nothing', async () => {
  const db = new DB()
  const seen = []
  const waiting = db.dbP.then(found => seen.push(found, db.isOpen))
  await new Promise(go => setTimeout(go, 20))
  assert.deepEqual([seen.length, db.isOpen], [0, false])
  db.registerMigrations('late', { 1: () => seen.push('migrated') })
  await db.open()
  await waiting
  assert.deepEqual(seen, ['migrated', db, true])
  assert.equal(await db.dbP, db)
  await db.close()
  const again = db.dbP
  assert.equal(
    await Promise.race([again, new Promise(go => setTimeout(go, 20, 'closed'))]),
    'closed',
  )
  await db.get('SELECT 1')
  assert.equal(await again, db)
  await db.close()
})
member('open', 'opens once', async db => {
  const [one, two] = await Promise.all([db.open(), db.open()])
  assert.equal(one, two)
})
test('SQLite member close: ends, waits for an opening, and the next call opens anew', async () => {
  const db = new SQLite()
  await db.close()
  await db.run('CREATE TABLE t (a)')
  await db.close()
  await db.close()
  assert.equal(db.isOpen, false)
  assert.deepEqual(await db.all("SELECT * FROM sqlite_master WHERE name = 't'"), [])
  const opening = db.open()
  await db.close()
  await opening.catch(() => {})
  assert.equal(db.isOpen, false)
})
member('runOnceOnOpen', 'runs when it opens, once, or now', async db => {
  const runs = []
  assert.equal(
    db.runOnceOnOpen(() => runs.push('queued')),
    undefined,
  )
  await db.open()
  await db.close()
  await db.open()
  assert.equal(
    db.runOnceOnOpen(() => 'now'),
    'now',
  )
  assert.deepEqual(runs, ['queued'])
})
member('all', 'gives all rows', async db =>
  assert.deepEqual(await db.all('SELECT ? AS a', [1]), [{ a: 1 }]),
)
member('get', 'gives the first row or undefined', async db => {
  assert.deepEqual(await db.get('SELECT ? AS a', ['x']), { a: 'x' })
  assert.equal(await db.get('SELECT 1 WHERE 0'), undefined)
})
member('run', 'tells lastID and changes', async db => {
  await db.run('CREATE TABLE t (a)')
  assert.deepEqual(await db.run('INSERT INTO t VALUES (?)', [1]), { lastID: 1, changes: 1 })
})
member('exec', 'runs several statements', async db => {
  await db.exec('CREATE TABLE t (a); INSERT INTO t VALUES (1); INSERT INTO t VALUES (2)')
  assert.equal((await db.all('SELECT * FROM t')).length, 2)
})
member('template tags', 'all, get, run, exec, each and prepare take them', async db => {
  await db.exec`CREATE TABLE t (a)`
  await db.run`INSERT INTO ${'t'}ID VALUES (${5})`
  assert.deepEqual(await db.all`SELECT a FROM t WHERE a = ${5}`, [{ a: 5 }])
  assert.deepEqual(await db.get`SELECT a FROM t`, { a: 5 })
  const rows = []
  assert.equal(await db.each`SELECT a FROM t`(row => rows.push(row)), 1)
  assert.deepEqual(rows, [{ a: 5 }])
  assert.deepEqual(await db.prepare`SELECT a FROM t`.all(), [{ a: 5 }])
})
member('each', 'calls with every row, gives their number', async db => {
  const rows = []
  assert.equal(await db.each('SELECT ? AS a UNION SELECT 2', [1], row => rows.push(row.a)), 2)
  assert.deepEqual(rows, [1, 2])
  await assert.rejects(async () => db.each('SELECT 1'), TypeError)
})
member('prepare', 'gives one statement per text', async db => {
  assert.equal(db.prepare('SELECT 1'), db.prepare('SELECT 1'))
})
test('SQLite member dataVersion: changes when somebody else wrote, not by our own writes', () =>
  withDb({ file: newFile() }, async db => {
    await db.run('CREATE TABLE t (a)')
    const before = await db.dataVersion()
    assert.equal(typeof before, 'number')
    await db.run('INSERT INTO t VALUES (1)')
    assert.equal(await db.dataVersion(), before)
  }))
member('userVersion', 'is read and set, 0 as well', async db => {
  assert.equal(await db.userVersion(), 0)
  assert.equal(await db.userVersion(7), 7)
  assert.equal(await db.userVersion(), 7)
  assert.equal(await db.userVersion(0), 0)
})
member('withTransaction', 'gives the value of its function, commits or undoes', async db => {
  await db.run('CREATE TABLE t (a)')
  assert.equal(
    await db.withTransaction(async () => (await db.run('INSERT INTO t VALUES (1)')).changes),
    1,
  )
  const stop = new Error('stop')
  const failing = db.withTransaction(async () => {
    await db.run('INSERT INTO t VALUES (2)')
    throw stop
  })
  await assert.rejects(failing, stop)
  assert.deepEqual(await db.all('SELECT a FROM t'), [{ a: 1 }])
})
member('sql', 'is the tag, of the class and of its objects', async db => {
  for (const tag of [SQLite.sql, db.sql, sql]) assert.deepEqual(tag`SELECT ${1}`, ['SELECT ?', [1]])
})

for (const name of ['begin', 'end', 'rollback', 'finally']) {
  member(`event ${name}`, 'is emitted when it happens', async db => {
    const seen = []
    db.on(name, (...args) => seen.push(args))
    await db.withTransaction(async () => {})
    await db.withTransaction(async () => Promise.reject(new Error('x'))).catch(() => {})
    assert.deepEqual(seen, Array(name === 'begin' || name === 'finally' ? 2 : 1).fill([]))
  })
}
member('event call', 'tells what was called, with what, for how long', async db => {
  await db.open()
  const calls = []
  db.on('call', call => calls.push(call))
  await db.all('SELECT ? AS a', [1])
  await db.prepare('SELECT 2 AS a').get()
  await db.run('SELEC').catch(() => {})
  const [one, two, three] = calls
  assert.deepEqual(
    [one.name, one.method, one.isStmt, one.query, one.args, one.output],
    [db.name, 'all', false, 'SELECT ? AS a', [1], [{ a: 1 }]],
  )
  assert.equal(typeof one.duration, 'number')
  assert.deepEqual([two.isStmt, two.method], [true, 'get'])
  assert.ok(three.error instanceof Error)
})
member('errors', 'name the connection and SQLite code', async db => {
  await assert.rejects(db.all('SELECT * FROM nope'), error => {
    assert.match(error.code, /^SQLITE_/)
    assert.ok(error.message.includes(db.name), error.message)
    return true
  })
})

test('DB options migrations and onBeforeMigrations: run once ever, and not on read-only databases', async () => {
  const file = newFile()
  const runs = []
  const options = {
    file,
    onBeforeMigrations: () => runs.push('before'),
    migrations: [{ runKey: '1 a', up: db => runs.push(typeof db.run) }],
  }
  await withDb(options, db => db.open(), DB)
  assert.deepEqual(runs, ['before', 'function'])
  await withDb({ ...options, readOnly: true }, db => db.open(), DB)
  await withDb(options, db => db.open(), DB)
  assert.equal(runs.filter(run => run === 'function').length, 1)
  assert.ok(statSync(file).size)
})
const dbMember = (name, says, fn) => test(`DB ${name}: ${says}`, () => withDb({}, fn, DB))
dbMember('addModel', 'makes the model, puts it in the store, refuses a name twice', async db => {
  const model = db.addModel(JsonModel, { name: 'm' })
  assert.ok(model instanceof JsonModel)
  assert.equal(db.store.m, model)
  assert.equal(model.db, db)
  assert.throws(() => db.addModel(JsonModel, { name: 'm' }), TypeError)
})
dbMember(
  'registerMigrations',
  'adds them before the database is open, each with a function',
  async db => {
    const runs = []
    db.registerMigrations('b', {
      0: () => runs.push('0 b'),
      x: { up: () => runs.push('x b'), down: () => runs.push('down') },
    })
    db.registerMigrations('a', { 0: () => runs.push('0 a') })
    assert.throws(() => db.registerMigrations('c', { 1: {} }), TypeError)
    await db.open()
    assert.deepEqual(runs, ['0 a', '0 b', 'x b'])
    assert.deepEqual(
      (await db.all`SELECT runKey FROM ${'{sdb} migrations'}ID ORDER BY runKey`).map(
        row => row.runKey,
      ),
      ['0 a', '0 b', 'x b'],
    )
    assert.throws(() => db.registerMigrations('d', { 1: () => {} }), /already done/)
  },
)
dbMember('models', 'is the old name of store', async db => assert.equal(db.models, db.store))
