// Searches give the answer a reader of the documents would give: of values that other columns hold,
// of text with NUL, of computed columns with a default; and writes by condition never reach more
// than was meant.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DB, EventSourcingDB, JsonModel } from 'tidelog'

function open(columns, name = 'things') {
  const db = new DB()
  return [db, db.addModel(JsonModel, { name, columns })]
}

test('a default of an sql column is computed, never stored, and known to searches', async () => {
  const [db, things] = open({
    c: { sql: 'nullif(tbl.n, 0)', default: 5, get: true },
    t: { sql: "nullif(tbl.n, 3) || ''", default: "o'x", index: true },
    n: { type: 'INTEGER' },
  })
  await things.set([
    { id: 'a', n: 0 },
    { id: 'b', n: 3 },
  ])
  assert.deepEqual(await things.all(), [
    { id: 'a', n: 0, c: 5 },
    { id: 'b', n: 3, c: 3 },
  ])
  assert.deepEqual(await db.all('select json from things where json is not null'), [])
  assert.equal(await things.count({ c: 5 }), 1)
  assert.equal(await things.count({ t: "o'x" }), 1)
  const sorted = await things.searchAll({}, { sort: { c: 1 } })
  assert.deepEqual(
    sorted.map(({ id }) => id),
    ['b', 'a'],
  )
  for (const bad of [{}, Number.NaN, 'a\0b', () => 1])
    assert.throws(() => open({ c: { sql: '1', default: bad } }), /default of an sql column/)
  await db.close()
})

test('what is undefined in the condition of a write is refused, and so is an unknown column without a value', async () => {
  const [db, things] = open({ n: { type: 'INTEGER' }, j: { type: 'JSON' } })
  await things.set([{ id: 'a' }, { id: 'b' }])
  for (const attrs of [
    { id: undefined },
    { n: { $gt: undefined } },
    { n: { $in: [1, undefined] } },
    { $or: [{ n: 1 }, { id: undefined }] },
    { $not: { n: undefined } },
    { j: { $eq: { k: undefined } } },
  ]) {
    const refused = { name: 'TypeError', message: /undefined/ }
    await assert.rejects(things.removeWhere(attrs), refused)
    await assert.rejects(things.updateWhere(attrs, { n: 1 }), refused)
  }
  for (const attrs of [
    { yaer: null },
    { yaer: undefined },
    { $or: [{ yaer: null }] },
    { $nope: null },
  ])
    await assert.rejects(things.search(attrs), { name: 'TypeError', message: /unknown/ })
  await assert.rejects(things.removeWhere({ yaer: null }), { code: 'UNKNOWN_COLUMN' })
  assert.equal(await things.count({ n: undefined, id: null }), 2)
  assert.equal(await things.removeWhere({}), 2)
  await db.close()
})

test('what would be no condition is refused in that of a write, and stays none in a search', async () => {
  const [db, things] = open({
    a: { in: true },
    all: { isArray: true, inAll: true },
    text: { type: 'TEXT', textSearch: true },
    own: { whereVal: value => (value === 'none' ? undefined : [value]), where: 'tbl.id = ?' },
    sql: { where: value => value === 'x' && 'tbl.id = ?' },
    words: { type: 'TEXT', fts: true },
    tags: {},
  })
  await things.set([{ id: 'a' }, { id: 'b' }])
  const none = {
    id: { id: null },
    a: { a: [] },
    all: { id: 'a', all: [] },
    text: { text: '' },
    own: { own: 'none' },
    sql: { sql: 'y' },
    $and: { $and: [] },
    $or: { $or: [{ id: 'a' }, {}] },
    tags: { tags: { $containsAll: [] } },
    'words.$match': { words: { $match: '"' } },
    $match: { $or: [{ $match: { words: ' ', prefix: true } }] },
  }
  for (const [name, attrs] of Object.entries(none)) {
    const [told, code] = name.endsWith('$match')
      ? [`${name} is without a word, which is no condition`, 'BAD_VALUE']
      : [`${name} is no condition`, 'TypeError']
    const refused = error => error.message.includes(told) && (error.code ?? error.name) === code
    await assert.rejects(things.removeWhere(attrs), refused, name)
    await assert.rejects(things.updateWhere(attrs, { n: 1 }), refused, name)
    assert.ok((await things.count(attrs)) > 0, name)
  }
  await assert.rejects(things.removeWhere({ $not: { a: [] } }), TypeError)
  for (const attrs of [{ a: { $in: [] } }, { $or: [] }, { own: 'c' }, { id: { $eq: null } }])
    assert.equal(await things.removeWhere(attrs), 0)
  assert.equal(await things.updateWhere({ $and: [{}, { id: 'a' }] }, { n: 1 }), 1)
  assert.equal(await things.removeWhere({ tags: { $nin: [] } }), 2)
  await db.close()
  const es = new EventSourcingDB({ models: { k: { columns: { a: { in: true } } } } })
  await es.store.k.set({ id: 'a' })
  for (const attrs of [{ a: [] }, { id: null }]) {
    await assert.rejects(es.store.k.removeWhere(attrs), {
      name: 'TypeError',
      message: /no condition/,
    })
    await assert.rejects(es.store.k.updateWhere(attrs, { n: 1 }), {
      name: 'TypeError',
      message: /no condition/,
    })
  }
  assert.deepEqual(await es.store.k.all(), [{ id: 'a' }])
  await es.close()
})

test('figures after a cursor are those of the rest of that order', async () => {
  const [db, things] = open({ n: { type: 'INTEGER' } })
  await things.set([1, 2, 3, 4].map(n => ({ n })))
  const sort = { n: -1 }
  const { cursor } = await things.search({}, { sort, limit: 2 })
  assert.equal(await things.count({}, { sort, cursor }), 2)
  assert.equal(await things.sum('n', {}, { sort, cursor }), 3)
  assert.equal(await things.numAggOp('count', 'n', {}, { sort, cursor }), 2)
  assert.equal(await things.max('n', {}, { sort, limit: 1, offset: 3 }), 4)
  await db.close()
})

test('a column that cols names and nobody declared is named in the error; SQL in cols stays SQL', async () => {
  const [db, things] = open({ n: { type: 'INTEGER' }, t: { type: 'TEXT', fts: true } })
  await things.set({ id: 'a', n: 1, t: 'sea', x: 2 })
  await assert.rejects(things.search({}, { cols: ['x'] }), {
    name: 'TypeError',
    code: 'UNKNOWN_COLUMN',
  })
  await assert.rejects(
    things.search({}, { cols: ['n', 'x'] }),
    /unknown column 'x': declare it in columns/,
  )
  const rank = { cols: ['id', '$rank'] }
  await assert.rejects(things.search({ $match: 'sea' }, rank), {
    name: 'TypeError',
    message: /cols has no '\$rank'/,
  })
  const [row] = await things.searchAll({ $match: 'sea' }, { cols: ['id'], sort: { $rank: 1 } })
  assert.deepEqual([row.id, typeof row.$rank], ['a', 'number'])
  await assert.rejects(things.search({}, { cols: ['x + 1'] }), { code: 'SQLITE_ERROR' })
  assert.deepEqual(await things.searchAll({}, { cols: ['n + 1', 'rowId'] }), [
    { 'n + 1': 2, rowId: 1 },
  ])
  await db.close()
})

test('a path that is a column, or below one, is that column', async () => {
  const [db, things] = open({
    x: { type: 'JSON' },
    n: { path: 'x.n', type: 'INTEGER' },
    when: { path: 'y.when', type: 'DATE' },
    z: { path: 'y.z', type: 'JSON' },
    a: { path: 'y.q', type: 'TEXT' },
    b: { path: 'y.q' },
    v: {},
    vw: { path: 'v.w', type: 'TEXT' },
  })
  const doc = {
    id: '1',
    x: { n: 5, w: 1 },
    y: { when: new Date(7), z: { k: [1] }, q: 'q' },
    v: { w: 'w' },
  }
  await things.set([doc, { id: '2', x: { w: 1 } }])
  assert.deepEqual(await things.get('1'), doc)
  for (const attrs of [
    { 'x.n': 5 },
    { n: 5 },
    { 'y.when': new Date(7) },
    { 'y.z': { k: [1] } },
    { 'y.z.k[0]': 1 },
    { b: 'q' },
    { 'y.q': 'q' },
    { 'v.w': 'w' },
  ])
    assert.equal(await things.count(attrs), 1, JSON.stringify(attrs))
  assert.equal(await things.count({ 'x.w': 1 }), 2)
  const cols = ['x.n', 'y.when', 'y.z.k']
  assert.deepEqual(await things.searchAll({ id: '1' }, { cols }), [
    { 'x.n': 5, 'y.when': new Date(7), 'y.z.k': [1] },
  ])
  const refused = {
    code: 'BAD_VALUE',
    message: /'n' holds a part of it: ask for the columns below it/,
  }
  await assert.rejects(things.count({ x: { $eq: { w: 1 } } }), refused)
  await assert.rejects(things.searchAll({}, { cols: ['x'] }), refused)
  await assert.rejects(things.searchAll({}, { sort: { x: 1 } }), refused)
  assert.equal(await things.count({ x: { $exists: true } }), 2)
  await db.close()
})

test('NUL is text like any other in $text and textSearch, and refused in patterns', async () => {
  const [db, things] = open({ t: { type: 'TEXT', textSearch: true }, v: {} })
  await things.set([
    { id: '1', t: 'a\0b', v: 'a\0b' },
    { id: '2', t: 'a', v: 'a' },
  ])
  const ids = async attrs => (await things.searchAll(attrs)).map(({ id }) => id).join()
  assert.equal(await ids({ t: 'B' }), '1')
  assert.equal(await ids({ t: '\0' }), '1')
  assert.equal(await ids({ t: 'a' }), '1,2')
  assert.equal(await ids({ v: { $text: '\0B' } }), '1')
  for (const op of ['$like', '$glob'])
    await assert.rejects(things.searchAll({ t: { [op]: 'a\0c' } }), {
      code: 'BAD_VALUE',
      message: /NUL/,
    })
  await db.close()
})

test('figures count and total as well', async () => {
  const [db, things] = open({ v: {} })
  await things.set([{ v: 1.5 }, { v: '2' }, { v: 'x' }, {}])
  assert.equal(await things.numAggOp('COUNT', 'v'), 2)
  assert.equal(await things.numAggOp('TOTAL', 'v'), 3.5)
  assert.equal(await things.numAggOp('total', 'v', { v: 'x' }), 0)
  await db.close()
})

test('a join that gives several rows of a document has no cursors, and says so', async () => {
  const [db, things] = open({ id: { type: 'INTEGER' } })
  await things.set(Array.from({ length: 10 }, () => ({})))
  const warnings = []
  db.on('warning', warning => warnings.push(warning))
  const page = values =>
    things.search(
      {},
      { join: 'JOIN json_each(?) je', joinVals: [values], cols: ['id', 'je.value'], limit: 7 },
    )
  const { items, total, cursor } = await page('[1,2]')
  assert.deepEqual([items.length, total, cursor], [7, 20, undefined])
  assert.match(String(warnings), /several rows of a document/)
  assert.notEqual((await page('[1]')).cursor, undefined)
  assert.equal(warnings.length, 1)
  await db.close()
})

test('a $match without a word in it is no condition, whatever else is in it', async () => {
  const [db, things] = open({ t: { type: 'TEXT', fts: true } })
  await things.set([{ t: 'fox' }, { t: 'dog' }])
  for (const blank of ['', '   ', '"', '*', '\0', '" -'])
    for (const given of [
      blank,
      { words: blank },
      { words: blank, prefix: true },
      { phrase: blank },
    ])
      assert.equal(await things.count({ $match: given }), 2, JSON.stringify(given))
  assert.equal(await things.count({ $match: '" fox' }), 1)
  await db.close()
})
