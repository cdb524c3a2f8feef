// Hostile names, paths and values against a naive model, a Map in memory: a typed error, or the
// same answer. Seeded: a failure prints its seed, and `HOSTILE_SEED=n` runs that one alone;
// `HOSTILE_SEEDS=n HOSTILE_FIRST=m` runs n of them from m on.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DB, EventSourcingDB, JsonModel } from 'tidelog'

const SEEDS = Number(process.env.HOSTILE_SEEDS ?? 150)
const FIRST = Number(process.env.HOSTILE_FIRST ?? 1)
const STEPS = 40

/** mulberry32 */
const random = seed => {
  let a = seed
  return below => {
    a = (a + 0x6d2b79f5) | 0
    let t = Math.imul(a ^ (a >>> 15), 1 | a)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 4294967296) * below)
  }
}

const NAMES = [
  ...[
    'a',
    'b',
    'id ',
    'json',
    'rowId',
    '__proto__',
    'constructor',
    'toString',
    'hasOwnProperty',
    'length',
    '$set',
  ],
  ...[
    "o'brien",
    'q"uote',
    'back\\slash',
    'n\u0000ul',
    'new\nline',
    '',
    ' ',
    '%',
    '日本',
    '😀',
    'é',
    '$aside',
    '0',
    '-1',
  ],
  ...['a.b', 'a[0]', "'); DROP TABLE docs; --", '\u2028', 'x\ud800'],
]
const PATHS = [
  'a',
  'a.b',
  'a[0]',
  'a[1].b',
  'b',
  'b.__proto__.x',
  'constructor.prototype',
  'deep.er.est',
  '日本.é',
  'a..b',
  'a[',
  '',
  "o'brien",
]
const TEXTS = [
  '',
  'x',
  "'",
  '"',
  '\u0000',
  'a\u0000b',
  '\\',
  '\\u0000',
  '\ud83d\ude00',
  '\udc00',
  'null',
  '7',
  '{"a":1}',
  '\n',
  '\u007f\u0080',
]
const NUMBERS = [
  0,
  -0,
  1,
  -1,
  0.1,
  1e21,
  -1e-7,
  2 ** 31,
  2 ** 53,
  -(2 ** 53) - 2,
  2 ** 63,
  Number.MAX_VALUE,
  5e-324,
]

const make = pick => {
  const one = list => list[pick(list.length)]
  const value = depth => {
    const kind = pick(depth > 3 ? 6 : 9)
    if (kind === 0) return null
    if (kind === 1) return pick(2) === 0
    if (kind <= 3) return one(NUMBERS)
    if (kind <= 5)
      return pick(40) === 0 ? one([() => 1, 1n, Number.NaN, new Map(), undefined]) : one(TEXTS)
    if (kind === 6) return Array.from({ length: pick(4) }, () => value(depth + 1))
    return object(depth + 1)
  }
  const object = depth => {
    const made = {}
    for (let i = pick(5); i > 0; i--)
      Object.defineProperty(made, one(NAMES), {
        value: value(depth),
        enumerable: true,
        configurable: true,
        writable: true,
      })
    return made
  }
  return { one, value, object }
}

/** Typed: nothing that a bug of ours would throw. */
const CODES = ['BAD_VALUE', 'BAD_NAME', 'ENOENT', 'TOO_LARGE', 'SQLITE_CONSTRAINT_UNIQUE', 'EEXIST']
const typed = error => {
  if (error.name === 'TypeError') assert.match(error.message, /^docs\.\w+: /, error.stack)
  else assert.ok(error.name === 'TidelogError' && CODES.includes(error.code), error.stack)
}

/** The store's behaviour over a Map; throws where the store must refuse. */
class Naive {
  docs = new Map()
  set(doc) {
    this.docs.set(doc.id, json(doc))
  }
  update(part) {
    const old = this.docs.get(part.id)
    if (!old) throw new Error('ENOENT')
    const entries = new Map(Object.entries(old))
    for (const [key, value] of Object.entries(part)) {
      if (value === null || value === undefined) entries.delete(key)
      else entries.set(key, value)
    }
    this.docs.set(part.id, json(fromEntries(entries)))
  }
  patch(id, path, operator, value) {
    const old = this.docs.get(id)
    if (!old) throw new Error('ENOENT')
    const steps = path.split('.').flatMap(part => {
      const [, name, rest] = /^([^[\]]+)((?:\[\d+\])*)$/.exec(part)
      return [name, ...[...rest.matchAll(/\d+/g)].map(Number)]
    })
    this.docs.set(id, json(changed(old, steps, operator, value)))
  }
}

const fromEntries = entries => {
  const made = {}
  for (const [key, value] of entries)
    Object.defineProperty(made, key, {
      value,
      enumerable: true,
      configurable: true,
      writable: true,
    })
  return made
}

/** The value as JSON makes it; refuses one that JSON cannot hold. */
const json = value => {
  const text = JSON.stringify(value, (_, inner) => {
    const bad =
      ['function', 'bigint', 'symbol'].includes(typeof inner) ||
      Number.isNaN(inner) ||
      inner instanceof Map
    if (bad) throw new TypeError('not JSON')
    return inner
  })
  if (/(?<!\\)(?:\\\\)*\\ud[89a-f]/.test(text)) throw new TypeError('lone surrogate')
  return JSON.parse(text)
}

function changed(old, [step, ...rest], operator, value) {
  const missing = old === undefined || old === null
  if (step === undefined) {
    if (operator === '$set') return value
    if (operator === '$unset') return undefined
    if (operator === '$push') {
      if (!missing && !Array.isArray(old)) throw new Error('not an array')
      return [...(old ?? []), value]
    }
    if (!missing && typeof old !== 'number') throw new Error('not a number')
    if (!Number.isFinite((old ?? 0) + value)) throw new Error('too large')
    return (old ?? 0) + value
  }
  const isArray = typeof step === 'number'
  if (!missing && (typeof old !== 'object' || Array.isArray(old) !== isArray))
    throw new Error('in the way')
  const has = !missing && Object.hasOwn(old, step)
  const inner = changed(has ? old[step] : undefined, rest, operator, value)
  if (isArray) {
    const list = [...(old ?? [])]
    if (has) list[step] = inner ?? null
    else if (inner !== undefined) {
      if (step > list.length) throw new Error('beyond')
      list.push(inner)
    }
    return missing && !list.length ? old : list
  }
  const entries = new Map(Object.entries(old ?? {}))
  if (inner === undefined) entries.delete(step)
  else entries.set(step, inner)
  return missing && !entries.size ? old : fromEntries(entries)
}

async function agree(what, theirs, ours) {
  let refused
  try {
    theirs()
  } catch (error) {
    refused = error
  }
  const done = await ours().then(
    value => ({ value }),
    error => ({ error }),
  )
  if (refused) {
    assert.ok(done.error, `${what}: should be refused: ${refused.message}`)
    typed(done.error)
    return 'refused'
  }
  assert.ok(!done.error, `${what}: ${done.error?.stack}`)
  return 'done'
}

async function run(seed, docs, counts) {
  const pick = random(seed)
  const { one, object, value } = make(pick)
  const naive = new Naive()
  const ids = ['', 'x', "'", '\u0000', '__proto__', '😀', ' ', '7']
  for (let step = 0; step < STEPS; step++) {
    const id = one(ids)
    const what = `seed ${seed}, step ${step}`
    const kind = pick(6)
    let outcome
    if (kind <= 1) {
      const doc = { ...object(0), id }
      outcome = await agree(
        what,
        () => naive.set(doc),
        () => docs.set(doc),
      )
    } else if (kind === 2) {
      const part = { ...object(0), id }
      outcome = await agree(
        what,
        () => naive.update(part),
        () => docs.update(part),
      )
    } else if (kind <= 4) {
      const [operator, path] = [one(['$set', '$unset', '$inc', '$push']), one(PATHS)]
      const given = operator === '$inc' ? one(NUMBERS) : (value(1) ?? null)
      const change = { [operator]: operator === '$unset' ? path : { [path]: given } }
      outcome = await agree(
        `${what} ${id} ${operator} ${path}`,
        () => naive.patch(id, path, operator, given),
        () => docs.update(id, change),
      )
    } else {
      naive.docs.delete(id)
      await docs.remove(id)
      outcome = 'done'
    }
    counts[outcome] = (counts[outcome] ?? 0) + 1
    same(await docs.get(id), naive.docs.get(id), what)
  }
  const all = await docs.getAll(ids)
  for (const [i, id] of ids.entries()) same(all[i], naive.docs.get(id), `seed ${seed} at its end`)
  assert.equal(await docs.count(), naive.docs.size)
}

/** Sums of integers beyond 2^53 are exact in ours and rounded in JavaScript's. */
const rounded = (_, value) =>
  typeof value === 'number' && Math.abs(value) >= 2 ** 53 ? value.toPrecision(12) : value
const sorted = value => {
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map(sorted)
  return Object.keys(value)
    .sort()
    .map(key => [key, sorted(value[key])])
}
const same = (ours, theirs, what) =>
  assert.equal(JSON.stringify(sorted(ours), rounded), JSON.stringify(sorted(theirs), rounded), what)

const columns = {
  a: { type: 'JSON' },
  virtual: { path: 'b', index: true },
  nested: { path: 'deep.er', type: 'JSON', index: true },
  weird: { path: '日本.é', type: 'JSON' },
  copy: { path: "o'brien", type: 'JSON', get: false },
}
const surfaces = {
  'a plain model': () => {
    const db = new DB()
    return [db, db.addModel(JsonModel, { name: 'docs', columns })]
  },
  'an event model': () => {
    const db = new EventSourcingDB({ models: { docs: { columns } } })
    return [db, db.store.docs]
  },
}
const only = Number(process.env.HOSTILE_SEED)
for (const [name, open] of Object.entries(surfaces)) {
  test(`${name} agrees with a Map over hostile documents, or refuses with a type`, async () => {
    const counts = {}
    const [db, docs] = open()
    for (const seed of only ? [only] : Array.from({ length: SEEDS }, (_, i) => FIRST + i)) {
      await run(seed, docs, counts)
      await docs.removeWhere({})
    }
    if (!only)
      for (const outcome of ['done', 'refused'])
        assert.ok(counts[outcome] > SEEDS * 3, `${outcome}: ${counts[outcome]}`)
    await db.close()
  })
}

test('hostile names of models, columns and ids are refused, or only names', async () => {
  for (const name of NAMES) {
    const db = new DB()
    try {
      const docs = db.addModel(JsonModel, {
        name: name || 'x',
        idCol: 'key',
        columns: { [name]: { type: 'TEXT', index: true }, v: { path: name } },
      })
      const doc = fromEntries([
        ['key', 'k'],
        [name, 'value'],
      ])
      assert.deepEqual(await docs.set(doc), doc, name)
      assert.deepEqual(await docs.get('value', name), doc, name)
      assert.deepEqual(await docs.searchAll(fromEntries([[name, 'value']])), [doc], name)
      assert.equal(await docs.count(), 1)
    } catch (error) {
      if (error.name !== 'TypeError')
        assert.ok(['BAD_NAME', 'UNKNOWN_COLUMN'].includes(error.code), `${name}: ${error.stack}`)
      else
        assert.match(
          error.message,
          /path|column|lone surrogate|reserved|name must be|has only/,
          `${name}: ${error.stack}`,
        )
    }
    await db.close().catch(() => {})
  }
})

test('a document of a million keys is written, merged, patched and read', async () => {
  const db = new DB({ durability: 'relaxed' })
  const docs = db.addModel(JsonModel, { name: 'docs', columns: { k5: { type: 'INTEGER' } } })
  const doc = { id: 'a' }
  for (let i = 0; i < 1e6; i++) doc[`k${i}`] = i
  await docs.set(doc, false, true)
  const part = { id: 'a' }
  for (let i = 0; i < 1e6; i += 2) part[`k${i}`] = i % 4 ? null : 'even'
  const merged = await docs.update(part)
  assert.equal(Object.keys(merged).length, 1 + 750_000)
  assert.deepEqual([merged.k0, merged.k1, merged.k2, merged.k5], ['even', 1, undefined, 5])
  const changed = await docs.update('a', { $inc: { k5: 1, k999999: 1 } })
  assert.deepEqual([changed.k5, changed.k999999], [6, 1_000_000])
  await db.close()
})
