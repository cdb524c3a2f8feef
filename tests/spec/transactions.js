// Transactions: all or nothing, alone, nested, joined; a rollback also where the caller catches the
// error.
import { DB, JsonModel } from 'tidelog'
import * as assert from './assert.js'

/** Whether this runtime follows asynchronous calls, so that a part knows what it was started in. */
const follows = Boolean(
  globalThis.process?.getBuiltinModule?.('node:async_hooks')?.AsyncLocalStorage,
)

class Things extends JsonModel {
  constructor(options) {
    super({
      ...options,
      name: 'things',
      columns: { id: { type: 'INTEGER' }, count: { type: 'INTEGER', index: 'SPARSE' } },
    })
  }
}

export function spec(t, { open, traits }) {
  const start = (Model = Things, options = {}) => {
    const db = open(DB)
    return [db, db.addModel(Model, options)]
  }

  t('a transaction is all or nothing, and alone', async () => {
    const [db, things] = start()
    await things.set({ id: 1, a: 0 })
    let release
    const gate = new Promise(resolve => (release = resolve))
    const tx = db.withTransaction(async tx => {
      await tx.store.things.set({ id: 1, a: 1 })
      await gate
      assert.equal((await tx.store.things.get(1)).a, 1)
      await tx
        .withTransaction(async () => {
          await tx.store.things.set({ id: 2 })
          throw new Error('inner')
        })
        .catch(error => assert.equal(error.message, 'inner'))
      return 'value'
    })
    const meanwhile = things.set({ id: 3, a: 3 })
    if (traits.reader) assert.equal((await things.get(1)).a, 0, 'readers see the last commit')
    release()
    assert.equal(await tx, 'value')
    await meanwhile
    assert.deepEqual(
      (await things.all()).map(t => t.id),
      [1, 3],
    )
    await assert.rejects(
      db.withTransaction(async tx => {
        await tx.store.things.remove(1)
        throw new Error('no')
      }),
      /no/,
    )
    assert.equal(await things.count(), 2)
  })

  t('while a function of no arguments runs, every call joins in', async () => {
    const [db, things] = start()
    await assert.rejects(
      db.withTransaction(async () => {
        await things.set({ id: 1 })
        assert.equal(await things.count(), 1)
        await db.withTransaction(async () => things.set({ id: 2 }))
        throw new Error('all of it')
      }),
      /all of it/,
    )
    assert.equal(await things.count(), 0)
  })

  const sleep = ms => new Promise(go => setTimeout(go, ms))
  /** Two parts, the second of which begins while the first is running and would end after it. */
  const overlap = db => {
    const part = (id, ms) =>
      db.withTransaction(async () => {
        await db.store.things.set({ id })
        await sleep(ms)
      })
    return Promise.all([part(1, 5), part(2, 25)])
  }
  const ways = {
    'through tx': db => db.withTransaction(async tx => overlap(tx)),
    joined: db => db.withTransaction(async () => overlap(db)),
    'that nobody waits for': db =>
      db.withTransaction(async tx => {
        overlap(tx).catch(() => {})
      }),
  }
  for (const [way, run] of Object.entries(ways)) {
    if (follows) {
      t(`parts that overlap come one after the other (${way})`, async () => {
        const [db, things] = start()
        await run(db)
        assert.equal(await things.count(), 2)
      })
    } else {
      t(`parts that overlap undo the whole, and the database goes on (${way})`, async () => {
        const [db, things] = start()
        await things.set({ id: 0 })
        await assert.rejects(run(db), {
          code: 'BAD_VALUE',
          message: /transactions overlap inside one another/,
        })
        assert.deepEqual(await things.all(), [{ id: 0 }])
        await db.withTransaction(async tx => tx.store.things.set({ id: 3 }))
        assert.equal(await things.count(), 2)
      })
    }
  }

  t('parts inside one another may end in their order everywhere', async () => {
    const [db, things] = start()
    await db.withTransaction(async tx => {
      await tx.withTransaction(async () => {
        await tx.store.things.set({ id: 1 })
        const inner = tx.withTransaction(async () => {
          await tx.store.things.set({ id: 2 })
          throw new Error('inner')
        })
        await inner.catch(() => {})
      })
      await tx.withTransaction(async () => tx.store.things.set({ id: 3 }))
    })
    assert.deepEqual(
      (await things.all()).map(thing => thing.id),
      [1, 3],
    )
  })

  t('a call after its transaction is refused', async () => {
    const [db, things] = start()
    let late
    await db.withTransaction(async tx => {
      late = tx.store.things
    })
    await assert.rejects(late.set({ id: 1 }), { code: 'BAD_VALUE', message: /transaction is over/ })
    assert.equal(await things.count(), 0)
  })

  t('nobody outside sees half a transaction', async () => {
    const [db, things] = start()
    await things.set({ id: 1, count: 0 })
    const early = Promise.all(Array.from({ length: 5 }, () => things.get(1)))
    let written
    const wrote = new Promise(resolve => {
      written = resolve
    })
    const undone = db
      .withTransaction(async tx => {
        await tx.store.things.set({ id: 1, count: 1 })
        written()
        await new Promise(resolve => setTimeout(resolve, 5))
        throw new Error('undone')
      })
      .catch(error => error.message)
    await wrote
    const [doc, count, row] = await Promise.all([
      things.get(1),
      things.count({ count: 1 }),
      db.get('SELECT count FROM things'),
    ])
    assert.deepEqual([doc.count, count, row.count], [0, 0, 0])
    assert.deepEqual([...new Set((await early).map(thing => thing.count))], [0])
    assert.equal(await undone, 'undone')
  })

  if (!traits.reader && !traits.calls) {
    t('who would wait for his own transaction is told to use tx', async () => {
      const [db, things] = start()
      await db.withTransaction(async tx => {
        await tx.store.things.set({ id: 1 })
        await assert.rejects(things.get(1), { code: 'BAD_VALUE', message: /use tx/ })
        await assert.rejects(things.set({ id: 2 }), { code: 'BAD_VALUE', message: /use tx/ })
        await db.withTransaction(async () => {})
      })
      assert.equal(await things.count(), 1)
    })
  }

  t('what a rolled back function wrote is gone, also when the caller goes on', async () => {
    const [db, things] = start()
    await things.set({ id: 1, count: 1 })
    const failing = async tx => {
      await tx.store.things.set([{ id: 2 }, { id: 3 }])
      await tx.run('UPDATE things SET count = 9')
      await tx.store.things.remove(1)
      throw new Error('caught')
    }
    const caught = await db.withTransaction(failing).catch(error => error)
    assert.equal(caught.message, 'caught')
    assert.deepEqual(await things.all(), [{ id: 1, count: 1 }])
    await db.withTransaction(async tx => {
      await tx.store.things.set({ id: 4 })
      await tx.withTransaction(() => failing(tx)).catch(() => {})
      await tx.store.things.set({ id: 5 })
    })
    assert.deepEqual(
      (await things.all()).map(thing => thing.id),
      [1, 4, 5],
    )
  })

  t('a statement that fails inside a transaction undoes itself alone', async () => {
    const [db, things] = start()
    await db.withTransaction(async tx => {
      await tx.store.things.set({ id: 1 })
      await assert.rejects(tx.store.things.set([{ id: 2 }, { id: 1 }], true), {
        code: 'SQLITE_CONSTRAINT_PRIMARYKEY',
      })
      await assert.rejects(tx.run('INSERT INTO things(id) VALUES (3), (1)'), {
        code: 'SQLITE_CONSTRAINT_PRIMARYKEY',
      })
      await tx.store.things.set({ id: 4 })
    })
    assert.deepEqual(
      (await things.all()).map(thing => thing.id),
      [1, 4],
    )
  })

  t('what is under way when a database is closed is done first', async () => {
    const db = open(DB)
    const value = async () => {
      await sleep(5)
      return 1
    }
    const slow = db.addModel(JsonModel, { name: 'slow', columns: { v: { value } } })
    await slow.set({ id: 'a' })
    const running = [
      slow.set({ id: 'b' }),
      slow.get('a'),
      db.withTransaction(async tx => {
        await sleep(5)
        return tx.store.slow.update({ id: 'a', n: 1 })
      }),
    ]
    await db.close()
    assert.equal(db.isOpen, false)
    assert.deepEqual(await Promise.all(running), [
      { id: 'b', v: 1 },
      { id: 'a', v: 1 },
      { id: 'a', v: 1, n: 1 },
    ])
  })

  t('a hook that waits for the database itself is told so', async () => {
    let wrong = true
    const db = open(DB, { onDidOpen: () => wrong && db.get('SELECT 1') })
    await assert.rejects(db.open(), {
      code: 'BAD_VALUE',
      message: /onDidOpen uses the database itself/,
    })
    wrong = false
    await db.open()
  })

  t('transactions wait for each other, also over turns of the event loop', async () => {
    const [db, things] = start()
    await things.set({ id: 1, count: 0 })
    const add = () =>
      db.withTransaction(async tx => {
        const { count } = await tx.store.things.get(1)
        await new Promise(resolve => setTimeout(resolve, 1))
        await tx.store.things.set({ id: 1, count: count + 1 })
      })
    await Promise.all([add(), add(), add()])
    assert.equal((await things.get(1)).count, 3)
  })
}
