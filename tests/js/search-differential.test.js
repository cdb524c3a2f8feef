// Searches, sorts, pages both ways, counts, figures and distinct values against a naive model, over
// random models and documents. SEED=n runs another series, CASES=n more or fewer; a failure is made
// small and printed.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DB, JsonModel } from 'tidelog'
import * as naive from './naive.js'
import { attrs, documents, model, random, sort } from './search-cases.js'

const SEED = Number(process.env.SEED ?? 4)
const CASES = Number(process.env.CASES ?? 20_000)
const PER_MODEL = 120

async function opened(columns, docs) {
  const db = new DB()
  const things = db.addModel(JsonModel, { name: 'things', columns: forEngine(columns) })
  await things.set(docs)
  return [db, things]
}

const forEngine = columns =>
  Object.fromEntries(
    Object.entries(columns).map(([name, { naive: _, ...column }]) => [name, column]),
  )

const ids = items => items.map(item => item.id)

/** The questions: each asks the package and the naive model, and says what differs. */
const QUESTIONS = {
  async whole(things, columns, docs, { attrs, sort }) {
    const found = await things.search(attrs, { sort })
    const expected = naive.search(columns, docs, attrs, sort)
    assert.deepEqual(ids(found.items), ids(expected))
    assert.deepEqual(
      [found.total, found.cursor, found.prevCursor],
      [expected.length, undefined, undefined],
    )
  },
  async window(things, columns, docs, { attrs, sort, limit, offset }) {
    const found = await things.search(attrs, { sort, limit, offset })
    const expected = ids(naive.search(columns, docs, attrs, sort))
    const end = limit ? offset + limit : undefined
    assert.deepEqual(ids(found.items), expected.slice(offset, end))
    assert.equal(found.total, expected.length)
    if (limit && found.items.length) {
      assert.equal(found.cursor !== undefined, end < expected.length, 'cursor')
      assert.equal(found.prevCursor !== undefined, offset > 0, 'prevCursor')
    }
  },
  async walk(things, columns, docs, { attrs, sort, limit }) {
    const expected = ids(naive.search(columns, docs, attrs, sort))
    const size = limit || 2
    let page = await things.search(attrs, { sort, limit: size })
    let from = 0
    assert.equal(page.prevCursor, undefined)
    for (;;) {
      assert.deepEqual(ids(page.items), expected.slice(from, from + size), `page at ${from}`)
      assert.equal(page.total, expected.length)
      assert.equal(page.cursor !== undefined, from + size < expected.length, `cursor at ${from}`)
      if (!page.cursor) break
      if (from === 0) {
        assert.equal(
          await things.count(attrs, { sort, cursor: page.cursor }),
          expected.length - size,
        )
      }
      page = await things.search(attrs, { sort, limit: size, cursor: page.cursor })
      assert.notEqual(page.prevCursor, undefined)
      from += size
    }
    while (page.prevCursor) {
      page = await things.search(attrs, { sort, limit: size, cursor: page.prevCursor })
      from -= size
      assert.deepEqual(ids(page.items), expected.slice(from, from + size), `page back at ${from}`)
      assert.notEqual(page.cursor, undefined)
    }
    assert(from <= 0, 'came back to the start')
  },
  async count(things, columns, docs, { attrs }) {
    const expected = naive.search(columns, docs, attrs).length
    assert.equal(await things.count(attrs), expected)
    assert.equal(await things.exists(attrs), expected > 0)
  },
  async figure(things, columns, docs, { attrs, op, name }) {
    const answer = await things[op](name, attrs)
    const found = answer === null ? null : Number(answer)
    const expected = naive.figure(columns, docs, op, name, attrs)
    // in what order doubles are added is nobody's promise
    if (found !== null && expected !== null && ['sum', 'avg'].includes(op)) {
      const ends = ['max', 'min'].map(end =>
        Math.abs(naive.figure(columns, docs, end, name, attrs)),
      )
      assert(Math.abs(found - expected) <= Math.max(...ends) * 1e-14, `${found} is not ${expected}`)
    } else assert.equal(found, expected)
  },
  async distinct(things, columns, docs, { attrs, name }) {
    if (columns[name].collate || ['JSON'].includes(columns[name].type) || columns[name].falsyBool)
      return
    const found = await things.search(attrs, { cols: [name], distinct: true, sort: { [name]: 1 } })
    const expected = naive.distinct(columns, docs, name, attrs)
    assert.equal(found.items.length, expected.length)
    assert.equal(found.total, expected.length)
  },
}
const FIGURES = ['max', 'min', 'sum', 'avg']

/** Asks; gives the error instead of throwing it. */
async function ask(columns, docs, question) {
  const [db, things] = await opened(columns, docs)
  try {
    await QUESTIONS[question.kind](things, columns, docs, question)
  } catch (error) {
    return error
  } finally {
    await db.close()
  }
}

/** Leaves out documents, conditions and sort keys as long as it still fails. */
async function shrink(columns, docs, question) {
  let smallest = { docs, question }
  for (let again = true; again; ) {
    again = false
    for (const next of smaller(smallest)) {
      if (next.docs.length && (await ask(columns, next.docs, next.question))) {
        smallest = next
        again = true
        break
      }
    }
  }
  return smallest
}

function* smaller({ docs, question }) {
  for (let i = 0; i < docs.length; i += 1) yield { docs: docs.toSpliced(i, 1), question }
  for (const doc of docs)
    for (const key of Object.keys(doc))
      if (key !== 'id') yield { docs: docs.map(d => (d === doc ? without(d, key) : d)), question }
  for (const part of ['attrs', 'sort'])
    for (const key of Object.keys(question[part] ?? {}))
      yield { docs, question: { ...question, [part]: without(question[part], key) } }
  for (const [key, value] of Object.entries(question.attrs)) {
    const inner = ['$and', '$or'].includes(key) ? value : key === '$not' ? [value] : []
    for (const attrs of inner) yield { docs, question: { ...question, attrs } }
    for (let i = 0; i < inner.length && key !== '$not'; i += 1)
      yield {
        docs,
        question: { ...question, attrs: { ...question.attrs, [key]: value.toSpliced(i, 1) } },
      }
  }
}

const without = (object, key) =>
  Object.fromEntries(Object.entries(object).filter(([k]) => k !== key))

function question(r, made) {
  const names = Object.keys(made.kinds)
  return {
    kind: r.one(['whole', 'window', 'window', 'walk', 'walk', 'count', 'figure', 'distinct']),
    attrs: attrs(r, made),
    sort: sort(r, made),
    limit: r.below(6),
    offset: r.below(4),
    op: r.one(FIGURES),
    name: r.one(names),
  }
}

test(`${CASES} random questions have the naive model's answers`, async () => {
  const seen = new Map()
  let found = 0
  for (let asked = 0, seed = SEED * 1_000_000; asked < CASES; seed += 1) {
    const r = random(seed)
    const made = model(r)
    made.columns.double.naive = doc =>
      typeof doc.integer === 'number' ? doc.integer * 2 : undefined
    const docs = documents(r, made)
    const [db, things] = await opened(made.columns, docs)
    for (let i = 0; i < PER_MODEL && asked < CASES; i += 1, asked += 1) {
      const given = question(r, made)
      try {
        await QUESTIONS[given.kind](things, made.columns, docs, given)
      } catch (error) {
        const small = await shrink(made.columns, docs, given)
        const again = (await ask(made.columns, small.docs, small.question)) ?? error
        const shown = JSON.stringify({ columns: made.columns, ...small }, null, 1)
        assert.fail(`seed ${seed}, question ${i}: ${again.message}\n${shown}`)
      }
      seen.set(given.kind, (seen.get(given.kind) ?? 0) + 1)
      if (naive.search(made.columns, docs, given.attrs).length) found += 1
    }
    await db.close()
  }
  // a test whose questions find nothing would agree about everything
  assert(found > CASES / 4, `only ${found} of ${CASES} questions found something`)
  for (const kind of Object.keys(QUESTIONS))
    assert(seen.get(kind) > CASES / 20, `${kind}: ${seen.get(kind)}`)
})
