// The results of `$inc` for the numbers that JSON and SQLite know: the same in every model, with
// and without functions of its columns, directly and as an event.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DB, EventSourcingDB, JsonModel } from 'tidelog'

const NUMBERS = {
  i: { type: 'INTEGER' },
  g: { type: 'BIGINT' },
  d: { type: 'DATE' },
}
const kinds = {
  'a plain model': columns => new DB().addModel(JsonModel, { name: 'k', columns }),
  'an event model': columns => new EventSourcingDB({ models: { k: { columns } } }).store.k,
}

for (const [kind, open] of Object.entries(kinds)) {
  for (const [more, column] of Object.entries({
    '': {},
    ' with a default': { q: { default: 1 } },
  })) {
    test(`${kind}${more} adds as its columns and numbers are`, async () => {
      const docs = open({ ...NUMBERS, ...column })
      const { q, ...doc } = await docs.set({ id: 'a', i: 2 ** 53 - 1, g: 5n, d: new Date(5), n: 1 })
      const sum = async $inc => {
        await docs.update('a', { $inc })
        const { q, ...found } = await docs.get('a')
        return found
      }
      assert.deepEqual(await sum({ n: 2n, i: 2, g: 2, d: 2.5 }), {
        ...doc,
        ...{ n: 3, i: 2n ** 53n + 1n, g: 7n, d: new Date(7) },
      })
      assert.deepEqual((await sum({ i: -2n, g: -7n, new: 4n })).new, 4)
      assert.deepEqual(await docs.get('a'), await docs.set(await docs.get('a')))
      assert.deepEqual(
        [(await docs.get('a')).i, (await docs.get('a')).g, await docs.count({ d: new Date(7) })],
        [2 ** 53 - 1, 0n, 1],
      )
      const before = await docs.get('a')
      for (const $inc of [{ d: 1e20 }, { d: 8.64e15 }, { n: 2n ** 53n }])
        await assert.rejects(
          docs.update('a', { $inc }),
          { code: 'BAD_VALUE' },
          Object.keys($inc)[0],
        )
      assert.deepEqual(await docs.get('a'), before)
      await docs.db.close()
    })
  }
}

test('a DATE is found by the Date that it reads as', async () => {
  const docs = kinds['a plain model'](NUMBERS)
  await docs.set({ id: 'a', d: 1.5 })
  await docs.set({ id: 'b', d: -0.5 })
  await docs.update('b', { $inc: { d: 1.9 } })
  for (const id of ['a', 'b']) {
    const { d } = await docs.get(id)
    assert.deepEqual(d, new Date(1))
    assert.equal((await docs.searchOne({ d, id }))?.id, id)
  }
  assert.deepEqual(await docs.get(new Date(1), 'd'), { id: 'a', d: new Date(1) })
  await docs.db.close()
})
