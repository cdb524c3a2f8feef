// Values that JSON has no word for: where they round-trip, where they are refused, and that
// documents are otherwise as JSON has them.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DB, EventSourcingDB, JsonModel } from 'tidelog'

const columns = {
  bytes: { type: 'BLOB' },
  when: { type: 'DATE', index: true },
  big: { type: 'BIGINT', index: true },
  int: { type: 'INTEGER' },
  copy: { path: 'deep.bytes', type: 'BLOB', get: false },
  inner: { path: 'deep.list[1].at', type: 'DATE' },
}
const open = () => {
  const db = new DB()
  return [db, db.addModel(JsonModel, { name: 'docs', columns })]
}
const full = () => ({
  id: 'a',
  bytes: Uint8Array.from({ length: 300 }, (_, i) => i),
  when: new Date(1234567890123),
  big: -(2n ** 63n),
  int: 2n ** 53n + 1n,
  deep: { bytes: new Uint8Array([9]), list: [0, { at: new Date(0), x: 1 }] },
})

test('bytes, dates and big integers come back from every way of writing and reading', async () => {
  const [db, docs] = open()
  const doc = full()
  assert.deepEqual(await docs.set(doc), doc)
  assert.deepEqual(doc, full(), 'the input is left alone')
  assert.deepEqual(await docs.get('a'), doc)
  assert.deepEqual(await docs.getAll(['x', 'a']), [undefined, doc])
  assert.deepEqual(await docs.all(), [doc])
  assert.deepEqual(await docs.update({ id: 'a', more: 1 }), { ...doc, more: 1 })
  assert.deepEqual(await docs.update('a', { $inc: { big: 1n, int: 1 }, $unset: 'more' }), {
    ...doc,
    big: -(2n ** 63n) + 1n,
    int: 2n ** 53n + 2n,
  })
  const patched = await docs.update('a', {
    $set: {
      bytes: new Uint8Array(),
      'deep.bytes': new Uint8Array([7]),
      when: new Date(5),
      big: 0n,
    },
  })
  assert.deepEqual(patched.bytes, new Uint8Array())
  assert.deepEqual(patched.deep.bytes, new Uint8Array([7]))
  assert.deepEqual([patched.when, patched.big], [new Date(5), 0n])
  const row = await db.get('SELECT * FROM docs')
  assert.deepEqual(
    [row.bytes, row.when, row.big, row.copy],
    [new Uint8Array(), 5, 0, new Uint8Array([7])],
  )
  assert.deepEqual(docs.toObj([row])[0], patched)
  assert.deepEqual(await docs.get(0n, 'big'), patched)
  assert.deepEqual(await docs.get(new Date(5), 'when'), patched)
  await db.close()
})

test('what is nearly of the type is taken as it: buffers, milliseconds, whole numbers', async () => {
  const [db, docs] = open()
  const shared = new Uint16Array([1, 2, 3]).subarray(1)
  const made = await docs.set({ id: 'a', bytes: shared, when: 5, big: 7, int: 3n })
  assert.deepEqual(made, {
    id: 'a',
    bytes: new Uint8Array([2, 0, 3, 0]),
    when: new Date(5),
    big: 7n,
    int: 3,
  })
  assert.deepEqual(await docs.get('a'), made)
  assert.deepEqual(
    (await docs.set({ id: 'b', bytes: new ArrayBuffer(2) })).bytes,
    new Uint8Array(2),
  )
  await db.close()
})

test('what JSON cannot hold is refused with the path that holds it', async () => {
  const [db, docs] = open()
  const cycle = { id: 'a', x: { y: [] } }
  cycle.x.y.push(cycle.x)
  const refused = [
    [{ a: { b: [1, () => 1] } }, "'a.b[1]' is a function"],
    [{ a: Symbol('x') }, "'a' is a symbol"],
    [{ a: [Number.NaN] }, "'a[0]' is NaN"],
    [{ a: Number.POSITIVE_INFINITY }, "'a' is Infinity"],
    [{ a: { b: 1n } }, "'a.b' is a BigInt"],
    [{ a: new Uint8Array(1) }, "'a' is bytes"],
    [{ a: new Map([[1, 2]]) }, "'a' is a Map"],
    [{ a: [new Set()] }, "'a[0]' is a Set"],
    [{ a: Promise.resolve() }, "'a' is a Promise"],
    [{ a: /x/ }, "'a' is a RegExp"],
    [{ a: new Error('x') }, "'a' is an Error"],
    [{ a: new Float64Array(1) }, "'a' is a Float64Array"],
    [{ bytes: 'text' }, "'bytes' is a string, not a Uint8Array"],
    [{ bytes: { $bytes: 'AA==' } }, "'bytes' is an object, not a Uint8Array"],
    [{ when: '2020-01-01' }, "'when' is a string, not a Date"],
    [{ when: new Date('never') }, "'when' is an invalid Date, not a Date or milliseconds"],
    [{ big: 1.5 }, "'big' is a number, not a BigInt"],
    [{ big: 2n ** 63n }, "'big' is a BigInt, not a BigInt of at most 64 bits"],
    [{ int: 2n ** 64n }, "'int' is a BigInt"],
    [{ deep: { list: [0, { at: 'x' }] } }, "'deep.list[1].at' is a string"],
    [cycle, 'is in a cycle'],
    [{ a: 'x\ud800' }, "'a' has a lone surrogate"],
    [{ a: [{ 'k\udfff': 1 }] }, 'has a lone surrogate'],
  ]
  for (const [doc, message] of refused) {
    const error = await docs.set({ id: 'a', ...doc }).then(assert.fail, error => error)
    assert.equal(error.name, 'TypeError', message)
    assert.ok(
      error.message.startsWith('docs.set: ') && error.message.includes(message),
      `${error.message} | ${message}`,
    )
    await assert.rejects(docs.update('a', { $set: doc.id ? { x: doc.x } : doc }), TypeError)
  }
  await assert.rejects(docs.set(new Map()), TypeError)
  assert.equal(await docs.count(), 0)
  await db.close()
})

test('everything else is as JSON.stringify and JSON.parse have it', async () => {
  const [db, docs] = open()
  class Thing {
    own = 1
    get computed() {
      return 2
    }
    method() {}
  }
  const sparse = [1]
  sparse[3] = 4
  const given = {
    id: 'a',
    undefined: undefined,
    list: [undefined, null, sparse],
    date: new Date(5),
    boxed: [new Number(1), new String('s'), new Boolean(false)],
    thing: new Thing(),
    json: { toJSON: key => ({ key, toJSON: 1 }) },
    bare: Object.assign(Object.create(null), { x: 1 }),
    text: 'a"b\\c\u0000\u001f\u2028😀\\ud800',
    numbers: [0, -0, 1e21, 5e-324, 1.7976931348623157e308, 0.1],
    $bytes: 'AA==',
    tagged: { $bigint: '5' },
    [Symbol('s')]: 1,
  }
  const expected = JSON.parse(
    JSON.stringify({ ...given, json: { toJSON: key => ({ key, other: 1 }) } }),
  )
  given.json = { toJSON: key => ({ key, other: 1 }) }
  assert.deepEqual(await docs.set(given), expected)
  assert.deepEqual(await docs.get('a'), expected)
  await db.close()
})

test('a key __proto__ is a key, also for item classes and in patches', async () => {
  class Item {
    greet() {
      return `hi ${this.name}`
    }
  }
  const db = new DB()
  const docs = db.addModel(JsonModel, {
    name: 'docs',
    ItemClass: Item,
    columns: { constructor: { default: 'c' } },
  })
  const doc = JSON.parse(
    '{"id":"a","name":"n","__proto__":{"polluted":1},"deep":{"__proto__":{"x":1}}}',
  )
  for (const item of [
    await docs.set(doc),
    await docs.get('a'),
    (await docs.all())[0],
    await docs.update({ id: 'a' }),
  ]) {
    assert.ok(item instanceof Item)
    assert.equal(item.greet(), 'hi n')
    assert.equal(item.polluted, undefined)
    assert.deepEqual(Object.keys(item).sort(), ['__proto__', 'constructor', 'deep', 'id', 'name'])
    assert.equal(Object.hasOwn(item.deep, '__proto__'), true)
    assert.equal(item.deep.x, undefined)
  }
  const set = JSON.parse('{"__proto__.polluted":2,"deep.__proto__.x":2}')
  const patched = await docs.update('a', { $set: set })
  assert.equal(JSON.stringify(patched.deep), '{"__proto__":{"x":2}}')
  assert.equal({}.polluted, undefined)
  await db.close()
})

test('1,000 levels are stored, more are refused, however many', async () => {
  const [db, docs] = open()
  const nested = levels => {
    let doc = 1
    for (let i = 1; i < levels; i++) doc = i % 2 ? [doc] : { x: doc }
    return { id: 'a', doc }
  }
  const deepest = nested(1000)
  assert.deepEqual(JSON.stringify(await docs.set(deepest)), JSON.stringify(deepest))
  assert.equal(JSON.stringify(await docs.get('a')), JSON.stringify(deepest))
  for (const levels of [1001, 100_000])
    for (const write of [
      docs.set(nested(levels)),
      docs.update(nested(levels)),
      docs.update('a', { $set: { y: nested(levels) } }),
    ])
      await assert.rejects(write, {
        code: 'TOO_LARGE',
        message: /docs\.update|docs\.set: .*'.*…' is below 1000 levels/,
      })
  let objects = {}
  for (let i = 0; i < 1000; i++) objects = { objects }
  await assert.rejects(docs.set(objects), { code: 'TOO_LARGE' })
  assert.equal(JSON.stringify(await docs.get('a')), JSON.stringify(deepest))
  await db.close()
})

test('events carry bytes, dates and big integers', async () => {
  const db = new EventSourcingDB({ models: { docs: { columns } } })
  const { docs } = db.store
  const doc = full()
  assert.deepEqual(await docs.set(doc), doc)
  assert.deepEqual(
    await docs.update({ id: 'a', when: new Date(7), int: undefined }),
    (() => {
      const { int, ...rest } = doc
      return { ...rest, when: new Date(7) }
    })(),
  )
  assert.equal((await docs.update('a', { $inc: { big: 2n } })).big, -(2n ** 63n) + 2n)
  const before = await docs.get('a')
  await db.rebuild()
  assert.deepEqual(await docs.get('a'), before)
  await assert.rejects(docs.set({ id: 'b', f() {} }), TypeError)
  assert.throws(() => docs.event.set({ id: 'b', a: 1n }), TypeError)
  assert.equal(await docs.count(), 1)
  await db.close()
})
