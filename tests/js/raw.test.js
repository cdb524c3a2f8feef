// An application's own SQL: which connection answers, and what values become.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SQLite } from 'tidelog'

test('reads see the connection that wrote: its last rowid, changes, temporary tables, attached databases, PRAGMAs', async () => {
  const db = new SQLite()
  await db.exec(
    'CREATE TABLE q(id INTEGER PRIMARY KEY, a); CREATE TEMP TABLE t(a); INSERT INTO t VALUES (7)',
  )
  await db.run('INSERT INTO q(a) VALUES (1), (2)')
  assert.deepEqual(await db.get('SELECT last_insert_rowid() AS id, changes() AS n'), {
    id: 2,
    n: 2,
  })
  assert.deepEqual(await db.all('SELECT a FROM t'), [{ a: 7 }])
  await db.exec("ATTACH ':memory:' AS z; CREATE TABLE z.w(a); INSERT INTO z.w VALUES (3)")
  assert.deepEqual(await db.all('SELECT a FROM z.w'), [{ a: 3 }])
  for (const name of ['foreign_keys', 'recursive_triggers'])
    assert.equal((await db.get(`PRAGMA ${name}`))[name], 1, name)
  await db.run('PRAGMA case_sensitive_like = 1')
  assert.equal((await db.get("SELECT 'A' LIKE 'a' AS same")).same, 0)
  await db.close()
})

test('while a transaction is open, others read the last commit, with the same PRAGMAs', async () => {
  const db = new SQLite()
  await db.exec('CREATE TABLE q(a)')
  await db.withTransaction(async tx => {
    await tx.run('INSERT INTO q VALUES (1)')
    assert.deepEqual(await db.all('SELECT a FROM q'), [])
    assert.equal((await db.get('PRAGMA foreign_keys')).foreign_keys, 1)
    assert.equal((await tx.get('SELECT changes() AS n')).n, 1)
  })
  assert.deepEqual(await db.all('SELECT a FROM q'), [{ a: 1 }])
  await db.close()
})

test('a read that would open a transaction opens none', async () => {
  const db = new SQLite()
  await db.exec('CREATE TABLE q(a)')
  for (const sql of ['BEGIN', 'SAVEPOINT a']) {
    await assert.rejects(db.all(sql), {
      code: 'BAD_VALUE',
      message: /BEGIN outside of withTransaction/,
    })
    await db.run('INSERT INTO q VALUES (1)')
  }
  await assert.rejects(db.all('ROLLBACK'), /no transaction is active/)
  assert.equal((await db.get('SELECT count(*) AS n FROM q')).n, 2)
  await db.close()
})

test('a Date binds as its milliseconds; what would be stored as something else is refused', async () => {
  const db = new SQLite()
  const bound = async value => (await db.get('SELECT ? AS v', [value])).v
  assert.equal(await bound(new Date(5)), 5)
  assert.equal(await bound(new Date(-8.64e15)), -8.64e15)
  assert.equal(await bound('\ud83d\ude00 \ufffd'), '\ud83d\ude00 \ufffd')
  await assert.rejects(bound(new Date(Number.NaN)), { code: 'BAD_VALUE', message: /invalid Date/ })
  for (const half of ['\ud83d', 'a\ude00b', '\ufffd\ud83d'])
    await assert.rejects(bound(half), { code: 'BAD_VALUE', message: /lone surrogate/ })
  await db.close()
})

test('SQL without a statement in it says so', async () => {
  const db = new SQLite()
  const nothing = { code: 'SQLITE_MISUSE', message: /there is no statement in it/ }
  for (const sql of ['', ' \n', '-- nothing', '/* nothing */']) {
    await assert.rejects(db.run(sql), nothing, sql)
    await assert.rejects(db.all(sql), nothing, sql)
    await assert.rejects(
      db.withTransaction(tx => tx.run(sql)),
      nothing,
    )
    await db.exec(sql)
  }
  await db.close()
})
