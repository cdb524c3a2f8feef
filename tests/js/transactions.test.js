// withTransaction: joining, isolating, nesting, and what is left when something fails.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DB, JsonModel, SQLite } from 'tidelog'
import { until } from './until.js'

const pause = ms => new Promise(go => setTimeout(go, ms))
const NO = new Error('no')
const no = () => {
  throw NO
}

async function open() {
  const db = new SQLite()
  await db.exec('CREATE TABLE t(a INTEGER PRIMARY KEY)')
  const told = []
  for (const name of ['begin', 'end', 'rollback', 'finally']) db.on(name, () => told.push(name))
  const add = (a, to = db) => to.run('INSERT INTO t VALUES (?)', [a])
  const rows = async (of = db) => (await of.all('SELECT a FROM t ORDER BY a')).map(row => row.a)
  return { db, add, rows, told }
}

test('what runs while a function of no arguments does joins in', async () => {
  const { db, add, rows, told } = await open()
  let go
  const gate = new Promise(resolve => {
    go = resolve
  })
  const running = db.withTransaction(async () => {
    await add(1)
    assert.equal(db.inTransaction, true)
    await gate
    no()
  })
  await until(() => db.inTransaction)
  await add(2)
  assert.deepEqual(await rows(), [1, 2])
  go()
  await assert.rejects(running, NO)
  assert.deepEqual(await rows(), [])
  assert.equal(db.inTransaction, false)
  assert.deepEqual(told, ['begin', 'rollback', 'finally'])
  await db.close()
})

test('only what goes through tx is inside', async () => {
  const { db, add, rows, told } = await open()
  const value = await db.withTransaction(async tx => {
    await add(1, tx)
    assert.equal(tx.inTransaction, true)
    assert.equal(db.inTransaction, false)
    assert.deepEqual(await rows(tx), [1])
    assert.deepEqual(await rows(), [], 'nobody else sees it yet')
    return 'value'
  })
  assert.equal(value, 'value')
  assert.deepEqual(await rows(), [1])
  assert.deepEqual(told, ['begin', 'end', 'finally'])
  let kept
  await db.withTransaction(tx => {
    kept = tx
    return add(2, tx)
  })
  await assert.rejects(add(3, kept), /is over/)
  await db.close()
})

test('a function with default or rest parameters has length 0: calls join, and it is given tx as well', async () => {
  const { db, add, rows } = await open()
  const failing = db.withTransaction(async (...args) => {
    await add(1)
    await add(2, args[0])
    no()
  })
  await assert.rejects(failing, NO)
  assert.deepEqual(await rows(), [])
  await db.close()
})

for (const joining of [true, false]) {
  test(`parts nest and are undone alone (${joining ? 'joining' : 'tx'})`, async () => {
    const { db, add, rows } = await open()
    const begin = fn => db.withTransaction(joining ? () => fn(db) : tx => fn(tx))
    await begin(async tx => {
      await add(1, tx)
      await assert.rejects(
        tx.withTransaction(async () => {
          await add(2, tx)
          await tx.withTransaction(() => add(3, tx))
          no()
        }),
        NO,
      )
      await tx.withTransaction(() => add(4, tx))
    })
    assert.deepEqual(await rows(), [1, 4])
    await db.close()
  })
}

test('parts side by side run one after the other, each undone alone', async () => {
  const { db, add, rows } = await open()
  await db.withTransaction(async () => {
    const part = (a, fail) =>
      db.withTransaction(async () => {
        await add(a)
        await pause(5)
        await add(a + 1)
        if (fail) no()
      })
    const done = await Promise.allSettled([part(10), part(20, true), part(30)])
    assert.deepEqual(
      done.map(d => d.status),
      ['fulfilled', 'rejected', 'fulfilled'],
    )
  })
  assert.deepEqual(await rows(), [10, 11, 30, 31])
  await db.close()
})

test('independent transactions wait for each other, whoever fails', async () => {
  const { db, add, rows } = await open()
  const one = (a, fail) =>
    db.withTransaction(async () => {
      await add(a)
      await pause(5)
      if (fail) no()
      await add(a + 1)
    })
  const first = one(10, true)
  await until(() => db.inTransaction)
  const second = one(20)
  const third = db.withTransaction(async tx => {
    await add(30, tx)
    await pause(1)
  })
  await assert.rejects(first, NO)
  await Promise.all([second, third])
  assert.deepEqual(await rows(), [20, 21, 30])
  await db.close()
})

test('a part that nobody awaits is finished before the whole is', async () => {
  const { db, add, rows } = await open()
  await db.withTransaction(async tx => {
    tx.withTransaction(async () => {
      await pause(10)
      await add(1, tx)
    })
  })
  assert.deepEqual(await rows(), [1])
  await db.close()
})

test('a commit that fails undoes everything, and the connection goes on', async () => {
  const { db, add, rows, told } = await open()
  await db.exec('CREATE TABLE c(a REFERENCES t DEFERRABLE INITIALLY DEFERRED)')
  for (const fn of [
    async () => {
      await add(1)
      await db.run('INSERT INTO c VALUES (9)')
    },
    async tx => {
      await add(1, tx)
      await tx.run('INSERT INTO c VALUES (9)')
    },
  ]) {
    told.length = 0
    await assert.rejects(db.withTransaction(fn), { code: 'SQLITE_CONSTRAINT_FOREIGNKEY' })
    assert.deepEqual(told, ['begin', 'rollback', 'finally'])
    assert.deepEqual(await rows(), [])
    assert.equal(db.inTransaction, false)
    await db.withTransaction(() => add(5))
    assert.deepEqual(await rows(), [5])
    await db.run('DELETE FROM t')
  }
  await db.close()
})

test('models inside belong to the transaction, and what they make is undone with it', async () => {
  const db = new DB()
  const docs = db.addModel(JsonModel, { name: 'docs' })
  await assert.rejects(
    db.withTransaction(async tx => {
      assert.equal(tx.store.docs.db, tx)
      await tx.store.docs.set({ id: 'a' })
      assert.equal(await docs.count(), 0)
      assert.equal(await tx.store.docs.count(), 1)
      no()
    }),
    NO,
  )
  assert.equal(await docs.count(), 0)
  await db.close()
})

test('a statement that fails inside is undone alone, and the transaction goes on', async () => {
  const { db, add, rows } = await open()
  await db.withTransaction(async () => {
    await add(1)
    await assert.rejects(db.run('INSERT INTO t VALUES (2), (1)'), {
      code: 'SQLITE_CONSTRAINT_PRIMARYKEY',
    })
    await add(3)
  })
  assert.deepEqual(await rows(), [1, 3])
  await assert.rejects(db.withTransaction(5), TypeError)
  await assert.rejects(db.exec('BEGIN'), /withTransaction/)
  await add(4)
  await db.close()
})

test('slugs chosen at the same time inside a transaction are different ones', async () => {
  const slug = { index: true, unique: true, slugValue: o => o.n }
  const db = new DB()
  const model = db.addModel(JsonModel, { name: 'k', columns: { slug } })
  const three = store => Promise.all([1, 2, 3].map(() => store.k.set({ n: 'a' })))
  const taken = async () => (await model.all()).map(doc => doc.slug).sort()
  await db.withTransaction(tx => three(tx.store))
  assert.deepEqual(await taken(), ['a', 'a-2', 'a-3'])
  await db.withTransaction(() => three(db.store))
  assert.deepEqual(await taken(), ['a', 'a-2', 'a-3', 'a-4', 'a-5', 'a-6'])
  await db.withTransaction(async tx => {
    const failed = tx.store.k.set({ id: 5n, n: () => {} })
    const done = await Promise.allSettled([failed, tx.store.k.set({ n: 'a' })])
    assert.deepEqual([done[0].reason.name, done[1].value.slug], ['TypeError', 'a-7'])
  })
  assert.equal((await taken()).length, 7)
  await db.close()
})
