// strato-db's 12 search options, its paging, and each operator: tests/checklist/strato-db.json
// points here, row by row.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DB, JsonModel } from 'tidelog'

const columns = {
  n: { type: 'INTEGER', index: true },
  v: { index: true },
  t: { type: 'TEXT' },
  tags: { type: 'JSON', isArray: true },
  meta: { type: 'JSON' },
  body: { type: 'TEXT', fts: true },
}
const docs = [
  {
    id: 'a',
    n: 1,
    v: 'x',
    t: 'Ahab',
    tags: ['sea', 'whale'],
    meta: { city: 'Kiel', list: [1, 2] },
    body: 'the sea',
  },
  {
    id: 'b',
    n: -5,
    v: 2,
    t: 'bell 100%',
    tags: ['sea'],
    meta: { city: 'Bonn' },
    body: 'a tide in the sea',
  },
  { id: 'c', n: 3, v: -1, t: 'Bell_x', tags: [], body: 'hills' },
  { id: 'd' },
]

async function withModel(fn, given = docs) {
  const db = new DB()
  const model = db.addModel(JsonModel, { name: 'm', columns })
  try {
    await model.set(given)
    await fn(model, db)
  } finally {
    await db.close()
  }
}
const named = (kind, name, says, fn, given) =>
  test(`${kind} ${name}: ${says}`, () => withModel(fn, given))
const option = (...args) => named('search option', ...args)
const ids = async (model, attrs, options) =>
  (await model.searchAll(attrs, { sort: { id: 1 }, ...options })).map(({ id }) => id).join('')

option(
  'attrs',
  'are all to hold, nothing is no condition, an unknown column is refused',
  async model => {
    assert.equal(await ids(model, { n: 1, v: 'x' }), 'a')
    assert.equal(await ids(model, { n: 1, v: 2 }), '')
    assert.equal(await ids(model, { n: null, v: undefined }), 'abcd')
    assert.equal(await ids(model), 'abcd')
    await assert.rejects(model.search({ nope: 1 }), { name: 'TypeError', message: /nope/ })
  },
)

option(
  'where',
  'is SQL with values, skipped when they are falsy, refused when they are no array',
  async model => {
    assert.equal(await ids(model, { v: 'x' }, { where: { 'tbl.n > ?': [0] } }), 'a')
    assert.equal(
      await ids(model, {}, { where: { 'tbl.n > ?': [0], 'tbl.n < ?': [2], 'tbl.n = ?': false } }),
      'a',
    )
    await assert.rejects(model.search({}, { where: { 'tbl.n > ?': 5 } }), TypeError)
  },
)

option('join', 'is SQL behind the table', async (model, db) => {
  await db.exec("CREATE TABLE other (ref, x); INSERT INTO other VALUES ('a', 1), ('b', 2)")
  assert.equal(await ids(model, {}, { join: 'JOIN other ON other.ref = tbl.id' }), 'ab')
})

option('joinVals', 'are the values of join, before all others', async (model, db) => {
  await db.exec("CREATE TABLE other (ref, x); INSERT INTO other VALUES ('a', 1), ('b', 2)")
  const join = { join: 'JOIN other ON other.ref = tbl.id AND other.x = ?', joinVals: [2] }
  assert.equal(await ids(model, { n: -5 }, join), 'b')
  assert.equal(await ids(model, { n: 1 }, join), '')
})

option('cols', 'give columns or SQL instead of documents', async model => {
  assert.deepEqual(await model.searchAll({ id: 'a' }, { cols: ['n', 't'] }), [{ n: 1, t: 'Ahab' }])
  assert.deepEqual(await model.searchAll({ id: 'a' }, { cols: ['tbl.n + 1', 'meta'] }), [
    { 'tbl.n + 1': 2, meta: { city: 'Kiel', list: [1, 2] } },
  ])
})

option(
  'sort',
  'orders by the size of its numbers, negative ones down, 0 not at all',
  async model => {
    const order = async sort => (await model.searchAll({}, { sort })).map(({ id }) => id).join('')
    assert.equal(await order({ n: 1 }), 'dbac')
    assert.equal(await order({ n: -1 }), 'cabd')
    await model.set({ id: 'e', n: 1 })
    assert.equal(await order({ id: -2, n: 1 }), 'dbeac')
    assert.equal(await order({ n: 0, id: 1 }), 'abcde')
    assert.equal(await order({ 'meta.city': -1, id: 2 }), 'abcde')
  },
)

option('limit', 'is how many, 0 and nothing are all', async model => {
  const some = async limit => (await model.searchAll({}, { limit })).length
  assert.deepEqual([await some(2), await some(0), await some(undefined)], [2, 4, 4])
  for (const limit of ['2', -1, 0.5]) await assert.rejects(model.search({}, { limit }), TypeError)
})

option('offset', 'leaves out, also without a limit', async model => {
  assert.equal(await ids(model, {}, { offset: 3 }), 'd')
  assert.equal(await ids(model, {}, { offset: 1, limit: 2 }), 'bc')
})

option('distinct', 'gives each row once', async model => {
  const rows = await model.searchAll({}, { cols: ["typeof(tbl.n) = 'null'"], distinct: true })
  assert.equal(rows.length, 2)
})

option('cursor', 'goes on behind a page', async model => {
  const first = await model.search({}, { sort: { n: 1 }, limit: 2 })
  const next = await model.search({}, { sort: { n: 1 }, limit: 2, cursor: first.cursor })
  assert.deepEqual([...first.items, ...next.items].map(({ id }) => id).join(''), 'dbac')
  assert.equal(next.total, 4)
  assert.equal(await model.count({}, { sort: { n: 1 }, cursor: first.cursor }), 2)
})

option('noCursor', 'gives neither cursors nor a total', async model => {
  assert.deepEqual(Object.keys(await model.search({}, { limit: 1, noCursor: true })), ['items'])
})

option('noTotal', 'does not count', async model => {
  const found = await model.search({}, { limit: 1, noTotal: true })
  assert.ok(found.cursor)
  assert.equal(found.total, undefined)
})

option('itemsOnly', 'gives the array', async model => {
  assert.deepEqual(await model.search({ id: 'd' }, { itemsOnly: true }), [{ id: 'd' }])
})

test('an unknown search option is refused by name', () =>
  withModel(model =>
    assert.rejects(model.search({}, { limt: 1 }), { name: 'TypeError', message: /limt/ }),
  ))

/** Walks through all pages and back; gives both orders. */
async function walk(model, sort, limit) {
  const there = []
  const back = []
  let page
  let cursor
  for (let pages = 0; pages < 50; pages += 1) {
    page = await model.search({}, { sort, limit, cursor })
    assert.equal(page.prevCursor === undefined, pages === 0, 'the first page has nothing before it')
    there.push(...page.items)
    cursor = page.cursor
    if (!cursor) break
    assert.equal(page.items.length, limit, 'a page with a next one is full')
  }
  for (let first; page; page = first) {
    back.unshift(...page.items)
    first = page.prevCursor
      ? await model.search({}, { sort, limit, cursor: page.prevCursor })
      : undefined
  }
  return [there, back].map(items => items.map(({ id }) => id).join(' '))
}

const mixed = [-5, null, 3, null, -1, 0, 2.5, 'text', '', 'Text', 3].map((n, i) => ({
  id: `i${i}`,
  n,
  v: n,
}))
for (const name of ['n', 'v']) {
  for (const direction of [1, -1]) {
    const what = `${name === 'n' ? 'real' : 'virtual'} values ${direction < 0 ? 'down' : 'up'}`
    named(
      'paging',
      what,
      'meets every row once, both ways, at NULL and mixed types',
      async model => {
        const sort = { [name]: direction, id: 2 }
        const all = (await model.searchAll({}, { sort })).map(({ id }) => id).join(' ')
        for (const limit of [1, 2, 3, 11])
          assert.deepEqual(await walk(model, sort, limit), [all, all], `by ${limit}`)
      },
      mixed,
    )
  }
}

named('paging', 'a full last page', 'has no cursor', async model => {
  const first = await model.search({}, { limit: 2 })
  const last = await model.search({}, { limit: 2, cursor: first.cursor })
  assert.deepEqual([last.items.length, last.cursor, first.prevCursor], [2, undefined, undefined])
  assert.ok(last.prevCursor)
})

named('paging', 'a cursor of another sort', 'is refused', async model => {
  const { cursor } = await model.search({}, { limit: 1, sort: { n: 1 } })
  await assert.rejects(model.search({}, { limit: 1, sort: { n: -1 }, cursor }), /cursor/)
  await assert.rejects(
    model.search({}, { limit: 1, sort: { n: 1 }, cursor: `${cursor}x` }),
    /cursor/,
  )
})

/** `[attrs, what is found]` of each operator. */
const operators = {
  $eq: [
    [{ n: { $eq: 1 } }, 'a'],
    [{ n: { $eq: null } }, 'd'],
    [{ n: { $eq: 0 } }, ''],
  ],
  $ne: [
    [{ n: { $ne: 1 } }, 'bcd'],
    [{ n: { $ne: null } }, 'abc'],
  ],
  $gt: [[{ n: { $gt: -5 } }, 'ac']],
  $gte: [[{ n: { $gte: -5 } }, 'abc']],
  $lt: [
    [{ n: { $lt: 1 } }, 'b'],
    [{ v: { $lt: 2 } }, 'c'],
  ],
  $lte: [[{ n: { $lte: 1 } }, 'ab']],
  $in: [
    [{ n: { $in: [1, 3] } }, 'ac'],
    [{ n: { $in: [] } }, ''],
    [{ n: { $in: [null, 1] } }, 'ad'],
  ],
  $nin: [
    [{ n: { $nin: [1, 3] } }, 'bd'],
    [{ n: { $nin: [] } }, 'abcd'],
    [{ n: { $nin: [null] } }, 'abc'],
  ],
  $like: [
    [{ t: { $like: 'bell%' } }, 'bc'],
    [{ t: { $like: '%0_' } }, 'b'],
  ],
  $glob: [
    [{ t: { $glob: 'Bell*' } }, 'c'],
    [{ t: { $glob: '[A-B]*' } }, 'ac'],
  ],
  $text: [
    [{ t: { $text: '0%' } }, 'b'],
    [{ t: { $text: 'l_x' } }, 'c'],
  ],
  $between: [[{ n: { $between: [-5, 1] } }, 'ab']],
  $exists: [
    [{ n: { $exists: true } }, 'abc'],
    [{ n: { $exists: false } }, 'd'],
  ],
  $null: [
    [{ n: { $null: true } }, 'd'],
    [{ n: { $null: false } }, 'abc'],
  ],
  $contains: [
    [{ tags: { $contains: 'sea' } }, 'ab'],
    [{ 'meta.list': { $contains: 2 } }, 'a'],
  ],
  $containsAll: [[{ tags: { $containsAll: ['sea', 'whale'] } }, 'a']],
  $containsAny: [
    [{ tags: { $containsAny: ['whale', 'x'] } }, 'a'],
    [{ tags: { $containsAny: [] } }, ''],
  ],
  $match: [
    [{ body: { $match: 'tide sea' } }, 'b'],
    [{ body: { $match: { query: 'sea NOT tide' } } }, 'a'],
    [{ $match: 'hills' }, 'c'],
  ],
  $and: [
    [{ $and: [{ n: { $gt: -9 } }, { n: { $lt: 0 } }] }, 'b'],
    [{ $and: [] }, 'abcd'],
  ],
  $or: [
    [{ $or: [{ n: 1 }, { id: 'd' }] }, 'ad'],
    [{ $or: [] }, ''],
  ],
  $not: [
    [{ $not: { n: 1 } }, 'bcd'],
    [{ $not: { $or: [{ n: 1 }, { n: 3 }] } }, 'bd'],
  ],
}
for (const [name, cases] of Object.entries(operators)) {
  named('operator', name, 'finds what it says', async model => {
    for (const [attrs, wanted] of cases) {
      assert.equal(await ids(model, attrs), wanted, JSON.stringify(attrs))
    }
  })
}

test('an unknown operator is refused by name, wherever it is', () =>
  withModel(async model => {
    const refused = name => ({ name: 'TypeError', message: new RegExp(`\\${name}`) })
    await assert.rejects(model.search({ n: { $gtt: 1 } }), refused('$gtt'))
    await assert.rejects(model.search({ $nor: [] }), refused('$nor'))
    await assert.rejects(model.count({ $or: [{ n: { $where: '1' } }] }), refused('$where'))
    await assert.rejects(model.removeWhere({ n: { $gtt: 1 } }), refused('$gtt'))
    assert.equal(await model.count(), 4)
  }))

test('0, empty text and false are searched for as values', () =>
  withModel(
    async model => {
      assert.deepEqual(
        [await ids(model, { n: 0 }), await ids(model, { v: '' }), await ids(model, { v: false })],
        ['a', 'b', 'c'],
      )
    },
    [{ id: 'a', n: 0 }, { id: 'b', v: '' }, { id: 'c', v: false }, { id: 'd' }],
  ))

test('paths below a column are searched and sorted by', () =>
  withModel(async model => {
    assert.equal(await ids(model, { 'meta.city': 'Kiel' }), 'a')
    assert.equal(await ids(model, { 'meta.list[1]': 2 }), 'a')
    assert.equal(await ids(model, { 'tags[0]': 'sea' }), 'ab')
    await assert.rejects(model.search({ 'nope.city': 1 }), TypeError)
  }))
