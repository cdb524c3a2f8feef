// Searches on every engine: what the models ask of SQLite must mean the same in each. Their full
// differential test is elsewhere and runs on the bundled engine alone.
import { DB, JsonModel } from 'tidelog'
import * as assert from './assert.js'

const columns = {
  id: { type: 'INTEGER' },
  n: { type: 'INTEGER', index: true },
  x: { real: true, type: 'REAL' },
  any: { real: true, index: true },
  name: { type: 'TEXT', real: true, fts: true, textSearch: true },
  tags: { type: 'JSON' },
  meta: { type: 'JSON', real: true },
}

/** The same numbers everywhere. */
function random(seed) {
  let state = seed
  return below => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
}

const WORDS = ['ash', 'birch', 'cedar', 'Elm', 'ärla', '50%', "o'ak", 'x_y', '"', '']

function documents(count) {
  const pick = random(7)
  const some = list => list[pick(list.length)]
  return Array.from({ length: count }, (_, i) => {
    const doc = {
      id: i + 1,
      n: pick(9) - 4,
      name: `${some(WORDS)} ${some(WORDS)}`,
      tags: [some(WORDS), pick(3)],
    }
    if (pick(3)) doc.x = pick(2) ? pick(5) : pick(100) / 8 - 3
    const any = some([undefined, null, 0, '', 7, -1.5, '7', 'ash', 3e9, 2 ** 53 - 1])
    if (any !== undefined && any !== null) doc.any = any
    if (pick(2)) doc.meta = { city: some(WORDS), list: [pick(4)] }
    return doc
  })
}

const ids = list => list.map(item => item.id)

export function spec(t, { open }) {
  const start = async () => {
    const db = open(DB)
    const trees = db.addModel(JsonModel, { name: 'trees', columns })
    const docs = documents(60)
    await trees.set(docs)
    return {
      db,
      trees,
      docs,
      ids: async attrs => ids(await trees.searchAll(attrs, { sort: { id: 1 } })),
    }
  }

  t('operators find what they find in JavaScript', async () => {
    const { docs, ids: found } = await start()
    const cases = [
      [{ n: 2 }, d => d.n === 2],
      [{ n: { $gte: -1, $lt: 3 } }, d => d.n >= -1 && d.n < 3],
      [{ n: { $in: [1, -4, 77] } }, d => d.n === 1 || d.n === -4],
      [{ n: { $nin: [1, 2] } }, d => d.n !== 1 && d.n !== 2],
      [{ n: { $between: [-1, 1] } }, d => Math.abs(d.n) <= 1],
      [{ x: { $lte: 1.5 } }, d => d.x <= 1.5],
      [{ x: 2 }, d => d.x === 2],
      [{ x: { $null: true } }, d => d.x === undefined],
      [{ any: 7 }, d => d.any === 7],
      [{ any: '7' }, d => d.any === '7'],
      [{ any: 0 }, d => d.any === 0],
      [{ any: '' }, d => d.any === ''],
      [{ any: 3e9 }, d => d.any === 3e9],
      [{ any: 2 ** 53 - 1 }, d => d.any === 2 ** 53 - 1],
      [{ any: { $ne: 7 } }, d => d.any !== 7],
      [{ any: { $exists: false } }, d => d.any === undefined],
      [{ name: { $like: '%birch' } }, d => d.name.endsWith('birch')],
      [{ name: { $glob: 'E*' } }, d => d.name.startsWith('E')],
      [{ tags: { $contains: 'ash' } }, d => d.tags.includes('ash')],
      [{ tags: { $contains: 2 } }, d => d.tags.includes(2)],
      [{ 'meta.city': 'cedar' }, d => d.meta?.city === 'cedar'],
      [{ 'meta.list[0]': 3 }, d => d.meta?.list[0] === 3],
      [{ $or: [{ n: 1 }, { x: { $gt: 5 } }] }, d => d.n === 1 || d.x > 5],
      [{ $not: { n: { $gt: 0 } } }, d => !(d.n > 0)],
    ]
    for (const [attrs, is] of cases)
      assert.deepEqual(await found(attrs), ids(docs.filter(is)), JSON.stringify(attrs))
  })

  t('pages of every order are the whole, forth and back', async () => {
    const { trees } = await start()
    for (const sort of [
      { n: 1 },
      { n: -1, x: 2 },
      { x: -1 },
      { any: 1 },
      { any: -1, name: 2 },
      { name: -1, id: -2 },
    ]) {
      const whole = ids(await trees.searchAll({}, { sort }))
      assert.equal(new Set(whole).size, 60)
      const [seen, back] = [[], []]
      let cursor
      let page
      do {
        page = await trees.search({}, { sort, limit: 7, cursor })
        assert.equal(page.total, 60)
        seen.push(...ids(page.items))
        cursor = page.cursor
      } while (cursor)
      assert.deepEqual(seen, whole, `forth by ${JSON.stringify(sort)}`)
      for (cursor = page.prevCursor; cursor; cursor = page.prevCursor) {
        page = await trees.search({}, { sort, limit: 7, cursor })
        back.unshift(...ids(page.items))
      }
      assert.deepEqual(back, whole.slice(0, back.length), `back by ${JSON.stringify(sort)}`)
      assert.ok(back.length >= 49, `${back.length} documents before the last page`)
    }
  })

  t('figures, counts and what exists', async () => {
    const { trees, docs } = await start()
    const numbers = docs.map(d => d.n)
    assert.equal(
      await trees.sum('n'),
      numbers.reduce((a, b) => a + b),
    )
    assert.equal(await trees.max('n'), Math.max(...numbers))
    assert.equal(await trees.min('x'), Math.min(...docs.filter(d => 'x' in d).map(d => d.x)))
    assert.equal(await trees.avg('n', { n: { $gt: 99 } }), null)
    assert.equal(await trees.count({ n: { $gt: 0 } }), numbers.filter(n => n > 0).length)
    assert.equal(await trees.exists({ n: 99 }), false)
    assert.equal(await trees.exists({ n: 1 }), true)
    assert.ok(!(await trees.explain({ n: 1 })).scans)
  })

  t('documents come back as they went, and each goes through them once', async () => {
    const { trees, docs } = await start()
    assert.deepEqual(await trees.searchAll({}, { sort: { id: 1 } }), docs)
    const seen = []
    await trees.each({ n: { $gt: 0 } }, async doc => {
      await trees.update({ id: doc.id, n: 9 })
      seen.push(doc.id)
    })
    assert.deepEqual(
      seen.sort((a, b) => a - b),
      ids(docs.filter(d => d.n > 0)),
    )
  })

  t('full text is found, ranked, quoted, and kept in step', async () => {
    const db = open(DB)
    const texts = db.addModel(JsonModel, {
      name: 'texts',
      columns: { id: { type: 'INTEGER' }, body: { type: 'TEXT', fts: true } },
    })
    await texts.set([
      { id: 1, body: 'the tide goes out' },
      { id: 2, body: 'a log of the tide, the tide' },
      { id: 3, body: 'nothing' },
    ])
    const found = async body =>
      ids(await texts.searchAll({ body: { $match: body } }, { sort: { id: 1 } }))
    assert.deepEqual(await found('tide'), [1, 2])
    await texts.update({ id: 1, body: 'gone' })
    await texts.remove(2)
    await texts.set({ id: 3, body: 'Tide?' })
    assert.deepEqual(await found('tide'), [3])
    assert.deepEqual(await found('gone'), [1])
    assert.deepEqual(await found('"; DROP TABLE texts; --'), [])
    const [hit] = await texts.searchAll(
      { body: { $match: 'tide' } },
      { snippet: { body: { before: '[', after: ']' } } },
    )
    assert.match(JSON.stringify(hit), /\[Tide\]/)
    await texts.set({ id: 4, body: '' })
    for (const attrs of [{}, { body: { $match: { words: '', prefix: true } } }]) {
      const options = { snippet: { body: { before: '[', tokens: 2 } }, sort: { $rank: 1 } }
      if (!attrs.body) options.sort = { id: 1 }
      await texts.set({ id: 1, body: 'gone with the tide' })
      const all = await texts.searchAll(attrs, options)
      assert.deepEqual(
        all.map(({ $snippet }) => $snippet.body),
        ['gone with…', 'Tide?', ''],
      )
    }
    await texts.set({ id: 1, body: 'gone' })
    await texts.remove(4)
    await db.withTransaction(async tx => {
      await tx.store.texts.set({ id: 9, body: 'tide' })
      await tx
        .withTransaction(async () => {
          await tx.store.texts.remove(9)
          throw new Error('no')
        })
        .catch(() => {})
    })
    assert.deepEqual(await found('tide'), [3, 9])
  })
}
