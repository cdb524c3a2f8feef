// Writing documents and reading them by id: what comes back, item classes, validators, rows.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DB, EventSourcingDB, JsonModel } from 'tidelog'
import * as v from 'valibot'
import { z } from 'zod'

const open = (options = {}, Model = JsonModel) => {
  const db = new DB()
  return [db, db.addModel(Model, { name: 'docs', ...options })]
}

test('set gives the document as it will be read, and shares nothing with its input', async () => {
  const [db, docs] = open({
    columns: {
      text: { type: 'TEXT' },
      int: { type: 'INTEGER' },
      num: { type: 'NUMERIC' },
      real: { type: 'REAL' },
      any: { real: true },
    },
  })
  const values = [0, 1, -1.5, '', '7', 'x', '1e3', true, false, null, 2 ** 60, 1e300, -0]
  for (const value of values) {
    const doc = {
      id: 'a',
      text: value,
      int: value,
      num: value,
      real: value,
      any: value,
      json: value,
      deep: { value },
    }
    const made = await docs.set(doc)
    assert.deepEqual(made, await docs.get('a'), `${value}`)
    assert.deepEqual(made.json, JSON.parse(JSON.stringify(value)))
    if (typeof value === 'string') assert.equal(made.text, value)
    if (typeof value === 'number' && Number.isSafeInteger(value))
      assert.equal(made.int, JSON.parse(JSON.stringify(value)))
    made.deep.value = 'changed'
    assert.equal(doc.deep.value, value)
  }
  assert.equal(
    (await docs.set({ id: 'a', int: 2 ** 60 })).int,
    2n ** 60n,
    'beyond 2^53 an integer is a BigInt',
  )
  await assert.rejects(docs.set({ id: 'a', text: { a: 1 } }), {
    code: 'BAD_VALUE',
    message: /text must be/,
  })
  await db.close()
})

test('noReturn gives the last id and the number, an empty array nothing', async () => {
  const [db, docs] = open({ columns: { id: { type: 'INTEGER' } } })
  assert.deepEqual(await docs.set([{ a: 1 }, { id: 7 }, {}], false, true), {
    lastID: 8,
    changes: 3,
  })
  assert.deepEqual(await docs.set({ id: 3 }, true, true), { lastID: 3, changes: 1 })
  assert.deepEqual(await docs.update({ id: 3, x: 1 }, false, true), { lastID: 3, changes: 1 })
  assert.deepEqual(await docs.set([]), [])
  assert.deepEqual(await docs.updateNoTrans({ id: 3, x: 2 }), { id: 3, x: 2 })
  assert.deepEqual(await docs.delete(3), { changes: 1 })
  for (const none of [undefined, {}]) assert.deepEqual(await docs.remove(none), { changes: 0 })
  for (const bad of [null, Number.NaN]) await assert.rejects(docs.remove(bad), TypeError)
  await db.close()
})

test('get and getAll find by id or by a column, in order, whatever the type of the id', async () => {
  const [db, docs] = open({
    columns: {
      n: { type: 'INTEGER', index: true },
      kind: {},
      tags: { type: 'JSON' },
      low: { type: 'TEXT', stringify: s => s?.toLowerCase() },
    },
  })
  await docs.set(
    [1, 2, 3].map(n => ({ id: n, n, kind: n % 2 ? 'odd' : 'even', tags: [n], low: `A${n}` })),
  )
  assert.deepEqual(
    (await docs.getAll([3, '1', 9, 3n])).map(doc => doc?.id),
    ['3', '1', undefined, '3'],
  )
  assert.deepEqual(
    (await docs.getAll([2, '3', 5], 'n')).map(doc => doc?.n),
    [2, 3, undefined],
  )
  assert.equal((await docs.get('even', 'kind')).id, '2')
  assert.equal((await docs.get([3], 'tags')).id, '3')
  assert.equal((await docs.get('A2', 'low')).id, '2')
  assert.deepEqual(await docs.getAll([]), [])
  assert.equal(await docs.get('x'), undefined)
  await assert.rejects(docs.get(1, 'm'), {
    name: 'TypeError',
    message: /no column 'm': did you mean 'n'/,
  })
  await assert.rejects(docs.get(1, 'json'), TypeError)
  await assert.rejects(docs.get(undefined, 'n'), { name: 'TypeError', message: /no n was given/ })
  await assert.rejects(docs.getAll('1'), TypeError)
  assert.deepEqual(await docs.getAll([null, 'none', undefined]), [undefined, undefined, undefined])
  assert.equal((await docs.getAll([null, 1]))[1].id, '1')
  await assert.rejects(docs.get('\ud800'), { name: 'TypeError', message: /lone surrogate/ })
  await db.close()
})

test('results are instances of ItemClass, however they are read', async () => {
  class Item {
    touched = true
    get upper() {
      return this.name.toUpperCase()
    }
  }
  const [db, docs] = open({ ItemClass: Item })
  const read = [
    await docs.set({ id: 'a', name: 'x' }),
    await docs.update({ id: 'a' }),
    await docs.get('a'),
    (await docs.getAll(['a']))[0],
    (await docs.all())[0],
    (await docs.search()).items[0],
    await docs.searchOne(),
    docs.toObj(await db.get('SELECT * FROM docs')),
  ]
  for (const item of read) {
    assert.ok(item instanceof Item)
    assert.deepEqual({ ...item }, { touched: true, id: 'a', name: 'x' })
    assert.equal(item.upper, 'X')
  }
  assert.equal(docs.Item, Item)
  await db.close()
})

test('rows of plain SQL become documents', async () => {
  const [db, docs] = open({
    columns: {
      meta: { type: 'JSON' },
      bag: { type: 'JSON', alwaysObject: true },
      yes: { falsyBool: true, real: true },
      at: { path: 'x.at', type: 'DATE', parse: d => d?.getTime() },
    },
  })
  const made = await docs
    .set(
      [
        { id: 'a', meta: [1], yes: 1, x: { y: 2 } },
        { id: 'b', x: { at: new Date(9) } },
      ].map(d => d),
      false,
    )
    .catch(error => error)
  assert.deepEqual(docs.toObj(await db.all('SELECT * FROM docs ORDER BY id')), made)
  assert.equal(docs.parseRow(undefined), undefined)
  await db.close()
})

test('the properties that strato-db documents are there', () => {
  const [db, docs] = open({ columns: { a: { type: 'TEXT' }, b: { index: true } } })
  assert.equal(docs.db, db)
  assert.deepEqual(
    [docs.name, docs.quoted, docs.idCol, docs.idColQ],
    ['docs', '"docs"', 'id', '"id"'],
  )
  assert.deepEqual(
    docs.columnArr.map(column => column.name),
    ['id', 'a', 'b', 'json'],
  )
  assert.deepEqual(
    docs.getCols.map(column => column.name),
    ['id', 'a', 'json'],
  )
  assert.equal(docs.columns.a.quoted, '"a"')
  const methods = `set update updateNoTrans remove delete changeId get getAll getCached clearCache all search searchAll
    searchOne exists count numAggOp max min sum avg each toObj parseRow makeSelect`
  for (const name of methods.split(/\s+/)) assert.equal(typeof docs[name], 'function', name)
})

test('a function validates: it throws, says false, or gives another document', async () => {
  const [db, docs] = open({
    validate(doc) {
      assert.equal(this.name, 'docs')
      if (doc.bad === 'throw') throw new Error('too bad')
      if (doc.bad) return false
      return doc.twice ? { ...doc, twice: doc.twice * 2 } : undefined
    },
    columns: {
      n: { validate: async n => n < 10 || false },
      t: { type: 'TEXT', validate: t => t.trim() },
    },
  })
  await assert.rejects(docs.set({ id: 'a', bad: 'throw' }), {
    code: 'INVALID',
    message: 'docs: too bad',
    name: 'TidelogError',
  })
  await assert.rejects(docs.set({ id: 'a', bad: 1 }), {
    code: 'INVALID',
    message: 'docs: validate refused the document',
  })
  await assert.rejects(docs.set({ id: 'a', n: 10 }), {
    code: 'INVALID',
    message: 'docs.n: validate refused 10',
  })
  assert.deepEqual(await docs.set({ id: 'a', twice: 2, n: 3, t: ' x ' }), {
    id: 'a',
    twice: 4,
    n: 3,
    t: 'x',
  })
  await assert.rejects(docs.update({ id: 'a', bad: 1 }), { code: 'INVALID' })
  await assert.rejects(docs.update('a', { $inc: { n: 20 } }), { code: 'INVALID' })
  await assert.rejects(docs.updateWhere({}, { n: 99 }), { code: 'INVALID' })
  assert.equal((await docs.get('a')).n, 3)
  await db.close()
})

const schemas = {
  zod: z.object({
    title: z.string().trim().min(1),
    home: z.object({ no: z.coerce.number() }).optional(),
    done: z.boolean().default(false),
  }),
  valibot: v.objectAsync({
    title: v.pipe(v.string(), v.trim(), v.minLength(1)),
    home: v.optional(v.object({ no: v.pipe(v.unknown(), v.transform(Number), v.number()) })),
    done: v.optional(v.boolean(), false),
  }),
}
for (const [name, validate] of Object.entries(schemas)) {
  test(`a schema of ${name} validates, and what it makes of a document is stored`, async () => {
    const [db, docs] = open({ validate })
    assert.deepEqual(await docs.set({ id: 'a', title: ' x ', home: { no: '5' }, unknown: 1 }), {
      id: 'a',
      title: 'x',
      home: { no: 5 },
      done: false,
    })
    const error = await docs
      .set({ id: 'b', title: '', home: { no: 'x' } })
      .then(assert.fail, error => error)
    assert.equal(error.code, 'INVALID')
    assert.match(error.message, /^docs: title: .+; home\.no: .+/)
    assert.equal(error.cause.length, 2)
    await assert.rejects(docs.update({ id: 'a', title: 5 }), { code: 'INVALID' })
    await assert.rejects(docs.update('a', { $unset: ['title'] }), { code: 'INVALID' })
    assert.equal((await docs.update('a', { $set: { title: 'y ' } })).title, 'y')
    await db.close()
    const es = new EventSourcingDB({ models: { docs: { validate } } })
    assert.equal((await es.store.docs.set({ id: 'a', title: ' x ' })).title, 'x')
    await assert.rejects(es.store.docs.set({ id: 'a', title: '' }), { code: 'INVALID' })
    await assert.rejects(es.store.docs.update('a', { $set: { title: 1 } }), { code: 'INVALID' })
    assert.equal((await es.store.docs.update('a', { $set: { title: ' z ' } })).title, 'z')
    assert.deepEqual(await es.store.docs.get('a'), { id: 'a', title: 'z', done: false })
    await es.close()
  })
}

test('what is no validator is refused', () => {
  for (const validate of [{}, 'x', { '~standard': { version: 2 } }])
    assert.throws(() => open({ validate }), TypeError)
})
