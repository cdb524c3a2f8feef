// A column's raised `version`: every document goes through the columns' functions again, as it is
// stored.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { DB, JsonModel } from 'tidelog'

const directory = mkdtempSync(join(tmpdir(), 'tidelog-rewriting-'))
after(() => rmSync(directory, { recursive: true }))
let files = 0
const file = () => join(directory, `${++files}.db`)

/** Opens a file with a model, lets `fn` work, closes it. */
async function using(name, options, fn = () => {}) {
  const db = new DB({ file: name })
  const docs = db.addModel(JsonModel, { name: 'docs', ...options })
  try {
    await db.open()
    return await fn(docs, db)
  } finally {
    await db.close()
  }
}

test('another version of a column stores nothing that SQL computed, and keeps bytes and Dates', async () => {
  const name = file()
  const columns = {
    n: { type: 'INTEGER', value: doc => doc.x },
    twice: { sql: 'tbl.n * 2', get: true },
    at: { type: 'DATE' },
    bytes: { type: 'BLOB' },
    id: { type: 'BIGINT' },
  }
  const doc = { id: 2n ** 60n, x: 4, at: new Date(5), bytes: new Uint8Array([7]) }
  await using(name, { columns }, docs => docs.set([doc, { id: 1, x: 5, twice: 'given' }]))
  const n = { type: 'INTEGER', value: doc => doc.x + 1, version: 1 }
  await using(name, { columns: { ...columns, n } }, async (docs, db) => {
    assert.deepEqual(await docs.get(doc.id), { ...doc, n: 5, twice: 10 })
    const stored = await db.all('SELECT json FROM docs ORDER BY id')
    assert.deepEqual(
      stored.map(({ json }) => JSON.parse(json)),
      [{ x: 5, twice: 'given' }, { x: 4 }],
    )
  })
  const { twice, ...without } = columns
  await using(name, { columns: { ...without, n } }, async docs =>
    assert.deepEqual(await docs.get(doc.id), { ...doc, n: 5 }),
  )
})

test('a document that cannot be written anew is named, and nothing of it has happened', async () => {
  const name = file()
  const docs = Array.from({ length: 300 }, (_, i) => ({
    id: i + 1,
    a: 'text',
    n: i === 250 ? null : i,
  }))
  const id = { type: 'INTEGER' }
  await using(name, { columns: { id, n: {} } }, model => model.set(docs))
  const fails = (column, message) =>
    assert.rejects(using(name, { columns: { id, n: { version: 1 }, ...column } }), message)
  await fails(
    { n: { required: true, version: 1 } },
    { code: 'REQUIRED', message: "docs: '251' cannot be written anew: docs.n: value is required" },
  )
  await fails(
    { n: { value: doc => doc.n.toFixed(), version: 1 } },
    { name: 'TypeError', message: /^docs: '251' cannot be written anew: .*toFixed/ },
  )
  await fails(
    { b: { path: 'a.b', default: 1 } },
    { code: 'BAD_VALUE', message: /docs: '1' .*'a' is a string/ },
  )
  await using(name, { columns: { id, n: {} } }, async model =>
    assert.deepEqual(await model.all(), docs),
  )
})

test('the form in which a column is stored is changed by retypeColumn, which sees what is stored', async () => {
  const name = file()
  const commas = { type: 'TEXT', parse: text => text.split(','), stringify: list => list.join(',') }
  const bars = { type: 'TEXT', parse: text => text.split('|'), stringify: list => list.join('|') }
  await using(name, { columns: { l: commas } }, docs => docs.set({ id: 'a', l: ['x', 'y'] }))
  const seen = []
  const retype = ({ model }) =>
    model.retypeColumn('l', text => {
      seen.push(text)
      return text.replaceAll(',', '|')
    })
  await using(name, { columns: { l: bars }, migrations: { retype } }, async docs => {
    assert.deepEqual(seen, ['x,y'])
    assert.deepEqual(await docs.get('a'), { id: 'a', l: ['x', 'y'] })
    assert.equal(await docs.count({ l: ['x', 'y'] }), 1)
  })
})
