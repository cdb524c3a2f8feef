// Databases of the host: the option `adapter`, and the four methods each adapter has.
import { DB, EventSourcingDB, JsonModel, SQLite } from 'tidelog'
import { fromBetterSqlite3, fromBunSqlite, fromDurableObject, fromNodeSqlite } from 'tidelog/hosts'
import * as assert from './assert.js'

export function spec(t, { open, traits }) {
  t('what is no adapter is refused at once', async () => {
    assert.throws(() => new DB({ adapter: {} }), { name: 'TypeError', message: /no method 'exec'/ })
    for (const from of [fromNodeSqlite, fromBetterSqlite3, fromBunSqlite, fromDurableObject]) {
      assert.throws(() => from({}), { name: 'TypeError', message: /expects a database/ })
      assert.throws(() => from(), { name: 'TypeError' })
    }
    const adapter = { exec() {}, iterate: () => [], transaction: fn => fn(), close() {} }
    assert.throws(() => new DB({ adapter, file: 'x' }), {
      name: 'TypeError',
      message: /file cannot be given/,
    })
    assert.throws(() => new DB({ adapter, durability: 'relaxed' }), { name: 'TypeError' })
    assert.throws(() => new EventSourcingDB({ models: {}, adapter }), {
      code: 'NOT_SUPPORTED',
      message: /adapter.*bundled engine/,
    })
    const late = new DB({ adapter: () => ({}) })
    await assert.rejects(late.open(), { name: 'TypeError', message: /no method/ })
  })

  if (!traits.adapter) return
  const fresh = () => traits.adapter()

  t('exec runs one statement with parameters, or several without', async () => {
    const host = fresh()
    host.exec('CREATE TABLE t(a, b); CREATE TABLE u(a)')
    host.exec('INSERT INTO t VALUES (?, ?)', 'x', null)
    host.exec('INSERT INTO t VALUES (?, ?) RETURNING a', 'y', new Uint8Array([7]))
    const rows = [...host.iterate('SELECT a, b FROM t ORDER BY a')]
    assert.equal(rows.length, 2)
    assert.deepEqual(
      [rows[0].a, rows[0].b, rows[1].a, [...new Uint8Array(rows[1].b)]],
      ['x', null, 'y', [7]],
    )
    assert.deepEqual([...host.iterate('SELECT a FROM t WHERE a = ?', 'none')], [])
    assert.deepEqual([...host.iterate('INSERT INTO u VALUES (?)', 'z')], [])
    host.close()
  })

  t('leaving a loop over rows early ends its statement', async () => {
    const host = fresh()
    host.exec('CREATE TABLE t(a)')
    for (const a of ['x', 'y', 'z']) host.exec('INSERT INTO t VALUES (?)', a)
    for (const row of host.iterate('SELECT a FROM t')) {
      assert.equal(row.a, 'x')
      break
    }
    assert.throws(() => {
      for (const row of host.iterate('SELECT a FROM t')) throw new Error(row.a)
    }, /x/)
    // an open statement would keep the table locked
    host.exec('DROP TABLE t')
    host.close()
  })

  t('the same statement can run inside itself', async () => {
    const host = fresh()
    host.exec('CREATE TABLE t(a); INSERT INTO t VALUES (1), (2)')
    // from now on it is kept prepared
    assert.equal([...host.iterate('SELECT a FROM t')].length, 2)
    const pairs = []
    for (const { a } of host.iterate('SELECT a FROM t'))
      for (const { a: b } of host.iterate('SELECT a FROM t')) pairs.push(`${a}${b}`)
    assert.deepEqual(pairs, ['11', '12', '21', '22'])
    host.close()
  })

  t('a transaction is undone and its error thrown on, and it nests', async () => {
    const host = fresh()
    host.exec('CREATE TABLE t(a)')
    const write = a => host.exec('INSERT INTO t VALUES (?)', a)
    const fail = a => () => {
      write(a)
      throw new Error(a)
    }
    assert.throws(() => host.transaction(fail('one')), /one/)
    const value = host.transaction(() => {
      write('two')
      assert.throws(() => host.transaction(fail('three')), /three/)
      write('four')
      return 'value'
    })
    assert.equal(value, 'value')
    const rows = [...host.iterate('SELECT a FROM t')]
    assert.deepEqual(
      rows.map(row => row.a),
      ['two', 'four'],
    )
    host.close()
  })

  t('closing twice is closing once', async () => {
    const host = fresh()
    host.close()
    host.close()
  })

  t('an adapter that is handed over stays usable when the opening fails', async () => {
    const adapter = fresh()
    const db = new DB({ adapter })
    db.addModel(JsonModel, { name: '_bad' })
    await assert.rejects(db.open(), { code: 'BAD_NAME' })
    const good = new DB({ adapter })
    assert.equal(await good.addModel(JsonModel, { name: 'good' }).count(), 0)
    assert.equal(good.status.storage, 'adapter')
    await good.close()
  })

  t('BEGIN outside of withTransaction is refused', async () => {
    const db = open(SQLite)
    await db.exec('CREATE TABLE t(a)')
    await assert.rejects(db.run('BEGIN'))
    await db.run("INSERT INTO t VALUES ('x')")
    await assert.rejects(
      db.withTransaction(async tx => {
        await tx.run("INSERT INTO t VALUES ('y')")
        throw new Error('no')
      }),
      /no/,
    )
    assert.deepEqual(await db.all('SELECT a FROM t'), [{ a: 'x' }])
  })
}
