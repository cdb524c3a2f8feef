// A transaction that SQL, or SQLite on an error, ends: nothing of what follows is written, and the
// connection goes on.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DB, JsonModel } from 'tidelog'

const BROKEN = { code: 'SQLITE_ABORT_ROLLBACK', message: /this transaction is broken/ }

async function open() {
  const db = new DB()
  const model = db.addModel(JsonModel, { name: 'k' })
  await db.exec(`
    CREATE TABLE u(a UNIQUE ON CONFLICT ROLLBACK);
    CREATE TABLE r(a);
    CREATE TRIGGER undo BEFORE INSERT ON r BEGIN SELECT RAISE(ROLLBACK, 'no'); END;
    INSERT INTO u VALUES (1);
  `)
  const ids = async () => (await model.all()).map(doc => doc.id)
  return { db, model, ids }
}

/** The ways SQL ends a transaction, and the result of the statement itself. */
const ENDS = {
  'a ROLLBACK behind another statement': [tx => tx.exec('SELECT 1; END; BEGIN'), BROKEN],
  'ON CONFLICT ROLLBACK': [
    tx => tx.run('INSERT INTO u VALUES (1)'),
    { code: 'SQLITE_CONSTRAINT_UNIQUE' },
  ],
  'INSERT OR ROLLBACK … RETURNING': [
    tx => tx.all('INSERT OR ROLLBACK INTO u VALUES (1) RETURNING a'),
    { code: 'SQLITE_CONSTRAINT_UNIQUE' },
  ],
  'RAISE(ROLLBACK)': [tx => tx.run('INSERT INTO r VALUES (1)'), { message: /no/ }],
}

for (const [name, [end, error]] of Object.entries(ENDS)) {
  test(`${name} breaks the transaction: nothing of it is kept, also when its error is caught`, async () => {
    const { db, ids } = await open()
    for (const fails of [false, true]) {
      const running = db.withTransaction(async tx => {
        await tx.store.k.set({ id: 'x' })
        await assert.rejects(end(tx), error)
        const calls = {
          set: () => tx.store.k.set({ id: 'y' }),
          get: () => tx.store.k.get('x'),
          run: () => tx.run('INSERT INTO u VALUES (2)'),
          exec: () => tx.exec('INSERT INTO u VALUES (3)'),
          all: () => tx.all('SELECT * FROM u'),
          nested: () => tx.withTransaction(() => {}),
        }
        for (const [call, fn] of Object.entries(calls)) await assert.rejects(fn(), BROKEN, call)
        if (fails) throw new Error('undo')
      })
      await assert.rejects(running, fails ? /undo/ : BROKEN)
      assert.deepEqual(await ids(), [])
      assert.deepEqual(await db.all('SELECT a FROM u'), [{ a: 1 }])
    }
    await db.withTransaction(async tx => tx.store.k.set({ id: 'z' }))
    assert.deepEqual(await ids(), ['z'])
    await db.close()
  })
}

test('statements that begin or end transactions are refused inside, and break nothing', async () => {
  const { db, ids } = await open()
  const refused = { code: 'BAD_VALUE', message: /inside a transaction: withTransaction ends it/ }
  await db.withTransaction(async tx => {
    for (const sql of [
      'COMMIT',
      ' rollback',
      '/* a */ END',
      'BEGIN',
      'SELECT 1; COMMIT; BEGIN',
      "SELECT ';'; ROLLBACK",
    ]) {
      await assert.rejects(tx.exec(sql), refused, sql)
      await assert.rejects(tx.run(sql), refused, sql)
      await assert.rejects(tx.all(sql), refused, sql)
    }
    await tx.exec("SAVEPOINT a; INSERT INTO u VALUES ('; COMMIT; ü'); ROLLBACK TO a; RELEASE a")
    await tx.exec('CREATE TRIGGER more AFTER DELETE ON r BEGIN DELETE FROM u; END; -- COMMIT')
    await tx.store.k.set({ id: 'x' })
  })
  assert.deepEqual(await ids(), ['x'])
  assert.equal((await db.all('SELECT a FROM u')).length, 1)
  await db.close()
})
