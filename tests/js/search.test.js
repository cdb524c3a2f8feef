// Searching through the class API: column keys, operators, options, and what is refused and how.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DB, JsonModel } from 'tidelog'

const COLUMNS = {
  id: { type: 'INTEGER' },
  n: { type: 'INTEGER', index: true },
  name: { textSearch: true },
  kind: { in: true, index: true },
  tags: { type: 'JSON', isArray: true },
  any: { isArray: true, in: true },
  every: { isArray: true, inAll: true },
  done: { falsyBool: true },
  meta: { type: 'JSON' },
  at: { type: 'DATE' },
  upper: { type: 'TEXT', stringify: v => v?.toUpperCase() },
  near: { where: (_values, original) => (original > 90 ? false : 'abs(tbl.n - ?) < 2') },
  range: { where: 'tbl.n BETWEEN ? AND ?', whereVal: v => (v === 'off' ? false : v) },
}
const DOCS = [
  { id: 1, n: 5, name: '10%', kind: 'a', tags: ['x', 'y'], any: [1], every: [1, 2], upper: 'ABC' },
  { id: 2, n: 7, name: '10 and', kind: 'b', tags: ['y'], any: [2, 3], every: [1], done: true },
  { id: 3, n: 9, name: 'other', kind: 'a', meta: { city: 'Ulm', list: [{ a: 1 }] } },
  { id: 4, n: 0, name: '', kind: '' },
]

async function open(options) {
  const db = new DB()
  const things = db.addModel(options?.Model ?? JsonModel, {
    name: 'things',
    columns: COLUMNS,
    ...options?.with,
  })
  await things.set(options?.docs ?? DOCS)
  const ids = async (...args) => (await things.searchAll(...args)).map(item => item.id)
  return { db, things, ids }
}

test('plain values are compared as their columns say', async () => {
  const { db, ids } = await open()
  for (const [attrs, expected] of [
    [{ n: null, kind: undefined }, [1, 2, 3, 4]],
    [{ n: 0 }, [4]],
    [{ kind: [''] }, [4]],
    [{ kind: [] }, [1, 2, 3, 4]],
    [{ kind: { $in: [] } }, []],
    [{ kind: ['a', 'b'] }, [1, 2, 3]],
    [{ name: '10%' }, [1]],
    [{ name: '' }, [1, 2, 3, 4]],
    [{ tags: 'y' }, [1, 2]],
    [{ any: [1, 2] }, [1, 2]],
    [{ any: [] }, [1, 2, 3, 4]],
    [{ every: [1, 2] }, [1]],
    [{ done: true }, [2]],
    [{ done: false }, [1, 3, 4]],
    [{ meta: { city: 'Ulm', list: [{ a: 1 }] } }, [3]],
    [{ 'meta.city': 'Ulm' }, [3]],
    [{ 'meta.list[0].a': { $gte: 1 } }, [3]],
    [{ upper: 'abc' }, [1]],
    [{ upper: { $in: ['abc'] } }, [1]],
    [{ near: 8 }, [2, 3]],
    [{ near: 99 }, [1, 2, 3, 4]],
    [{ range: [1, 7] }, [1, 2]],
    [{ range: 'off' }, [1, 2, 3, 4]],
    [{ n: { $gt: 0, $lt: 9 } }, [1, 2]],
    [{ n: { $gt: undefined } }, [1, 2, 3, 4]],
    [{ $or: [{ n: 5 }, { $and: [{ n: 7 }, { done: true }] }] }, [1, 2]],
    [{ $not: { kind: 'a' }, n: { $ne: 0 } }, [2]],
    [{ $or: [] }, []],
    [{ $and: [] }, [1, 2, 3, 4]],
  ]) {
    assert.deepEqual(await ids(attrs), expected, JSON.stringify(attrs))
  }
  await db.close()
})

test('what cannot be asked is a TypeError that says what can', async () => {
  const { db, things } = await open()
  let deep = { n: 1 }
  for (let i = 0; i < 100_000; i += 1) deep = { $not: deep }
  for (const [attrs, options, message] of [
    [{ nope: 1 }, {}, /unknown column 'nope'.*declare it in columns/],
    [{ $nor: [] }, {}, /unknown operator '\$nor'/],
    [{ n: { $regex: 'x' } }, {}, /unknown operator '\$regex' of n: use \$eq/],
    [{ n: { $gt: 1, x: 1 } }, {}, /n mixes operators/],
    [{ n: { x: 1 } }, {}, /n is compared with an object/],
    [{ n: [1] }, {}, /n is compared with an array: use \{\$in/],
    [{ n: Number.NaN }, {}, /finite/],
    [{ n: 2n ** 64n }, {}, /64 bits/],
    [{ n: () => 1 }, {}, /use a string/],
    [{ n: { $in: 1 } }, {}, /n\.\$in takes an array, not 1/],
    [{ n: { $between: [1] } }, {}, /takes \[from, to\]/],
    [{ n: { $gt: null } }, {}, /n\.\$gt takes a value/],
    [{ n: { $like: 1 } }, {}, /n\.\$like takes a string/],
    [{ n: { $null: 1 } }, {}, /n\.\$null takes true or false/],
    [{ $or: { n: 1 } }, {}, /\$or takes an array/],
    [deep, {}, /deep/],
    [7, {}, /attrs must be an object/],
    [{}, { limt: 1 }, /unknown options limt: use limit/],
    [{}, { limit: '2' }, /limit must be a whole number, not '2'/],
    [{}, { offset: -1 }, /offset must be a whole number/],
    [{}, { sort: { nope: 1 } }, /unknown column 'nope'/],
    [{}, { sort: { n: 'up' } }, /sort\.n must be a number/],
    [{}, { cols: [] }, /cols must be an array/],
    [{}, { where: { 'n = ?': 1 } }, /where takes an array of values/],
    [{}, { snippet: { n: { tokens: 'x' } } }, /snippet\.n\.tokens must be a number, not 'x'/],
    [{}, { snippet: { n: { colour: 1 } } }, /has no 'colour': use before, after, ellipsis, tokens/],
  ]) {
    await assert.rejects(
      things.search(attrs, options),
      { name: 'TypeError', message },
      String(message),
    )
  }
  await assert.rejects(things.search({ nope: 1 }), { code: 'UNKNOWN_COLUMN' })
  // as deep as it may be, and one more; as many as there may be, and more
  for (const wrap of [d => ({ $not: d }), d => ({ $or: [d, { n: 1 }] })]) {
    let most = { n: 5 }
    for (let i = 0; i < 24; i += 1) most = wrap(most)
    assert.equal(typeof (await things.count(most)), 'number')
    await assert.rejects(things.count(wrap(most)), { name: 'TypeError', message: /24 deep/ })
  }
  const many = n => ({ $or: Array.from({ length: n }, (_, i) => ({ n: i })) })
  assert.equal(await things.count(many(900)), 4)
  await assert.rejects(things.count(many(1100)), { code: 'TOO_LARGE' })
  assert.equal(await things.count({ n: { $in: Array.from({ length: 200_000 }, (_, i) => i) } }), 4)
  const nested = JSON.parse('['.repeat(100_000) + ']'.repeat(100_000))
  await assert.rejects(things.count({ meta: nested }), {
    name: 'TypeError',
    message: /cannot be written as JSON/,
  })
  await db.close()
})

test('no value of a search can become a condition or SQL', async () => {
  const { db, things, ids } = await open()
  for (const forged of [
    JSON.parse('{"n": {"$eq": ["raw", "1=1", []]}}'),
    JSON.parse('{"meta": ["or", []]}'),
    JSON.parse('{"__proto__": {"n": 5}}'),
    { meta: { $bytes: 'AAAA' } },
    { name: { $like: "' OR 1=1 --" } },
    { 'n" = 1 OR 1=1 --': 1 },
    { 'meta.x\'"\u0000': 1 },
    { kind: { $eq: '\u0000' } },
    { kind: ['\u0000', '\ud800'] },
  ]) {
    const found = await ids(forged).catch(error => error)
    const harmless = Array.isArray(found) ? found.length === 0 : found instanceof TypeError
    assert(harmless, `${JSON.stringify(forged)}: ${found}`)
  }
  assert.equal(await things.count(), 4)
  await db.close()
})

test('options join, select, make distinct, offset and leave out', async () => {
  const { db, things } = await open()
  await db.exec(
    "CREATE TABLE names(k TEXT, label TEXT); INSERT INTO names VALUES ('a', 'Alpha'), ('b', 'Beta')",
  )
  const joined = await things
    .search(
      { n: { $gt: 0 } },
      {
        join: 'JOIN names ON names.k = kind AND names.label <> ?',
        joinVals: ['Beta'],
        cols: ['id', 'names.label', 'meta', 'done', 'at', 'count(*) OVER ()'],
        sort: { n: -1 },
      },
    )
    .catch(error => error)
  assert.match(String(joined), /no such column: kind/, 'a virtual column is no column of the table')
  const { items, total } = await things.search(
    { n: { $gt: 0 } },
    {
      join: `JOIN names ON names.k = tbl.json ->> 'kind' AND names.label <> ?`,
      joinVals: ['Beta'],
      cols: ['id', 'names.label', 'meta', 'done', 'name'],
      sort: { n: -1 },
    },
  )
  assert.equal(total, 2)
  assert.deepEqual(items, [
    { id: 3, 'names.label': 'Alpha', meta: { city: 'Ulm', list: [{ a: 1 }] }, name: 'other' },
    { id: 1, 'names.label': 'Alpha', name: '10%' },
  ])
  const kinds = await things.search({}, { cols: ['kind'], distinct: true, sort: { kind: 1 } })
  assert.deepEqual(kinds, { items: [{ kind: '' }, { kind: 'a' }, { kind: 'b' }], total: 3 })
  assert.deepEqual(
    await things.searchOne({}, { cols: ['count(*) AS many', 'CAST(1.5 AS TEXT)'] }),
    {
      many: 4,
      'CAST(1.5 AS TEXT)': '1.5',
    },
  )
  const rest = await things.search({}, { offset: 3 })
  assert.deepEqual([rest.items.map(i => i.id), rest.total], [[4], 4])
  assert.deepEqual(Object.keys(await things.search({}, { limit: 1, noTotal: true })), [
    'items',
    'cursor',
  ])
  assert.deepEqual(Object.keys(await things.search({}, { limit: 1, noCursor: true })), ['items'])
  assert.equal((await things.search({}, { limit: 1, itemsOnly: true })).length, 1)
  assert.equal(
    (await things.search({}, { where: { 'tbl.n > ?': [5], 'tbl.n < ?': [9], 'no such': false } }))
      .total,
    1,
  )
  assert.deepEqual(await things.searchOne({ n: 7 }, { cols: ['n'] }), { n: 7 })
  await assert.rejects(
    things.search({}, { where: { 'EXISTS (SELECT 1 FROM sqlite_schema)': [] } }),
    {
      code: 'SQLITE_AUTH',
    },
  )
  await db.close()
})

test('dates, bytes and big integers are values to search for', async () => {
  const { db, things } = await open({
    docs: [
      { id: 1, at: 5 },
      { id: 2, at: 50 },
    ],
  })
  assert.equal(await things.count({ at: { $gt: new Date(5) } }), 1)
  assert.deepEqual(await things.searchOne({ at: new Date(50) }, { cols: ['at'] }), {
    at: new Date(50),
  })
  const raw = await things.searchOne({}, { cols: ["x'00ff'", '9007199254740993', '0.5', 'NULL'] })
  assert.deepEqual(raw, {
    "x'00ff'": new Uint8Array([0, 255]),
    '9007199254740993': 9007199254740993n,
    0.5: 0.5,
  })
  assert.equal(
    await things.count({}, { where: { '? = 9007199254740993': [9007199254740993n] } }),
    2,
  )
  assert.equal(await things.count({}, { where: { "? = x'01'": [new Uint8Array([1])] } }), 2)
  await db.close()
})

test('a cursor of another search is refused, also one that was tampered with', async () => {
  const { db, things } = await open()
  const { cursor } = await things.search({}, { limit: 2, sort: { n: 1 } })
  await assert.rejects(things.search({}, { limit: 2, cursor }), {
    code: 'BAD_VALUE',
    message: /another model or order/,
  })
  for (const bad of ['x', '!!', cursor.slice(2), `${cursor}A`, '', 'ü'].filter(Boolean))
    await assert.rejects(
      things.search({}, { sort: { n: 1 }, cursor: bad }),
      { code: 'BAD_VALUE' },
      bad,
    )
  await db.close()
})

test('exists asks for any id, also 0 and the empty string', async () => {
  const { db, things } = await open({ docs: [{ id: 7 }] })
  const texts = db.addModel(JsonModel, { name: 'texts' })
  assert.equal(await texts.exists(), false)
  await texts.set({ id: 'x' })
  assert.deepEqual(
    await Promise.all([
      things.exists(0),
      things.exists(7),
      texts.exists(''),
      texts.exists('x'),
      things.exists(),
    ]),
    [false, true, false, true, true],
  )
  assert.equal(await things.exists({ n: 1 }), false)
  assert.equal(await things.exists({}, { where: { 'tbl.id = 7': [] } }), true)
  assert.equal(await things.exists(undefined, { where: { 'tbl.id = 8': [] } }), false)
  await assert.rejects(things.exists(undefined), /no id was given/)
  await db.close()
})

test('figures are numbers, and null when there is none', async () => {
  const { db, things } = await open()
  assert.deepEqual(
    [
      await things.max('n'),
      await things.min('n', { n: { $gt: 5 } }),
      await things.sum('n'),
      await things.avg('n'),
    ],
    [9, 7, 21, 5.25],
  )
  assert.deepEqual(
    [await things.max('n', { n: 99 }), await things.sum('name', { id: 3 })],
    [null, null],
  )
  assert.equal(await things.numAggOp('SUM', 'meta.list[0].a'), 1)
  await assert.rejects(things.numAggOp('median', 'n'), { code: 'BAD_VALUE' })
  await assert.rejects(things.sum('nope'), TypeError)
  await db.close()
})

test('a subclass may make the SELECT of its searches', async () => {
  class Odd extends JsonModel {
    makeSelect(options) {
      const made = super.makeSelect({
        ...options,
        where: { ...options.where, 'tbl.n % 2 = ?': [1] },
      })
      assert.deepEqual(
        made.map(part => typeof part),
        ['string', 'object', 'object', 'string', 'object', 'boolean'],
      )
      return made
    }
  }
  const { db, things } = await open({ Model: Odd })
  const page = await things.search({}, { sort: { n: -1 }, limit: 2 })
  assert.deepEqual([page.items.map(i => i.n), page.total], [[9, 7], 3])
  const next = await things.search({}, { sort: { n: -1 }, limit: 2, cursor: page.cursor })
  assert.deepEqual([next.items.map(i => i.n), next.cursor], [[5], undefined])
  const back = await things.search({}, { sort: { n: -1 }, limit: 2, cursor: next.prevCursor })
  assert.deepEqual(
    back.items.map(i => i.n),
    [9, 7],
  )
  const [sql, values, aliases] = JsonModel.prototype.makeSelect.call(things, {
    attrs: { n: 7 },
    limit: 1,
  })
  assert.deepEqual(aliases, ['_s0'])
  assert.equal((await db.all(sql, values))[0]._s0, 2)
  await db.close()
})
