// Edges of models and options: each a value, an argument or an option that once did something
// quietly wrong.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { DB, JsonModel, SQLite } from 'tidelog'

const dir = mkdtempSync(join(tmpdir(), 'tidelog-edges-'))
after(() => rmSync(dir, { recursive: true, force: true }))

const made = (columns, options) => {
  const db = new DB(options)
  return db.addModel(JsonModel, { name: 'docs', columns })
}

test('a DATE takes no milliseconds that no Date can have', async () => {
  const docs = made({ d: { type: 'DATE' } })
  const last = new Date(8.64e15)
  assert.deepEqual((await docs.set({ id: 'a', d: 8.64e15 })).d, last)
  for (const d of [8.64e15 + 2, -8.64e15 - 2, 1e17])
    await assert.rejects(docs.set({ id: 'a', d }), /'d' is a number, not a Date or milliseconds/)
  assert.deepEqual(await docs.set(await docs.get('a')), { id: 'a', d: last })
})

test('a Date that is asked for in another column is its text, as in a search', async () => {
  const docs = made({ t: { type: 'TEXT' }, d: { type: 'DATE' }, v: { index: true } })
  const day = new Date(5)
  await docs.set({ id: 'a', t: day, d: day, v: day })
  for (const name of ['t', 'd', 'v']) {
    assert.equal((await docs.get(day, name))?.id, 'a', name)
    assert.equal((await docs.getAll([day], name))[0]?.id, 'a', name)
    assert.equal((await docs.searchOne({ [name]: day }))?.id, 'a', name)
  }
  await assert.rejects(docs.get(new Date(Number.NaN), 't'), /t is an invalid Date/)
})

test('exists of null is no question, with options either', async () => {
  const docs = made({})
  await docs.set({ id: 'a' })
  for (const args of [[null], [undefined], [null, {}], [null, { where: { 1: [] } }]])
    await assert.rejects(docs.exists(...args), /no id was given/)
  assert.deepEqual([await docs.exists(), await docs.exists(undefined, {})], [true, true])
})

test('what refers to another document is read from the table', () => {
  const foreignKey = { model: 'docs', onDelete: 'SET NULL' }
  assert.throws(
    () => made({ up: { type: 'TEXT', get: false, foreignKey } }),
    /docs\.up: foreignKey needs get/,
  )
  made({ up: { type: 'TEXT', get: true, foreignKey } })
})

test('rows become documents, or the wanted columns of them', async () => {
  const docs = made({
    n: { type: 'INTEGER' },
    d: { type: 'DATE' },
    k: { type: 'TEXT', get: false },
  })
  await docs.set({ id: 'a', n: 1, d: new Date(5), k: 'x', free: 2 })
  const rows = await docs.db.all('SELECT * FROM docs')
  assert.deepEqual(docs.toObj(rows), [{ id: 'a', n: 1, d: new Date(5), k: 'x', free: 2 }])
  assert.deepEqual(docs.toObj(rows, { cols: ['id', 'd'] }), [{ id: 'a', d: new Date(5) }])
  assert.deepEqual(docs.parseRow(rows[0], { cols: ['k'] }), { k: 'x' })
  assert.throws(() => docs.toObj(rows, { cols: ['nn'] }), /unknown column 'nn'/)
})

test('readOnly needs something to read', async () => {
  for (const options of [{}, { file: ':memory:' }])
    assert.throws(() => new SQLite({ ...options, readOnly: true }), /readOnly needs a file/)
  const file = join(dir, 'columns.db')
  const first = made({ n: { type: 'INTEGER' } }, { file })
  await first.set({ id: 'a', n: 1, m: 2 })
  await first.db.close()
  const more = made({ n: { type: 'INTEGER' }, m: { type: 'INTEGER' } }, { file, readOnly: true })
  await assert.rejects(more.all(), {
    code: 'SQLITE_READONLY',
    message: /'docs' has no column 'm' yet/,
  })
  const same = made(
    { N: { type: 'INTEGER', path: 'n' }, v: { index: true } },
    { file, readOnly: true },
  )
  assert.deepEqual(await same.searchAll({ N: 1 }, { cols: ['N'] }), [{ n: 1 }])
  await same.db.close()
})

test('the id is in a column of its own', () => {
  const at = idCol => () => new DB().addModel(JsonModel, { name: 'docs', idCol })
  assert.throws(at('json'), /idCol must be a string, and not 'json'/)
  assert.equal(at('my-id')().idCol, 'my-id')
})

test('an instance with properties of its own is attributes', async () => {
  class Wanted {
    n = 2
    get m() {
      return 7
    }
  }
  class Hidden {
    #n = 2
    get n() {
      return this.#n
    }
  }
  const docs = made({ n: { type: 'INTEGER' } })
  await docs.set([
    { id: 'a', n: 1 },
    { id: 'b', n: 2 },
  ])
  assert.deepEqual(await docs.searchAll(new Wanted()), [{ id: 'b', n: 2 }])
  assert.equal(await docs.exists(new Wanted()), true)
  assert.equal(await docs.count({ $not: new Wanted() }), 1)
  // what shows nothing would be every document
  for (const none of [new Hidden(), new Map([['n', 1]]), new Date(), ['n']])
    await assert.rejects(docs.removeWhere(none), /attrs must be an object/)
  assert.equal(await docs.removeWhere(new Wanted()), 1)
})

test("a document's own slug is not taken when it is set again", async () => {
  const docs = made({ slug: { index: true, unique: true, slugValue: doc => doc.name } })
  const slug = async doc => (await docs.set(doc)).slug
  assert.equal(await slug({ id: 'a', name: 'three' }), 'three')
  assert.equal(await slug({ id: 'a', name: 'three' }), 'three')
  assert.equal(await slug({ id: 'b', name: 'three' }), 'three-2')
  assert.equal(await slug({ id: 'b', name: 'three' }), 'three-2')
  assert.equal(await slug({ name: 'three' }), 'three-3')
  const numbers = made({
    id: { type: 'INTEGER' },
    slug: { index: true, slugValue: doc => doc.name },
  })
  assert.equal((await numbers.set({ id: 1, name: 'x' })).slug, 'x')
  assert.equal((await numbers.set({ id: 1, name: 'x' })).slug, 'x')
  assert.equal((await numbers.set({ id: 2, name: 'x' })).slug, 'x-2')
})

test('errors of models name the database', async () => {
  const docs = made({ n: { type: 'INTEGER', index: true, unique: true } }, { name: 'mine' })
  await docs.set({ id: 'a', n: 1 })
  const named = error =>
    error.message.startsWith(`${docs.db.name}: `) && docs.db.name.startsWith('mine|')
  await assert.rejects(docs.set({ id: 'b', n: 1 }), named)
  await assert.rejects(docs.update({ id: 'c', n: 1 }), named)
  await assert.rejects(docs.search({}, { where: { 'nope = 1': [] } }), named)
  await docs.db.exec('DROP TABLE docs')
  for (const call of [
    () => docs.get('a'),
    () => docs.all(),
    () => docs.remove('a'),
    () => docs.count(),
  ])
    await assert.rejects(call(), named)
})

test('an id compares as it is', () => {
  assert.throws(
    () => made({ id: { type: 'TEXT', collate: 'NOCASE' } }),
    /column docs\.id: 'collate' cannot be done to the id/,
  )
})

test('a name under which no search could read is refused', async () => {
  const db = new DB()
  db.addModel(JsonModel, { name: 'pragma_x' })
  await assert.rejects(db.open(), { code: 'BAD_NAME', message: /pragma_x.*'pragma_'/ })
})

test('a computed column that becomes read has its values', async () => {
  const file = join(dir, 'aside.db')
  const value = doc => doc.x * 2
  const open = async (column, ask) => {
    const db = new DB({ file })
    const docs = db.addModel(JsonModel, {
      name: 'docs',
      columns: { c: { value, index: true, ...column } },
    })
    const answer = await ask(docs)
    await db.close()
    return answer
  }
  const found = async docs => [await docs.count({ c: 4 }), await docs.all()]
  await open({ type: 'INTEGER', get: false }, docs =>
    docs.set([
      { id: 'a', x: 1 },
      { id: 'b', x: 2 },
    ]),
  )
  const read = [
    1,
    [
      { id: 'a', x: 1, c: 2 },
      { id: 'b', x: 2, c: 4 },
    ],
  ]
  assert.deepEqual(await open({ type: 'INTEGER' }, found), read)
  await open({ type: 'INTEGER', get: false }, found)
  assert.deepEqual(await open({}, found), read)
})

test('full text that a migration comes before says so', async () => {
  const file = join(dir, 'fts.db')
  const before = new DB({ file })
  await before
    .addModel(JsonModel, { name: 'docs', columns: { t: { type: 'TEXT' } } })
    .set({ id: 'a', t: 'sea' })
  await before.close()
  const kinds = [{ t: { type: 'TEXT', fts: true } }, { t: { fts: true } }]
  for (const columns of kinds) {
    const db = new DB({ file })
    const look = ({ model }) => model.searchAll({ t: { $match: 'sea' } })
    db.addModel(JsonModel, { name: 'docs', columns, migrations: { look } })
    await assert.rejects(db.open(), {
      code: 'BAD_VALUE',
      message: /migration 'look docs'.*migration/,
    })
    await db.close()
  }
})
