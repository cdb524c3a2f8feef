// strato-db's column keys that say how a column is searched, one test each:
// tests/checklist/strato-db.json points here, row by row.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DB, JsonModel } from 'tidelog'
import { ids, key, withModel } from './column-key.js'

const own = {
  big: { type: 'INTEGER', where: 'tbl.big > ?' },
  fn: {
    sql: 'tbl.big',
    where: (value, given) => (given === 'all' ? '1' : `tbl.big < ${Number(value)} AND ?1 = ?1`),
  },
}
key(
  'where',
  'is SQL of the column for a search value, or a function that gives it',
  { big: own.big },
  async model => {
    await model.set([
      { id: 'a', big: 1 },
      { id: 'b', big: 5 },
    ])
    assert.equal(await ids(model, { big: 3 }), 'b')
  },
)

const between = {
  at: {
    type: 'INTEGER',
    where: 'tbl.at BETWEEN ? AND ?',
    whereVal: span => span.length === 2 && span,
  },
}
key('whereVal', 'gives the values of where, or no condition', between, async model => {
  await model.set([
    { id: 'a', at: 1 },
    { id: 'b', at: 5 },
  ])
  assert.deepEqual([await ids(model, { at: [2, 9] }), await ids(model, { at: [] })], ['b', 'ab'])
  await withModel({ x: { where: 'x = ?', whereVal: () => 'none' } }, other =>
    assert.rejects(other.search({ x: 1 }), TypeError),
  )
})

key(
  'in',
  'matches any of an array, and an empty one is no condition',
  { x: { type: 'TEXT', in: true } },
  async model => {
    await model.set([
      { id: 'a', x: '1' },
      { id: 'b', x: '2' },
      { id: 'c', x: '3' },
    ])
    assert.deepEqual(
      [await ids(model, { x: ['1', '3'] }), await ids(model, { x: [] })],
      ['ac', 'abc'],
    )
  },
)

const lists = { tags: { type: 'JSON', isArray: true } }
const tagged = [
  { id: 'a', tags: ['x', 'y'] },
  { id: 'b', tags: ['y'] },
  { id: 'c', tags: [] },
  { id: 'd' },
]
key('isArray', 'finds what holds a value', lists, async model => {
  await model.set(tagged)
  assert.deepEqual([await ids(model, { tags: 'y' }), await ids(model, { tags: 'z' })], ['ab', ''])
})

key(
  'isAnyOfArray',
  'finds what holds any, as isArray with in does',
  { tags: { isAnyOfArray: true }, same: { path: 'tags', isArray: true, in: true } },
  async model => {
    await model.set(tagged)
    for (const name of ['tags', 'same']) {
      assert.deepEqual(
        [
          await ids(model, { [name]: ['x', 'y'] }),
          await ids(model, { [name]: ['x'] }),
          await ids(model, { [name]: [] }),
        ],
        ['ab', 'a', 'abcd'],
        name,
      )
    }
  },
)

key('inAll', 'finds what holds all', { tags: { isArray: true, inAll: true } }, async model => {
  await model.set(tagged)
  assert.deepEqual(
    [await ids(model, { tags: ['x', 'y'] }), await ids(model, { tags: ['y'] })],
    ['a', 'ab'],
  )
})

key(
  'textSearch',
  'finds a part of the text, whatever signs it has',
  { x: { type: 'TEXT', textSearch: true } },
  async model => {
    await model.set([
      { id: 'a', x: '100% wool' },
      { id: 'b', x: '1000 wool' },
      { id: 'c', x: 'a_b' },
      { id: 'd', x: 'aXb' },
    ])
    assert.deepEqual(
      [
        await ids(model, { x: '100%' }),
        await ids(model, { x: 'a_b' }),
        await ids(model, { x: '' }),
      ],
      ['a', 'c', 'abcd'],
    )
  },
)

test('ways to search that exclude each other are refused', () => {
  for (const mixed of [
    { in: true, textSearch: true },
    { isArray: true, textSearch: true },
    { textSearch: true, where: '?' },
  ]) {
    assert.throws(
      () => new DB().addModel(JsonModel, { name: 'm', columns: { x: mixed } }),
      TypeError,
    )
  }
})
