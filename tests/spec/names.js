// Names that a host's rows, which are objects, would put elsewhere: numbers come first there,
// whatever the order of the columns, and a search has names of its own.
import { DB, JsonModel } from 'tidelog'
import * as assert from './assert.js'

const NUMBERS = ['12', '0', '4294967295', '007']
const OURS = ['_s0', '_S1', '_c0', '_x0', '_rank', '_0']

export function spec(t, { open }) {
  const start = idCol => {
    const db = open(DB)
    const columns = Object.fromEntries(
      [...NUMBERS, ...OURS].map(name => [name, { type: 'TEXT', index: true }]),
    )
    columns['3'] = { type: 'INTEGER' }
    columns['1'] = { sql: 'tbl."3" * 2', get: true }
    return db.addModel(JsonModel, { name: '5', idCol, columns })
  }
  const filled = (idCol, id) => ({
    [idCol]: id,
    3: 30,
    undeclared: 'yes',
    99: 'undeclared number',
    ...Object.fromEntries([...NUMBERS, ...OURS].map(name => [name, `value of ${name}, ${id}`])),
  })

  for (const idCol of ['id', '8', '_s2']) {
    t(
      `columns called like numbers or like ours keep their values, with the id '${idCol}'`,
      async () => {
        const model = start(idCol)
        const [a, b] = ['a', 'b'].map(id => filled(idCol, id))
        const read = doc => ({ ...doc, 1: 60 })
        await model.set([b, a])
        assert.deepEqual(await model.get('a'), read(a))
        assert.deepEqual(await model.getAll(['b', 'none', 'a']), [read(b), undefined, read(a)])
        for (const name of [...NUMBERS, ...OURS]) {
          assert.deepEqual(await model.get(a[name], name), read(a), `get by ${name}`)
          assert.deepEqual(
            await model.searchAll({ [name]: a[name] }),
            [read(a)],
            `search by ${name}`,
          )
          assert.deepEqual(
            await model.searchAll(undefined, { sort: { [name]: -1 }, cols: [name, '3', idCol] }),
            [b, a].map(doc => ({ [name]: doc[name], 3: 30, [idCol]: doc[idCol] })),
          )
          // two pages, so that the values that sort are read as well
          const first = await model.search(undefined, { sort: { [name]: 1, 3: 1 }, limit: 1 })
          assert.deepEqual(first.items, [read(a)], `sorted by ${name}`)
          const next = await model.search(undefined, {
            sort: { [name]: 1, 3: 1 },
            limit: 1,
            cursor: first.cursor,
          })
          assert.deepEqual(next.items, [read(b)], `after the cursor by ${name}`)
        }
        await model.update({ [idCol]: 'a', 0: 'new', 99: null })
        assert.equal((await model.get('a'))['0'], 'new')
        assert.equal(await model.max('3'), 30)
      },
    )
  }

  t('a column called like a number is found by its words', async () => {
    const db = open(DB)
    const model = db.addModel(JsonModel, {
      name: 'texts',
      keepRowId: true,
      columns: { 7: { type: 'TEXT', fts: true } },
    })
    await model.set([
      { id: 'a', 7: 'red fox' },
      { id: 'b', 7: 'grey wolf' },
    ])
    const [item] = (await model.search({ 7: { $match: 'fox' } }, { snippet: { 7: {} } })).items
    assert.deepEqual(
      [item.id, item['7'], typeof item.$rank, typeof item.$snippet['7']],
      ['a', 'red fox', 'number', 'string'],
    )
  })

  t('a table changes its shape around columns called like numbers', async () => {
    const db = open(DB)
    const model = db.addModel(JsonModel, {
      name: 'things',
      columns: { 2: { type: 'INTEGER' }, 1: { type: 'TEXT' } },
      migrations: {
        '1 retype': async ({ model }) => {
          await model.set({ id: 'a', 2: 5, 1: 'x', 0: 'y' })
          await model.retypeColumn('2', value => value + 1)
        },
      },
    })
    assert.deepEqual(await model.get('a'), { id: 'a', 2: 6, 1: 'x', 0: 'y' })
  })
}
