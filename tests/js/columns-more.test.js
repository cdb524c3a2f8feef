// Columns where their functions and types meet: slugs that are stored as something else, values
// that `cols` gives, and definitions that are refused before they can do harm.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DB, JsonModel } from 'tidelog'

const open = (columns, options = {}) => {
  const db = new DB()
  return [db, db.addModel(JsonModel, { name: 'docs', columns, ...options })]
}

test('a slug with a stringify is unique, alone and among those that are written with it', async () => {
  const stored = { stringify: v => `S:${v}`, parse: v => v.slice(2) }
  for (const [type, more] of Object.entries({
    TEXT: stored,
    plain: { stringify: v => `S:${v}` },
  })) {
    const s = { ...(type === 'TEXT' && { type }), slugValue: doc => doc.n, index: true, ...more }
    const [db, docs] = open({ s })
    await docs.set({ id: 'a', n: 'x' })
    await docs.set({ id: 'b', n: 'x' })
    await docs.set([
      { id: 'c', n: 'y' },
      { id: 'd', n: 'y' },
    ])
    await docs.set({ id: 'a', n: 'x' })
    const found = await docs.all()
    assert.deepEqual(
      found.map(doc => doc.s),
      ['x', 'x-2', 'y', 'y-2'],
      type,
    )
    await db.close()
  }
})

test('parse gets of `cols` what it gets of a document', async () => {
  const [db, docs] = open({
    at: { type: 'DATE', parse: at => at.getTime() + 1, stringify: ms => new Date(ms) },
    bytes: { type: 'BLOB', parse: bytes => [...bytes], stringify: list => new Uint8Array(list) },
    big: { type: 'BIGINT', parse: big => Number(big), stringify: n => BigInt(n) },
    meta: {
      type: 'JSON',
      parse: text => JSON.parse(text).a,
      stringify: a => JSON.stringify({ a }),
    },
    by: {
      type: 'TEXT',
      parse(text) {
        return `${this.name}.${text}`
      },
    },
  })
  await docs.set({ id: 'a', at: 5, bytes: [1, 2], big: 7, meta: [3], by: 'x' })
  const { id, ...doc } = await docs.get('a')
  assert.deepEqual(doc, { at: 6, bytes: [1, 2], big: 7, meta: [3], by: 'by.x' })
  assert.deepEqual(await docs.searchOne({}, { cols: Object.keys(doc) }), doc)
  await db.close()
})

test('a value is taken in every form that is stored as the same, and read in one', async () => {
  const [db, docs] = open({
    id: { type: 'INTEGER' },
    n: { type: 'INTEGER' },
    big: { type: 'BIGINT' },
    bytes: { type: 'BLOB' },
  })
  const stored = { id: 2n ** 60n, n: 2n ** 60n, big: 5n, bytes: new Uint8Array(2) }
  assert.deepEqual(await docs.set({ ...stored, big: 5, bytes: new ArrayBuffer(2) }), stored)
  assert.deepEqual(
    await docs.update({ ...stored, big: 6, bytes: new DataView(new ArrayBuffer(1)) }),
    {
      ...stored,
      big: 6n,
      bytes: new Uint8Array(1),
    },
  )
  // also where SQL has another name than its text
  assert.deepEqual(
    await docs.searchOne({}, { cols: ['max(tbl.n) AS most', 'max(tbl.n)', "x'05' AS five"] }),
    { most: 2n ** 60n, 'max(tbl.n)': 2n ** 60n, five: new Uint8Array([5]) },
  )
  await db.close()
})

test('a figure refuses the options that would make it another one', async () => {
  const [db, docs] = open({ n: { type: 'INTEGER' } })
  await docs.set([{ n: 1 }, { n: 1 }, { n: 2 }])
  for (const op of ['sum', 'avg', 'min', 'max']) {
    for (const options of [{ distinct: true }, { cols: ['n'] }])
      await assert.rejects(
        docs[op]('n', {}, options),
        { name: 'TypeError', message: /docs\.\w+: (distinct|cols) .*figure.*numbers/ },
        op,
      )
  }
  await assert.rejects(docs.numAggOp('SUM', 'n', {}, { distinct: true }), TypeError)
  // nothing asked for is no option; a page's own are taken, so that its options can be passed on
  assert.equal(
    await docs.sum('n', {}, { distinct: false, cols: undefined, limit: 1, sort: { n: 1 } }),
    4,
  )
  await db.close()
})

test('definitions that would fail later, or mean nothing, are refused where they are made', () => {
  const refused = (columns, message, options) =>
    assert.throws(() => open(columns, options), { name: 'TypeError', message })
  refused({ c: { default: () => 5 } }, /docs\.c: default .*function.*use value/)
  refused(
    { c: { type: 'DATE', default: 'today' } },
    /docs: the default of: 'c' is a string, not a Date/,
  )
  refused(
    { c: { default: { deep: [() => 5] } } },
    /docs: the default of: 'c\.deep\[0\]' is a function/,
  )
  refused(
    { c: { type: 'JSON' }, d: { path: 'c.d', type: 'BLOB', default: [1] } },
    /'c\.d' is an array, not a/,
  )
  refused({ c: { falsyBool: true, isArray: true } }, /docs\.c: falsyBool .*isArray/)
  refused({ c: { falsyBool: true, inAll: true } }, /docs\.c: falsyBool .*inAll/)
  for (const type of ['INTEGER', 'BLOB', 'DATE', 'BIGINT', 'REAL'])
    refused({ c: { type, fts: true } }, new RegExp(`docs\\.c: fts is for text, .* ${type}`))
  refused({ c: { falsyBool: true, fts: true } }, /docs\.c: fts is for text/)
  refused({ ID: { type: 'TEXT' } }, /docs\.ID: .*'id'.*another name/)
  assert.throws(() => new DB(null), { name: 'TypeError', message: 'options must be an object' })
  const indexes = (given, message) => refused({ a: { type: 'TEXT' } }, message, { indexes: given })
  indexes({}, /docs: indexes must be an array of \{columns, name\?, unique\?, sparse\?\}/)
  indexes(['a'], /docs: indexes\[0\] must be an object/)
  indexes(
    [{ columns: ['a'], uniq: true }],
    /docs: indexes\[0\] has no 'uniq': did you mean 'unique'\?/,
  )
  indexes([{ columns: [] }], /docs: indexes\[0\]\.columns must name one column at least/)
  indexes([{ columns: 'a' }], /docs: indexes\[0\]\.columns must name/)
  indexes([{ columns: ['a', 5] }], /docs: indexes\[0\]\.columns must name/)
  indexes([{ columns: ['a', 'b'] }], /docs: indexes\[0\]: there is no column 'b': did you mean/)
  indexes([{ columns: ['a'], name: 5 }], /docs: indexes\[0\]\.name must be a string/)
  indexes([{ columns: ['a'], unique: 'yes' }], /docs: indexes\[0\]\.unique must be true or false/)
})

test('two migrations with one key are refused where the second is given', async () => {
  const up = () => {}
  const other = () => {}
  const twice = { name: 'TypeError', message: /there are two migrations '(a|a g|m k)'.*another/ }
  const given = [
    { runKey: 'a', up },
    { runKey: 'a', up: other },
  ]
  assert.throws(() => new DB({ migrations: given }), twice)
  const db = new DB({ migrations: [{ runKey: 'm k', up }] })
  db.registerMigrations('g', { a: up })
  db.registerMigrations('h', { a: up })
  assert.throws(() => db.registerMigrations('g', { b: up, a: other }), twice)
  assert.throws(() => db.addModel(JsonModel, { name: 'k', migrations: { m: other } }), twice)
  // nothing of what was refused is there
  assert.equal(db.store.k, undefined)
  await db.addModel(JsonModel, { name: 'k', migrations: { n: up } }).set({ id: 'a' })
  await db.close()
})
