// SQLite: statements, values, opening and closing.
import { DB, JsonModel, SQLite, sql, TidelogError } from 'tidelog'
import * as assert from './assert.js'

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
  t('SQL is run with parameters and template tags', async () => {
    const db = open(SQLite)
    await db.exec('CREATE TABLE t(a INTEGER PRIMARY KEY, b)')
    assert.deepEqual(await db.run('INSERT INTO t(b) VALUES (?)', ['x']), { changes: 1, lastID: 1 })
    await db.run`INSERT INTO ${'t'}ID(b) VALUES (${{ deep: 1 }}JSON)`
    assert.deepEqual(await db.all('SELECT * FROM t WHERE a = :a', { a: 2 }), [
      { a: 2, b: '{"deep":1}' },
    ])
    assert.deepEqual(await db.get`SELECT b FROM t WHERE a = ${1}`, { b: 'x' })
    const big = 2n ** 53n + 1n
    const bytes = new Uint8Array([1, 2])
    const asText = 'SELECT CAST(? AS TEXT) AS big, ? AS bytes'
    assert.deepEqual(await db.get(asText, [big, bytes]), { big: String(big), bytes })
    assert.equal(await db.each('SELECT * FROM t', () => {}), 2)
    await assert.rejects(db.get('SELECT * FROM nowhere'), error => {
      assert.ok(error instanceof TidelogError)
      assert.equal(error.code, 'SQLITE_ERROR')
      assert.match(error.message, /no such table: nowhere in "SELECT \* FROM nowhere"/)
      return true
    })
    await assert.rejects(db.exec('BEGIN'), /withTransaction/)
    assert.deepEqual(sql`a ${1}`, ['a ?', [1]])
  })

  t('a closed database opens again by itself, a failed open can be tried again', async () => {
    let fail = true
    const db = open(DB, {
      onWillOpen: () => {
        if (fail) throw new Error('not yet')
      },
    })
    db.addModel(Things)
    await assert.rejects(db.store.things.count(), /not yet/)
    fail = false
    assert.equal(await db.store.things.count(), 0)
    await db.close()
    assert.equal(db.isOpen, false)
    assert.equal(await db.store.things.count(), 0)
  })

  t('every kind of value comes back as it went', async () => {
    const db = open(SQLite)
    await db.exec('CREATE TABLE v(k INTEGER PRIMARY KEY, v)')
    const values = [
      null,
      0,
      -1,
      1.5,
      2 ** 53 - 1,
      '',
      'quote \' and " and ?1',
      'ü €\u{1f600}',
      new Uint8Array([0, 1, 255]),
      new Uint8Array(0),
    ]
    for (const [k, v] of values.entries()) await db.run('INSERT INTO v VALUES (?, ?)', [k, v])
    const rows = await db.all('SELECT v FROM v ORDER BY k')
    assert.deepEqual(
      rows.map(row => row.v),
      values,
    )
    const kinds = await db.all('SELECT typeof(v) AS kind FROM v ORDER BY k')
    assert.deepEqual(
      kinds.map(row => row.kind),
      ['null', 'integer', 'integer', 'real', 'integer', 'text', 'text', 'text', 'blob', 'blob'],
    )
    for (const big of [2n ** 53n + 1n, -(2n ** 63n), 2n ** 63n - 1n]) {
      await db.run('INSERT OR REPLACE INTO v VALUES (99, ?)', [big])
      const row = await db.get(
        'SELECT typeof(v) AS kind, CAST(v AS TEXT) AS text FROM v WHERE v = ?',
        [big],
      )
      assert.deepEqual(row, { kind: 'integer', text: String(big) })
      const read = db.get('SELECT v FROM v WHERE k = 99')
      if (traits.calls) await assert.rejects(read, { code: 'BAD_VALUE', message: /CAST/ })
      else assert.deepEqual(await read, { v: big })
    }
  })

  t('parameters have numbers, names or neither, and each must be given', async () => {
    const db = open(SQLite)
    assert.deepEqual(await db.get('SELECT ?2 AS a, ?1 AS b, ?2 AS c', [1, 'x']), {
      a: 'x',
      b: 1,
      c: 'x',
    })
    const named = { a: 1, $b: 2, ':c': null }
    assert.deepEqual(await db.get("SELECT :a AS a, $b AS b, :c AS c, ':d' AS d", named), {
      a: 1,
      b: 2,
      c: null,
      d: ':d',
    })
    await assert.rejects(db.get('SELECT :a AS a', { b: 1 }), {
      code: 'BAD_VALUE',
      message: /no parameter 'b'/,
    })
    await assert.rejects(db.get('SELECT ? AS a', []), {
      code: 'BAD_VALUE',
      message: /1 parameters, 0 values/,
    })
    await assert.rejects(db.get('SELECT 1 AS a', [1]), { code: 'BAD_VALUE' })
  })

  t('a column called __proto__ is a column', async () => {
    const db = open(SQLite)
    const sql = `SELECT 1 AS a, ? AS "__proto__", 2 AS "constructor"`
    for (const value of ['text', 7, new Uint8Array([1]), null]) {
      for (const row of [await db.get(sql, [value]), ...(await db.all(sql, [value]))]) {
        assert.equal(Object.getPrototypeOf(row), Object.prototype)
        assert.equal(row.a, 1)
        assert.equal(row.constructor, 2)
        // a host's own rows may have lost it
        if (traits.bundled)
          assert.deepEqual(Object.getOwnPropertyDescriptor(row, '__proto__')?.value, value)
      }
    }
  })

  t('what SQLite would store as something else is not bound, infinity is', async () => {
    const db = open(SQLite)
    await db.exec('CREATE TABLE v(v REAL)')
    for (const values of [[Number.NaN], { v: Number.NaN }]) {
      const sql = `INSERT INTO v VALUES (${Array.isArray(values) ? '?' : ':v'})`
      await assert.rejects(db.run(sql, values), {
        code: 'BAD_VALUE',
        message: /is NaN: bind null for no value/,
      })
    }
    await db.run('INSERT INTO v VALUES (?)', [Number.POSITIVE_INFINITY])
    assert.deepEqual(await db.all('SELECT v FROM v'), [{ v: Number.POSITIVE_INFINITY }])
  })

  t('a statement says what it changed, and its errors have codes', async () => {
    const db = open(SQLite)
    await db.exec(`
      CREATE TABLE p(a INTEGER PRIMARY KEY, b TEXT UNIQUE, c TEXT NOT NULL DEFAULT 'c', d CHECK (d <> 5));
      CREATE TABLE k(p REFERENCES p)`)
    assert.deepEqual(await db.run('INSERT INTO p(b) VALUES (?), (?)', ['x', 'y']), {
      changes: 2,
      lastID: 2,
    })
    assert.deepEqual(await db.run('UPDATE p SET d = 1'), { changes: 2, lastID: 2 })
    assert.equal((await db.run('DELETE FROM p WHERE a = 77')).changes, 0)
    assert.deepEqual(await db.all('INSERT INTO p(b) VALUES (?) RETURNING a, b', ['z']), [
      { a: 3, b: 'z' },
    ])
    assert.equal((await db.run('CREATE INDEX i ON p(c)')).changes, 0)
    // what triggers do is not the statement's
    await db.exec(
      'CREATE TABLE log(x); CREATE TRIGGER more AFTER UPDATE ON p BEGIN INSERT INTO log VALUES (1), (2); END',
    )
    assert.equal((await db.run('UPDATE p SET d = 2 WHERE a = 1')).changes, 1)
    assert.equal((await db.run('SELECT 1')).changes, 0)
    const codes = {
      "INSERT INTO p(b) VALUES ('x')": 'SQLITE_CONSTRAINT_UNIQUE',
      'INSERT INTO p(a) VALUES (1)': 'SQLITE_CONSTRAINT_PRIMARYKEY',
      'INSERT INTO p(c) VALUES (NULL)': 'SQLITE_CONSTRAINT_NOTNULL',
      'INSERT INTO p(d) VALUES (5)': 'SQLITE_CONSTRAINT_CHECK',
      'INSERT INTO k VALUES (7)': 'SQLITE_CONSTRAINT_FOREIGNKEY',
      'SELEC 1': 'SQLITE_ERROR',
    }
    for (const [text, code] of Object.entries(codes)) {
      await assert.rejects(db.run(text), { name: 'TidelogError', code }, text)
    }
    assert.deepEqual(await db.get('SELECT count(*) AS n FROM p'), { n: 3 })
  })
}
