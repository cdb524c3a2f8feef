// The column keys on the way in and out: what each does to a stored document, and which definitions
// are refused.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DB, JsonModel } from 'tidelog'

const open = (columns, options = {}) => {
  const db = new DB()
  return [db, db.addModel(JsonModel, { name: 'docs', columns, ...options })]
}
const raw = async (db, id) => db.get('SELECT * FROM docs WHERE id = ?', [id])

test('a definition with a key, a type or a combination that is not there is refused by name', () => {
  const refused = (column, message, name = 'c', options) =>
    assert.throws(
      () => open({ [name]: column }, options),
      { name: 'TypeError', message },
      JSON.stringify(column),
    )
  refused({ requird: true }, /docs\.c: there is no key 'requird': did you mean 'required'\?/)
  refused({ type: 'VARCHAR' }, /type must be one of 'TEXT', .* not 'VARCHAR'/)
  refused({ index: 'SOME' }, /index must be one of/)
  refused({ unique: true }, /unique needs index/)
  refused({ slugValue: o => o.a }, /slugValue needs index/)
  refused({ value: 3 }, /value must be a function, not 3/)
  refused({ value: () => 1, slugValue: () => 1, index: true }, /value and slugValue/)
  refused({ parse: String }, /parse needs get/)
  refused({ sql: 'x', type: 'TEXT' }, /cannot have real or type/)
  refused({ alwaysObject: true, type: 'TEXT' }, /alwaysObject needs type 'JSON'/)
  refused({ autoIncrement: true, type: 'INTEGER' }, /autoIncrement is for integer ids/)
  refused({ path: 'a[x]' }, /must be like a\.b\[0\]\.c/)
  refused({ textSearch: true, where: 'x = ?' }, /textSearch and where/)
  refused({ in: true, textSearch: true }, /textSearch and in/)
  refused({ where: 'x = 1' }, /needs a '\?' or whereVal/)
  refused({ foreignKey: { model: 'm', onDelete: 'EXPLODE' }, type: 'TEXT' }, /one of CASCADE/)
  refused({ foreignKey: 'm' }, /foreignKey needs type or real/)
  refused({ version: '2' }, /version must be an integer/)
  refused('TEXT', /must be an object/)
  refused({ parse: String }, /docs\.id: 'parse' cannot be done to the id/, 'id')
  refused({ textSearch: true, isArray: true }, /'isArray' cannot be done to the id/, 'id')
  refused({ autoIncrement: true }, /autoIncrement needs type 'INTEGER'/, 'id')
  refused({ parse: JSON.parse }, /has only 'alias', not 'parse'/, 'json')
  assert.throws(() => open({ a: { alias: 'x' }, b: { alias: 'x' } }), /alias 'x' is a's already/)
  assert.throws(() => open({}, { colums: {} }), /unknown options colums: did you mean 'columns'/)
})

test('a column may be made by a function of its name, or left out', async () => {
  const [db, docs] = open({
    a: ({ columnName }) => ({ path: `deep.${columnName}`, type: 'INTEGER' }),
    b: undefined,
    c: () => undefined,
  })
  assert.deepEqual(await docs.set({ id: '1', deep: { a: 3, x: 1 } }), {
    id: '1',
    deep: { a: 3, x: 1 },
  })
  assert.deepEqual(Object.keys(docs.columns).sort(), ['a', 'id', 'json'])
  await db.close()
})

test('an id column of any name works in every method', async () => {
  const [db, docs] = open({}, { idCol: 'my-id' })
  assert.deepEqual(await docs.set({ 'my-id': 'x', a: 1 }), { 'my-id': 'x', a: 1 })
  assert.deepEqual(await docs.update({ 'my-id': 'x', a: 2 }), { 'my-id': 'x', a: 2 })
  assert.deepEqual(await docs.update('x', { $inc: { a: 3 } }), { 'my-id': 'x', a: 5 })
  await docs.changeId('x', 'y')
  assert.deepEqual(await docs.getAll(['x', 'y']), [undefined, { 'my-id': 'y', a: 5 }])
  assert.equal(docs.idColQ, '"my-id"')
  await assert.rejects(docs.set({ 'my-id': 'y' }, true), { code: 'SQLITE_CONSTRAINT_UNIQUE' })
  await db.close()
})

test('a nested real column is taken out of the JSON and put back, null stays', async () => {
  const [db, docs] = open({
    city: { path: 'home.city', type: 'TEXT', index: true },
    first: { path: 'tags[0].name', real: true },
    meta: { type: 'JSON', alwaysObject: false },
    deep: { path: 'meta.deep', type: 'INTEGER' },
  })
  const given = [
    {
      id: '1',
      home: { city: 'Ulm', no: 1 },
      tags: [{ name: 'a', n: 1 }, 'b'],
      meta: { deep: 7, other: 1 },
    },
    { id: '2', home: { city: null }, tags: [], meta: { deep: null } },
    { id: '3', home: 'none', tags: ['x'] },
    { id: '4', home: {}, tags: [{}], meta: null },
    { id: '5', home: { city: '' }, meta: { deep: 0 } },
    { id: '6', tags: [{ name: false }] },
  ]
  await docs.set(given, false, true)
  const expected = given.map(doc => (doc.id === '6' ? { id: '6', tags: [{ name: 0 }] } : doc))
  assert.deepEqual(await docs.getAll(given.map(doc => doc.id)), expected)
  const { json, meta, city, deep } = await raw(db, '1')
  assert.deepEqual(JSON.parse(json), { home: { no: 1 }, tags: [{ n: 1 }, 'b'] })
  assert.deepEqual([meta, city, deep], ['{"other":1}', 'Ulm', 7])
  assert.deepEqual(await docs.searchAll({ city: 'Ulm' }), [given[0]])
  assert.deepEqual(
    await docs.update('1', { $set: { 'home.city': 'Bonn' }, $inc: { 'meta.deep': 1 } }),
    {
      ...given[0],
      home: { city: 'Bonn', no: 1 },
      meta: { deep: 8, other: 1 },
    },
  )
  await db.close()
})

test('defaults, computed and required values come in a settled order', async () => {
  const seen = []
  const [db, docs] = open({
    id: {
      value(doc) {
        seen.push(`id ${this.name} ${doc.kind}`)
        return 'made'
      },
    },
    kind: { default: 'plain' },
    zero: { default: 0, type: 'INTEGER' },
    empty: { default: '' },
    no: { default: false },
    first: {
      type: 'TEXT',
      value: async doc => {
        seen.push(`first ${doc.id}`)
        return `${doc.id}!`
      },
    },
    second: { value: doc => seen.push(`second ${doc.first}`) && undefined, default: 'fallback' },
    third: { path: 'x.y', value: doc => `${doc.second}?`, required: true },
  })
  const made = await docs.set({ x: { z: 1 } })
  assert.deepEqual(seen, ['id docs plain', 'first made', 'second made!'])
  assert.deepEqual(made, {
    id: 'made',
    x: { z: 1, y: 'fallback?' },
    kind: 'plain',
    zero: 0,
    empty: '',
    no: false,
    first: 'made!',
    second: 'fallback',
  })
  assert.deepEqual(await docs.get('made'), made)
  assert.equal((await docs.set({ id: 'x', zero: null, no: true, empty: 'e' })).no, true)
  await db.close()
})

test('0, empty text and false satisfy required, nothing else that is falsy does', async () => {
  const [db, docs] = open({ v: { required: true, index: true } })
  for (const v of [0, '', false]) assert.deepEqual(await docs.set({ id: 'a', v }), { id: 'a', v })
  for (const v of [null, undefined])
    await assert.rejects(docs.set({ id: 'a', v }), {
      code: 'REQUIRED',
      message: 'docs.v: value is required',
    })
  await assert.rejects(docs.update({ id: 'a', v: null }), { code: 'REQUIRED' })
  await assert.rejects(docs.update('a', { $unset: 'v' }), { code: 'REQUIRED' })
  assert.deepEqual(await docs.get('a'), { id: 'a', v: false })
  await db.close()
})

test('falsyBool is true or not there, real or virtual', async () => {
  const [db, docs] = open({
    real: { falsyBool: true, type: 'INTEGER', index: true },
    virtual: { falsyBool: true },
  })
  for (const yes of [true, 1, 'x', {}])
    assert.deepEqual(await docs.set({ id: 'a', real: yes, virtual: yes }), {
      id: 'a',
      real: true,
      virtual: true,
    })
  assert.equal((await raw(db, 'a')).real, 1)
  for (const no of [false, 0, '', null, undefined])
    assert.deepEqual(await docs.set({ id: 'a', real: no, virtual: no }), { id: 'a' })
  assert.equal((await raw(db, 'a')).real, null)
  await docs.update('a', { $set: { real: true, virtual: 1 } })
  assert.deepEqual(await docs.get('a'), { id: 'a', real: true, virtual: true })
  await db.close()
})

test('parse and stringify stand between the document and the column', async () => {
  const [db, docs] = open({
    when: {
      type: 'INTEGER',
      stringify: d => d?.getTime(),
      parse: n => n && new Date(n),
      index: true,
    },
    lower: {
      path: 'name',
      type: 'TEXT',
      get: false,
      stringify: s => s?.toLowerCase(),
      index: true,
    },
    size: { type: 'INTEGER', get: false, value: doc => doc.name.length, index: true },
    ids: { type: 'TEXT', stringify: list => list?.join(), parse: text => text?.split(',') },
  })
  const doc = { id: 'a', when: new Date(5000), name: 'ÄbC', ids: ['1', '2'] }
  assert.deepEqual(await docs.set(doc), doc)
  assert.deepEqual(await docs.get('a'), doc)
  const { when, lower, size, ids, json } = await raw(db, 'a')
  assert.deepEqual(
    { when, lower, size, ids, json },
    { when: 5000, lower: 'äbc', size: 3, ids: '1,2', json: '{"name":"ÄbC"}' },
  )
  assert.deepEqual(await docs.get(new Date(5000), 'when'), doc)
  assert.deepEqual(await docs.get('ÄBC', 'lower'), doc)
  assert.deepEqual(await docs.update({ id: 'a', name: 'xy' }), { ...doc, name: 'xy' })
  assert.deepEqual((await raw(db, 'a')).size, 2)
  assert.deepEqual(await docs.update('a', { $set: { name: 'abcd', ids: ['9'] } }), {
    ...doc,
    name: 'abcd',
    ids: ['9'],
  })
  const { lower: now, size: length } = await raw(db, 'a')
  assert.deepEqual([now, length], ['abcd', 4])
  await assert.rejects(docs.set({ id: 'b', name: 'x', $aside: {} }), /'\$aside' is reserved/)
  await db.close()
})

test('alwaysObject stores nothing for an empty object, and gives one for nothing', async () => {
  const [db, docs] = open({ meta: { type: 'JSON', alwaysObject: true } })
  assert.deepEqual(await docs.set({ id: 'a' }), { id: 'a', meta: {} })
  assert.equal((await raw(db, 'a')).meta, null)
  assert.deepEqual(await docs.get('a'), { id: 'a', meta: {} })
  assert.deepEqual(await docs.set({ id: 'a', meta: { x: 1 } }), { id: 'a', meta: { x: 1 } })
  assert.deepEqual(await docs.update('a', { $unset: ['meta'] }), { id: 'a', meta: {} })
  await db.close()
})

test('sql columns are read with the document when asked, and never written', async () => {
  const [db, docs] = open({
    n: { type: 'INTEGER' },
    twice: { sql: 'tbl.n * 2', get: true },
    inner: { sql: 'tbl.n + 1', get: true, path: 'calc.next', parse: n => `#${n}` },
    hidden: { sql: 'tbl.n * 3' },
  })
  await docs.set({ id: 'a', n: 4, other: 1 })
  const read = { id: 'a', n: 4, twice: 8, calc: { next: '#5' }, other: 1 }
  assert.deepEqual(await docs.get('a'), read)
  assert.deepEqual(await docs.searchAll({ twice: 8 }), [read])
  assert.deepEqual(await docs.update('a', { $inc: { n: 1 } }), {
    ...read,
    n: 5,
    twice: 10,
    calc: { next: '#6' },
  })
  assert.equal((await raw(db, 'a')).json, '{"other":1}')
  assert.equal(await docs.updateWhere({ n: 5 }, doc => ({ ...doc, n: 6 })), 1)
  assert.equal((await raw(db, 'a')).json, '{"other":1}')
  await db.close()
})

test('slugs are unique whoever writes at the same time, and keep what is given', async () => {
  const [db, docs] = open({
    id: { slugValue: doc => doc.title },
    path: { slugValue: doc => doc.title, index: true, unique: true },
  })
  const titles = [
    'Hällo  Wörld!',
    'hallo world',
    'HALLO-WORLD',
    '???',
    '日本 語',
    'straße',
    'a'.repeat(50),
  ]
  const made = await Promise.all(titles.map(title => docs.set({ title })))
  assert.deepEqual(
    made.map(doc => doc.id),
    ['hallo-world', 'hallo-world-2', 'hallo-world-3', 'x', '日本-語', 'strasse', 'a'.repeat(30)],
  )
  assert.deepEqual(
    made.map(doc => doc.path),
    made.map(doc => doc.id),
  )
  const many = await docs.set(Array.from({ length: 20 }, () => ({ title: { de: 'x', en: 'y' } })))
  assert.equal(new Set(many.map(doc => doc.id)).size, 20)
  assert.equal(many[0].id, 'x-2')
  assert.equal((await docs.set({ id: 'own', title: 't', path: 'mine' })).path, 'mine')
  assert.equal(
    (await docs.set({ ...made[0], more: 1 })).path,
    'hallo-world',
    'a written one keeps its slug',
  )
  assert.equal(await docs.count(), titles.length + 21)
  await db.close()
})

test('ids are made, counted or taken as they are', async () => {
  const db = new DB()
  const texts = db.addModel(JsonModel, { name: 'texts' })
  const numbers = db.addModel(JsonModel, {
    name: 'numbers',
    columns: { id: { type: 'INTEGER', autoIncrement: true } },
  })
  const bytes = db.addModel(JsonModel, { name: 'bytes', columns: { id: { type: 'BLOB' } } })
  const bigs = db.addModel(JsonModel, { name: 'bigs', columns: { id: { type: 'BIGINT' } } })
  assert.match((await texts.set({})).id, /^[0-9a-f]{8}-/)
  for (const id of ['', '0', "a'b"])
    assert.deepEqual(await texts.get((await texts.set({ id })).id), { id })
  assert.deepEqual(await texts.set({ id: 7 }), { id: '7' }, 'a text column gives text')
  assert.deepEqual(await texts.get(7), { id: '7' })
  assert.deepEqual(await numbers.set({ id: 0 }), { id: 0 })
  assert.deepEqual(await numbers.get('0'), { id: 0 })
  assert.equal((await numbers.set({ id: 2n ** 60n })).id, 2n ** 60n)
  assert.equal((await numbers.set({ a: 1 })).id, 2n ** 60n + 1n)
  const id = new Uint8Array([0, 255, 1])
  assert.deepEqual(await bytes.get((await bytes.set({ id, a: 1 })).id), { id, a: 1 })
  assert.deepEqual(await bigs.set({ id: 5 }), { id: 5n })
  assert.deepEqual(await bigs.update(5n, { $set: { a: 1 } }), { id: 5n, a: 1 })
  for (const bad of [true, {}, ['x'], { $bytes: '' }])
    await assert.rejects(texts.set({ id: bad, a: 1 }), {
      name: 'TypeError',
      message: /id must be a string or a number/,
    })
  await db.close()
})
