// strato-db's column keys that say how a value is stored, one test each:
// tests/checklist/strato-db.json points here, row by row. Keys of searches:
// parity-column-searches.test.js.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DB, JsonModel } from 'tidelog'
import { detail, ids, key, withModel } from './column-key.js'

const TYPES = { t: 'TEXT', n: 'NUMERIC', i: 'INTEGER', r: 'REAL', b: 'BLOB', j: 'JSON' }
const typed = Object.fromEntries(Object.entries(TYPES).map(([name, type]) => [name, { type }]))
key('type', 'makes a real column of that type', typed, async (model, db) => {
  const doc = { id: 'a', t: 'x', n: 1, i: 2, r: 0.5, b: new Uint8Array([1]), j: { deep: [1] } }
  await model.set(doc)
  assert.deepEqual(await model.get('a'), doc)
  const kinds = await db.get(
    'SELECT typeof(t) t, typeof(n) n, typeof(i) i, typeof(r) r, typeof(b) b FROM m',
  )
  assert.deepEqual(kinds, { t: 'text', n: 'integer', i: 'integer', r: 'real', b: 'blob' })
})

key(
  'real',
  'makes a column of the table without a type',
  { x: { real: true } },
  async (model, db) => {
    for (const x of [1, 'one', 0.5, '5']) {
      await model.set({ id: 'a', x })
      assert.equal((await model.get('a')).x, x)
    }
    await model.set({ id: 'a', x: 5 })
    assert.deepEqual(await db.get('SELECT x, json FROM m'), { x: 5, json: null })
    assert.equal(await ids(model, { x: 5 }), 'a')
  },
)

const paths = {
  city: { path: 'home.city' },
  first: { path: 'tags[0]' },
  deep: { path: 'list[1].n', index: true },
}
key('path', 'says where the value is, into objects and arrays', paths, async model => {
  await model.set({ id: 'a', home: { city: 'Kiel' }, tags: ['x', 'y'], list: [{ n: 1 }, { n: 2 }] })
  await model.set({ id: 'b', home: { city: 'Bonn' }, tags: ['y'], list: [] })
  assert.deepEqual(
    [
      await ids(model, { city: 'Kiel' }),
      await ids(model, { first: 'y' }),
      await ids(model, { deep: 2 }),
    ],
    ['a', 'b', 'a'],
  )
})

const copied = { kept: { type: 'TEXT' }, copy: { type: 'TEXT', get: false } }
key('get', 'keeps the value in the column alone, or copies it', copied, async (model, db) => {
  await model.set({ id: 'a', kept: 'k', copy: 'c' })
  assert.deepEqual(await model.get('a'), { id: 'a', kept: 'k', copy: 'c' })
  const { json, ...row } = await db.get('SELECT kept, copy, json FROM m')
  assert.deepEqual([row, JSON.parse(json)], [{ kept: 'k', copy: 'c' }, { copy: 'c' }])
})

key(
  'alias',
  'names the column in what toObj reads, and must be unique',
  { x: { type: 'TEXT', alias: 'ex' } },
  async model => {
    assert.equal(model.columns.x.alias, 'ex')
    assert.deepEqual(model.toObj([{ _i: 'a', ex: 'y', _j: '{"z":1}' }]), [
      { id: 'a', x: 'y', z: 1 },
    ])
    const twice = { a: { alias: 'same' }, b: { alias: 'same' } }
    assert.throws(() => new DB().addModel(JsonModel, { name: 'm', columns: twice }), {
      name: 'TypeError',
      message: /alias 'same'/,
    })
  },
)

const computed = {
  sum: { type: 'INTEGER', value: doc => doc.a + doc.b },
  double: { value: async doc => doc.sum * 2, index: true },
  self: {
    value() {
      return this.name
    },
  },
}
key(
  'value',
  'computes what is stored, in turn, async, as a method of the model',
  computed,
  async model => {
    const made = await model.set({ id: 'x', a: 1, b: 2 })
    assert.deepEqual(made, { id: 'x', a: 1, b: 2, sum: 3, double: 6, self: 'm' })
    assert.deepEqual(await model.get('x'), made)
    assert.equal(await ids(model, { double: 6 }), 'x')
  },
)

key(
  'slugValue',
  'makes a slug that nobody else has',
  { slug: { index: true, slugValue: doc => doc.title } },
  async model => {
    const slugs = []
    for (const title of ['Älter & Müde', 'alter mude', 'x'.repeat(50)])
      slugs.push((await model.set({ title })).slug)
    assert.deepEqual(slugs, ['alter-mude', 'alter-mude-2', 'x'.repeat(30)])
    assert.equal((await model.set({ title: 'a', slug: 'own' })).slug, 'own')
    const both = { slug: { index: true, slugValue: () => 'a', value: () => 'b' } }
    assert.throws(() => new DB().addModel(JsonModel, { name: 'm', columns: both }), TypeError)
    assert.throws(
      () =>
        new DB().addModel(JsonModel, { name: 'm', columns: { slug: { slugValue: () => 'a' } } }),
      /index/,
    )
  },
)

key(
  'default',
  'is stored for nothing, and 0 or false are no nothing',
  { n: { default: 5 }, f: { default: true } },
  async model => {
    assert.deepEqual(await model.set({ id: 'a', n: null }), { id: 'a', n: 5, f: true })
    assert.deepEqual(await model.set({ id: 'b', n: 0, f: false }), { id: 'b', n: 0, f: false })
  },
)

key(
  'required',
  'refuses nothing, and takes 0 and empty text',
  { x: { required: true } },
  async model => {
    for (const x of [null, undefined]) {
      await assert.rejects(model.set({ x }), { code: 'REQUIRED', message: /x: value is required/ })
    }
    for (const x of [0, '', false]) assert.equal((await model.set({ x })).x, x)
  },
)

const flags = { real: { type: 'INTEGER', falsyBool: true }, virtual: { falsyBool: true } }
key('falsyBool', 'is true or nothing, and is searched by what is truthy', flags, async model => {
  await model.set({ id: 'a', real: true, virtual: true })
  await model.set({ id: 'b', real: false, virtual: false })
  await model.set({ id: 'c' })
  assert.deepEqual(await model.get('a'), { id: 'a', real: true, virtual: true })
  assert.deepEqual(await model.get('b'), { id: 'b' })
  for (const name of ['real', 'virtual']) {
    assert.deepEqual(
      [await ids(model, { [name]: true }), await ids(model, { [name]: 0 })],
      ['a', 'bc'],
      name,
    )
  }
})

const coded = {
  x: { type: 'TEXT', parse: text => text.split(','), stringify: list => list.join() },
}
key('parse', 'makes the value of what is stored', coded, async (model, db) => {
  await model.set({ id: 'a', x: ['1', '2'] })
  await db.run`UPDATE m SET x = ${'3,4'}`
  assert.deepEqual(await model.get('a'), { id: 'a', x: ['3', '4'] })
  assert.deepEqual(await model.all(), [{ id: 'a', x: ['3', '4'] }])
})

key('stringify', 'makes what is stored, and what is searched for', coded, async (model, db) => {
  await model.set({ id: 'a', x: ['1', '2'] })
  assert.deepEqual(await db.get('SELECT x FROM m'), { x: '1,2' })
  assert.equal(await ids(model, { x: ['1', '2'] }), 'a')
  assert.equal((await model.get(['1', '2'], 'x')).id, 'a')
})

const objects = { meta: { type: 'JSON', alwaysObject: true } }
key(
  'alwaysObject',
  'is nothing in the table and {} in the document',
  objects,
  async (model, db) => {
    await model.set({ id: 'a' })
    await model.set({ id: 'b', meta: {} })
    assert.deepEqual(await model.all(), [
      { id: 'a', meta: {} },
      { id: 'b', meta: {} },
    ])
    assert.deepEqual(await db.all('SELECT meta FROM m'), [{ meta: null }, { meta: null }])
  },
)

const expression = {
  len: { sql: 'length(tbl."name")', index: true, get: true },
  name: { type: 'TEXT' },
}
key('sql', 'is an expression to search, sort and read', expression, async model => {
  await model.set({ id: 'a', name: 'long' })
  await model.set({ id: 'b', name: 'x' })
  assert.equal(await ids(model, { len: 4 }), 'a')
  assert.equal(await ids(model, {}, { sort: { len: 1 } }), 'ba')
  assert.equal((await model.searchOne({ id: 'a' })).len, 4)
})

const indexed = {
  some: { type: 'TEXT', index: true },
  every: { type: 'TEXT', index: 'ALL' },
  virtual: { index: 'SPARSE' },
}
key('index', 'is made, sparse unless ALL, and used', indexed, async (model, db) => {
  await model.set({ some: 'a', every: 'b', virtual: 'c' })
  const sql = Object.fromEntries(
    (await db.all`SELECT name, sql FROM sqlite_master WHERE tbl_name = 'm' AND type = 'index'`).map(
      row => [row.name, row.sql],
    ),
  )
  assert.match(sql.m_some, /IS NOT NULL/)
  assert.doesNotMatch(sql.m_every, /IS NOT NULL/)
  assert.match(sql.m_virtual, /IS NOT NULL/)
  assert.match(await detail(db, "SELECT * FROM m WHERE some = 'a'"), /m_some/)
  assert.deepEqual((await model.explain({ virtual: 'c' })).indexes, ['m_virtual'])
})

const figures = { n: { type: 'INTEGER', ignoreNull: true } }
key('ignoreNull', 'leaves rows without a value out of figures', figures, async model => {
  await model.set([{ n: 2 }, {}, { n: 4 }])
  assert.deepEqual([await model.avg('n'), await model.min('n')], [3, 2])
})

key(
  'unique',
  'lets no two have the same value, and needs an index',
  { x: { type: 'TEXT', index: true, unique: true } },
  async model => {
    await model.set({ id: 'a', x: '1' })
    await assert.rejects(model.set({ id: 'b', x: '1' }), { code: 'SQLITE_CONSTRAINT_UNIQUE' })
    await model.set([{ id: 'c' }, { id: 'd' }])
    assert.throws(
      () => new DB().addModel(JsonModel, { name: 'm', columns: { x: { unique: true } } }),
      /unique needs index/,
    )
  },
)

key(
  'autoIncrement',
  'never gives an id twice',
  { id: { type: 'INTEGER', autoIncrement: true } },
  async model => {
    assert.equal((await model.set({})).id, 1)
    await model.remove(1)
    assert.equal((await model.set({})).id, 2)
  },
)

test('an id is given, counted, computed, a slug or a uuid', async () => {
  const made = async (columns, doc) => {
    let id
    await withModel(columns, async model => {
      id = (await model.set(doc)).id
      assert.equal((await model.get(id)).id, id)
    })
    return id
  }
  assert.match(await made({}, {}), /^[0-9a-f-]{36}$/)
  assert.equal(await made({}, { id: '' }), '')
  assert.equal(await made({ id: { type: 'INTEGER' } }, { id: 0 }), 0)
  assert.equal(await made({ id: { type: 'INTEGER' } }, {}), 1)
  assert.equal(await made({ id: { value: doc => doc.a } }, { a: 'own' }), 'own')
  assert.equal(await made({ id: { slugValue: doc => doc.a } }, { a: 'My Own' }), 'my-own')
})

test('the json column takes an alias, and refuses the rest by name', async () => {
  await withModel({ json: { alias: 'doc' } }, async model => {
    assert.deepEqual(model.toObj({ _i: 'a', doc: '{"x":1}' }), { id: 'a', x: 1 })
  })
  for (const other of [{ parse: JSON.parse }, { type: 'TEXT' }]) {
    const refused = { name: 'TypeError', message: new RegExp(Object.keys(other)[0]) }
    assert.throws(
      () => new DB().addModel(JsonModel, { name: 'm', columns: { json: other } }),
      refused,
    )
  }
})
