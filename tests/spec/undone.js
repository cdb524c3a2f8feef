// Undone changes are gone, on every engine: statements, parts and wholes that fail, commits that
// fail, transactions that SQL ends itself, and migrations that move columns; also when the caller
// catches the error and goes on.
import { DB, JsonModel } from 'tidelog'
import * as assert from './assert.js'

const BROKEN = { code: 'SQLITE_ABORT_ROLLBACK', message: /this transaction is broken/ }

export function spec(t, { open, traits }) {
  const start = async () => {
    const db = open(DB)
    const docs = db.addModel(JsonModel, {
      name: 'docs',
      columns: { n: { type: 'INTEGER', index: true } },
    })
    await db.exec(`
      CREATE TABLE parents(id TEXT PRIMARY KEY);
      CREATE TABLE kids(parent TEXT REFERENCES parents(id) DEFERRABLE INITIALLY DEFERRED);
      CREATE TABLE one(a UNIQUE);
      CREATE TABLE own(a);
      INSERT INTO one VALUES (1);
    `)
    const left = async (of = db) => {
      const [ids, rows] = [
        (await docs.all()).map(doc => doc.id),
        await of.all('SELECT a FROM own ORDER BY a'),
      ]
      return [...ids, ...rows.map(row => row.a)]
    }
    return { db, docs, left }
  }
  const write = async (tx, id) => {
    await tx.store.docs.set({ id, n: 1 })
    await tx.run('INSERT INTO own VALUES (?)', [id])
  }
  const sleep = () => new Promise(go => setTimeout(go, 1))

  // workerd ends the object whose commit fails: tests/runtimes/worker.js looks what it finds when
  // it is back
  const unlessBroken = traits.calls ? () => {} : t

  unlessBroken('a commit that fails keeps nothing, and the database goes on', async () => {
    const { db, left } = await start()
    const bad = db.withTransaction(async tx => {
      await write(tx, 'x')
      await sleep()
      await tx.run("INSERT INTO kids VALUES ('nobody')")
      return 'never'
    })
    await assert.rejects(bad, { code: 'SQLITE_CONSTRAINT_FOREIGNKEY' })
    assert.deepEqual(await left(), [])
    // right again before its end
    await db.withTransaction(async tx => {
      await tx.run("INSERT INTO kids VALUES ('p')")
      await write(tx, 'y')
      await tx.run("INSERT INTO parents VALUES ('p')")
    })
    assert.deepEqual(await left(), ['y', 'y'])
    assert.equal((await db.get('SELECT count(*) AS n FROM kids')).n, 1)
  })

  t('parts three deep are undone each alone, whoever catches', async () => {
    const { db, left } = await start()
    const failing = (tx, id, inner = async () => {}) =>
      tx.withTransaction(async () => {
        await write(tx, id)
        await sleep()
        await inner()
        throw new Error(id)
      })
    await db.withTransaction(async tx => {
      await write(tx, 'a')
      await assert.rejects(
        failing(tx, 'b', async () => {
          await failing(tx, 'c').catch(() => {})
          await tx.withTransaction(() => write(tx, 'd'))
        }),
        /b/,
      )
      await tx.withTransaction(async () => {
        await write(tx, 'e')
        await assert.rejects(failing(tx, 'f'), /f/)
        await tx.withTransaction(async () => {
          await write(tx, 'g')
          await assert.rejects(failing(tx, 'h'), /h/)
        })
      })
    })
    assert.deepEqual(await left(), ['a', 'e', 'g', 'a', 'e', 'g'])
    const whole = db.withTransaction(async tx => {
      await tx.withTransaction(() => write(tx, 'i'))
      throw new Error('whole')
    })
    await assert.rejects(whole, /whole/)
    assert.deepEqual(await left(), ['a', 'e', 'g', 'a', 'e', 'g'])
  })

  t(
    'several statements or documents of which one fails are undone together, inside and outside',
    async () => {
      const { db, docs, left } = await start()
      const unique = { code: /^SQLITE_CONSTRAINT/ }
      const code = async promise => {
        const error = await promise.then(
          () => assert.ok(false, 'nothing failed'),
          error => error,
        )
        assert.match(error.code, unique.code)
      }
      await docs.set({ id: 'there' })
      await code(docs.set([{ id: 'a' }, { id: 'there' }, { id: 'b' }], true))
      await code(db.exec('INSERT INTO one VALUES (8), (1)'))
      assert.deepEqual(await docs.all(), [{ id: 'there' }])
      await db.withTransaction(async tx => {
        await code(tx.store.docs.set([{ id: 'a' }, { id: 'there' }], true))
        await code(tx.exec("INSERT INTO own VALUES ('m'); INSERT INTO one VALUES (1)"))
        await code(tx.all('INSERT INTO one VALUES (2), (1) RETURNING a'))
        await assert.rejects(tx.store.docs.update('there', { $set: { id: 'text' } }), Error)
        await write(tx, 'c')
      })
      assert.deepEqual(await left(), ['c', 'there', 'c'])
      assert.deepEqual(await db.all('SELECT a FROM one'), [{ a: 1 }])
    },
  )

  t('transactions begun at once wait for each other, also behind ones that fail', async () => {
    const { db, docs, left } = await start()
    const one = (id, fails) =>
      db.withTransaction(async tx => {
        const before = await tx.store.docs.count()
        await write(tx, id)
        await sleep()
        assert.equal(await tx.store.docs.count(), before + 1, 'nobody else is in here')
        if (fails) throw new Error(id)
      })
    const all = [
      one('a'),
      one('b', true),
      docs.set({ id: 'c' }),
      one('d'),
      one('e', true),
      one('f'),
    ]
    const done = await Promise.allSettled(all)
    assert.deepEqual(
      done.map(({ reason }) => reason?.message),
      [undefined, 'b', undefined, undefined, 'e', undefined],
    )
    assert.deepEqual(await left(), ['a', 'c', 'd', 'f', 'a', 'd', 'f'])
  })

  t(
    'SQL that would end or begin a transaction inside one is refused, and breaks nothing',
    async () => {
      const { db, left } = await start()
      await db.withTransaction(async tx => {
        await write(tx, 'a')
        for (const sql of ['COMMIT', 'ROLLBACK', 'END', 'BEGIN', 'SELECT 1; COMMIT']) {
          const refused = { code: 'BAD_VALUE', message: /inside a transaction/ }
          await assert.rejects(tx.exec(sql), refused, sql)
          await assert.rejects(tx.run(sql), refused, sql)
        }
        await write(tx, 'b')
      })
      assert.deepEqual(await left(), ['a', 'b', 'a', 'b'])
    },
  )

  t('a savepoint or BEGIN of its own, outside of transactions, leaves none open', async () => {
    const { db, left } = await start()
    for (const sql of ['SAVEPOINT s', 'BEGIN', "BEGIN; INSERT INTO own VALUES ('never')"])
      await assert.rejects(db.exec(sql), Error, sql)
    await db.run("INSERT INTO own VALUES ('x')")
    await assert.rejects(
      db.withTransaction(async tx => {
        await write(tx, 'y')
        throw new Error('no')
      }),
      /no/,
    )
    assert.deepEqual(await left(), ['x'])
  })

  const rollback = 'INSERT OR ROLLBACK INTO one VALUES (1)'
  unlessBroken(
    'ON CONFLICT ROLLBACK breaks the transaction: nothing of it is kept, also when the error is caught',
    async () => {
      const { db, left } = await start()
      const broken = db.withTransaction(async tx => {
        await write(tx, 'x')
        await assert.rejects(tx.run(rollback), Error)
        await assert.rejects(tx.store.docs.set({ id: 'y' }), BROKEN)
        await assert.rejects(tx.run("INSERT INTO own VALUES ('y')"), BROKEN)
      })
      await assert.rejects(broken, BROKEN)
      assert.deepEqual(await left(), [])
      await db.withTransaction(tx => write(tx, 'z'))
      assert.deepEqual(await left(), ['z', 'z'])
    },
  )

  if (traits.calls) {
    t(
      'SQL that rolls back is refused where nobody could tell that it did, and breaks nothing',
      async () => {
        const { db, left } = await start()
        const refused = { code: 'BAD_VALUE', message: /use ABORT/ }
        await db.withTransaction(async tx => {
          await write(tx, 'x')
          await assert.rejects(tx.run(rollback), refused)
          await assert.rejects(tx.exec(rollback), refused)
          await assert.rejects(tx.all(`${rollback} RETURNING a`), refused)
        })
        await assert.rejects(db.exec('CREATE TABLE bad(a UNIQUE ON CONFLICT ROLLBACK)'), refused)
        assert.deepEqual(await left(), ['x', 'x'])
      },
    )
  }

  if (!traits.adapter) return

  t(
    'columns that wait for a migration are made of what it leaves, or nothing has changed',
    async () => {
      const adapter = staying(traits.adapter())
      const using = async (models, fn) => {
        const db = new DB({ adapter })
        for (const [name, options] of Object.entries(models))
          db.addModel(JsonModel, { name, ...options })
        try {
          // what is asked for meanwhile waits for the opening
          const [all] = await Promise.all([
            db.store.sizes.all(),
            db.withTransaction(tx => tx.store.names.count()),
          ])
          return fn ? await fn(db) : all
        } finally {
          await db.close()
        }
      }
      const of = (type, migrations) => ({ columns: { v: { type, index: true } }, migrations })
      await using({ sizes: of('TEXT'), names: of('JSON') }, async ({ store }) => {
        await store.sizes.set([{ id: 'a', v: '7 kg' }, { id: 'b', v: '9' }, { id: 'c' }])
        await store.names.set({ id: 'n', v: ['x'] })
      })
      const number = { 1: ({ model }) => model.retypeColumn('v', v => Number.parseInt(v, 10)) }
      const text = { 2: ({ model }) => model.retypeColumn('v', v => v.join()) }
      const late = { 3: () => sleep().then(() => assert.ok(false, 'too late')) }
      const still = [{ id: 'a', v: '7 kg' }, { id: 'b', v: '9' }, { id: 'c' }]
      for (const [sizes, names] of [
        [of('BLOB'), of('TEXT', text)],
        [of('INTEGER', number), of('BLOB')],
        [of('INTEGER', number), of('TEXT', { ...text, ...late })],
      ]) {
        await assert.rejects(using({ sizes, names }), Error)
        assert.deepEqual(await using({ sizes: of('TEXT'), names: of('JSON') }), still)
      }
      await using({ sizes: of('INTEGER', number), names: of('TEXT', text) }, async ({ store }) => {
        assert.deepEqual(await store.sizes.all(), [
          { id: 'a', v: 7 },
          { id: 'b', v: 9 },
          { id: 'c' },
        ])
        assert.deepEqual(await store.names.searchAll({ v: 'x' }), [{ id: 'n', v: 'x' }])
        assert.equal(await store.sizes.count({ v: { $gt: 8 } }), 1)
      })
      adapter.end()
    },
  )
}

/** An adapter of a database that can be opened again: closing it leaves it open. */
function staying(adapter) {
  const kept = {
    exec: (...args) => adapter.exec(...args),
    iterate: (...args) => adapter.iterate(...args),
    transaction: fn => adapter.transaction(fn),
    close() {},
    end: () => adapter.close(),
    get inTransaction() {
      return adapter.inTransaction
    },
    bigint: adapter.bigint,
  }
  if (adapter.transactionAsync) kept.transactionAsync = fn => adapter.transactionAsync(fn)
  return kept
}
