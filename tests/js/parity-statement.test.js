// strato-db's Statement and sql tag: members, one test each: tests/checklist/strato-db.json points
// here, row by row.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { SQLite, sql } from 'tidelog'

const dir = mkdtempSync(join(tmpdir(), 'tidelog-statement-'))
after(() => rmSync(dir, { recursive: true, force: true }))

/** Runs `fn` with a database that is closed afterwards. */
async function withDb(options, fn) {
  const db = new SQLite(options)
  try {
    return await fn(db)
  } finally {
    await db.close()
  }
}

const statement = (name, says, fn) =>
  test(`Statement ${name}: ${says}`, () =>
    withDb({}, async db => {
      await db.exec('CREATE TABLE t (a); INSERT INTO t VALUES (1), (2)')
      await fn(db)
    }))
statement('run', 'tells lastID and changes', async db =>
  assert.deepEqual(await db.prepare('INSERT INTO t VALUES (?)').run([3]), {
    lastID: 3,
    changes: 1,
  }),
)
statement('get', 'gives the first row or undefined', async db => {
  assert.deepEqual(await db.prepare('SELECT a FROM t ORDER BY a').get(), { a: 1 })
  assert.equal(await db.prepare('SELECT a FROM t WHERE a = ?').get([9]), undefined)
})
statement('all', 'gives all rows', async db =>
  assert.deepEqual(await db.prepare('SELECT a FROM t WHERE a > ?').all([1]), [{ a: 2 }]),
)
statement('each', 'calls with every row, needs a function', async db => {
  const rows = []
  const each = db.prepare('SELECT a FROM t WHERE a > ?')
  assert.equal(await each.each([0], row => rows.push(row.a)), 2)
  assert.deepEqual(rows, [1, 2])
  await assert.rejects(each.each([0]), TypeError)
})
statement('finalize', 'can be called twice', async db => {
  const select = db.prepare('SELECT 1')
  await select.finalize()
  await select.finalize()
})
statement('isStatement', 'is true', async db =>
  assert.equal(db.prepare('SELECT 1').isStatement, true),
)
statement('sql', 'is its text', async db => assert.equal(db.prepare('SELECT 1').sql, 'SELECT 1'))
statement('db', 'is its database', async db => assert.equal(db.prepare('SELECT 1').db, db))
statement('order', 'calls run strictly in order, and a failed one harms none', async db => {
  const insert = db.prepare('INSERT INTO t VALUES (json(?))')
  const done = []
  const calls = ['1', 'no json', '2'].map(text =>
    insert.run([text]).then(
      () => done.push(text),
      () => done.push('failed'),
    ),
  )
  await Promise.all(calls)
  assert.deepEqual(done, ['1', 'failed', '2'])
})
test('Statement re-open: it survives closing', () =>
  withDb({ file: join(dir, 'again.db') }, async db => {
    await db.run('CREATE TABLE t (a)')
    const select = db.prepare('SELECT * FROM t')
    assert.deepEqual(await select.all(), [])
    await db.close()
    assert.deepEqual(await select.all(), [])
  }))

const tags = [
  ['ID', sql`SELECT ${'a"b'}ID`, ['SELECT "a""b"', []]],
  ['LIT', sql`SELECT ${'now()'}LIT`, ['SELECT now()', []]],
  ['JSON', sql`SELECT ${{ a: 1 }}JSON`, ['SELECT ?', ['{"a":1}']]],
  ['a plain value', sql`SELECT ${5}, ${'x'}`, ['SELECT ?, ?', [5, 'x']]],
  ['a longer word', sql`SELECT ${5}IDs`, ['SELECT ?IDs', [5]]],
]
for (const [name, given, wanted] of tags)
  test(`sql tag ${name}`, () => assert.deepEqual(given, wanted))
test('sql tag quoteId', () => assert.equal(sql.quoteId('a"b'), '"a""b"'))
