// Full text, `each`, live queries, plans and the warning of a large scan.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DB, JsonModel } from 'tidelog'

function open(columns, name = 'things') {
  const db = new DB()
  return [db, db.addModel(JsonModel, { name, columns })]
}

const pause = ms => new Promise(go => setTimeout(go, ms))

test('full text finds words, ranks them and shows where', async () => {
  const [db, texts] = open({
    title: { type: 'TEXT', fts: true },
    body: { fts: true },
    n: { type: 'INTEGER' },
  })
  await texts.set([
    { id: 'a', title: 'The fox', body: 'quick, brown "fox"', n: 1 },
    { id: 'b', title: 'A dog', body: 'the fox and the dog', n: 2 },
    { id: 'c', title: 'Nothing', body: 'of interest', n: 3 },
  ])
  const ids = async (attrs, options) => (await texts.searchAll(attrs, options)).map(t => t.id)
  for (const [attrs, expected] of [
    [{ body: { $match: 'fox' } }, ['a', 'b']],
    [{ body: { $match: 'fox quick' } }, ['a']],
    [{ title: { $match: 'fox' } }, ['a']],
    [{ $match: 'dog fox' }, ['b']],
    [{ body: { $match: { words: 'bro', prefix: true } } }, ['a']],
    [{ body: { $match: { phrase: 'fox and the' } } }, ['b']],
    [{ $match: { query: 'title: dog OR interest' } }, ['b', 'c']],
    [{ body: { $match: 'fox' }, n: { $gt: 1 } }, ['b']],
    [{ $not: { body: { $match: 'fox' } } }, ['c']],
    [{ $or: [{ title: { $match: 'nothing' } }, { n: 1 }] }, ['a', 'c']],
    [{ body: { $match: '' } }, ['a', 'b', 'c']],
    [{ body: { $match: '" ) AND NEAR( -* ^ : {' } }, []],
  ]) {
    assert.deepEqual((await ids(attrs)).sort(), expected, JSON.stringify(attrs))
  }
  // a query of FTS5's language stays in its column, and beside other conditions
  for (const query of [
    'x) OR (nothing',
    'interest)) OR ((nothing',
    '"interest',
    '(interest',
    'interest)',
  ])
    await assert.rejects(
      ids({ title: { $match: 'dog' }, body: { $match: { query } } }, { sort: { $rank: 1 } }),
      /quotes or parentheses don't close/,
    )
  assert.deepEqual(await ids({ body: { $match: { query: '(")" OR interest)' } } }), ['c'])
  assert.deepEqual(await ids({ body: { $match: { query: 'title: nothing' } } }), [])
  const [first] = await texts.searchAll(
    { body: { $match: 'dog' } },
    { sort: { $rank: 1 }, snippet: { body: { before: '<', after: '>', tokens: 3 } } },
  )
  assert.equal(first.id, 'b')
  assert(first.$rank < 0)
  assert.match(first.$snippet.body, /<dog>/)
  await texts.update({ id: 'c', body: 'fox after all' })
  await texts.remove('a')
  assert.deepEqual(await ids({ $match: 'fox' }), ['b', 'c'])
  for (const query of ['"open', 'fox AND', 'nope: x', '^'])
    await assert.rejects(
      texts.search({ $match: { query } }),
      { code: 'BAD_VALUE', message: /\$match/ },
      query,
    )
  await assert.rejects(texts.search({ n: { $match: 'x' } }), {
    code: 'BAD_VALUE',
    message: /fts: true/,
  })
  await assert.rejects(texts.search({ $match: 7 }), { name: 'TypeError', message: /takes text/ })
  await assert.rejects(texts.search({}, { sort: { $rank: 1 } }), /needs a \$match/)
  await db.close()
})

test('each calls a few at a time, and with every document once', async () => {
  const [db, things] = open({
    id: { type: 'INTEGER' },
    n: { type: 'INTEGER', index: true },
    old: {},
  })
  await things.set(Array.from({ length: 130 }, (_, i) => ({ n: (i * 7) % 10 })))
  let running = 0
  let most = 0
  const seen = []
  const count = await things.each(async (item, i) => {
    most = Math.max(most, ++running)
    seen.push([item.id, i])
    await pause(0)
    running -= 1
  })
  assert.deepEqual([count, most], [130, 5])
  assert.deepEqual(
    seen.map(([id]) => id).sort((a, b) => a - b),
    Array.from({ length: 130 }, (_, i) => i + 1),
  )
  assert.deepEqual(
    seen.map(([, i]) => i),
    Array.from({ length: 130 }, (_, i) => i),
  )
  // it copies what it sees, moves it in the order and takes it out of the search
  let calls = 0
  await things.each(
    { old: { $null: true } },
    { sort: { n: 1 }, batchSize: 7, concurrent: 1 },
    async item => {
      calls += 1
      await things.set({ n: item.n + 1 })
      await things.set({ ...item, n: item.n + 5, old: item.n < 5 })
    },
  )
  // copies that come to lie before the last are documents like others; each is met once
  const all = await things.count()
  assert.equal(all, 130 + calls)
  assert.equal(await things.count({ old: { $exists: true } }), calls)
  assert(calls >= 130 && calls < 3000, `${calls} calls`)
  const before = await things.count()
  let copied = 0
  await things.each({}, { batchSize: 10 }, async item => {
    copied += 1
    await things.set({ n: item.n })
  })
  assert.equal(copied, before, 'without an order, what is added meanwhile is not met')
  assert.equal(await things.each({}, { limit: 12, batchSize: 5, fn: () => {} }), 12)
  assert.equal(await things.each({ n: 99_999 }, () => {}), 0)
  await db.close()
})

test('an error in each stops it, waits for what runs, and is thrown', async () => {
  const [db, things] = open({ id: { type: 'INTEGER' } })
  await things.set(Array.from({ length: 60 }, () => ({})))
  const [started, ended] = [[], []]
  const failing = things.each({}, { concurrent: 3, batchSize: 20 }, async item => {
    started.push(item.id)
    await pause(item.id === 5 ? 1 : 5)
    if (item.id === 5) throw new Error('five')
    ended.push(item.id)
  })
  await assert.rejects(failing, /five/)
  assert.deepEqual(started.length, ended.length + 1, 'what had begun was waited for')
  assert(started.length < 12, `${started.length} had begun`)
  await assert.rejects(
    things.each({}, { concurrent: 0 }, () => {}),
    { name: 'TypeError', message: /concurrent/ },
  )
  await assert.rejects(things.each({}), { name: 'TypeError', message: /fn must be a function/ })
  await db.close()
})

test('live queries take all options, also those that read other tables', async () => {
  const [db, things] = open({ id: { type: 'INTEGER' }, n: { type: 'INTEGER' } })
  await db.exec('CREATE TABLE names(k, label)')
  const join = 'JOIN names ON names.k = tbl.n'
  const options = { join, cols: ['id', 'names.label'], sort: { n: -1 }, limit: 2 }
  const rows = things.live({ n: { $gte: 1 } }, options)[Symbol.asyncIterator]()
  assert.deepEqual((await rows.next()).value, [])
  await things.set([
    { id: 1, n: 1 },
    { id: 2, n: 0 },
    { id: 3, n: 3 },
  ])
  const next = rows.next()
  await db.run("INSERT INTO names VALUES (1, 'one'), (3, 'three')")
  assert.deepEqual((await next).value, [
    { id: 3, 'names.label': 'three' },
    { id: 1, 'names.label': 'one' },
  ])
  await rows.return()
  await db.close()
})

test('explain names the index, and a large scan warns once', async () => {
  const [db, things] = open({
    id: { type: 'INTEGER' },
    n: { type: 'INTEGER', index: true },
    city: { path: 'home.city', index: true, collate: 'NOCASE' },
    plain: {},
  })
  const plan = await things.explain({ city: 'ulm' }, { limit: 5 })
  assert.deepEqual(plan.indexes, ['things_city'])
  assert.equal(plan.scans, false)
  assert.match(plan.sql, /^SELECT tbl\./)
  assert.deepEqual((await things.explain({ plain: 1 })).scans, true)
  await db.run(
    'WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10002) INSERT INTO things(id) SELECT i FROM n',
  )
  const heard = []
  db.on('warning', warning => heard.push(warning))
  for (let i = 0; i < 3; i += 1) {
    await things.search({ plain: i })
    await things.search({ n: i, plain: i })
    await things.search({ city: 'x' }, { sort: { n: 1 }, limit: 3 })
  }
  assert.deepEqual(heard, [
    "things: a search by plain reads all of 10002 rows: declare an index on 'plain'",
  ])
  await db.close()
})

test('whatever reads all of a large table warns, be it first', async () => {
  const asks = {
    updateWhere: things => things.updateWhere({ plain: 5 }, { other: 1 }),
    removeWhere: things => things.removeWhere({ plain: 5 }),
    count: things => things.count({ plain: 5 }),
    exists: things => things.exists({ plain: 5 }),
    sum: things => things.sum('plain', { plain: 5 }),
    search: things => things.search({ plain: 5 }),
  }
  for (const [name, ask] of Object.entries(asks)) {
    const [db, things] = open({
      id: { type: 'INTEGER' },
      n: { type: 'INTEGER', index: true },
      plain: {},
    })
    await db.run(
      'WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10002) INSERT INTO things(id) SELECT i FROM n',
    )
    const heard = []
    db.on('warning', warning => heard.push(warning))
    await things.count({ n: 1 })
    assert.deepEqual(heard, [], name)
    await ask(things)
    await ask(things)
    assert.equal(heard.length, 1, name)
    assert.match(heard[0], /a search by plain reads all/)
    await db.close()
  }
})
