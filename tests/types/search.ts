// The searches that a model takes, and their results.
import { DB, JsonModel, type Page, type Untyped } from 'tidelog'
import { exactly, some } from './exactly.js'

const db = new DB()
const notes = db.addModel(JsonModel, {
  name: 'notes',
  columns: {
    title: { type: 'TEXT', index: true },
    body: { type: 'TEXT', fts: true },
    stars: { type: 'INTEGER' },
    due: { type: 'DATE' },
    big: { type: 'BIGINT' },
    done: { falsyBool: true },
    meta: { type: 'JSON' },
    tags: { type: 'JSON', isArray: true },
    anyTag: { path: 'tags', isAnyOfArray: true, get: false },
    kind: { type: 'TEXT', in: true },
    part: { type: 'TEXT', textSearch: true },
    near: { sql: 'abs(tbl.stars)', where: (value: number) => `abs(tbl.stars) < ${value}` },
    free: { index: true },
  },
})
type Note = NonNullable<Awaited<ReturnType<typeof notes.get>>>

// values
await notes.search({
  title: 'a',
  stars: 5,
  due: new Date(),
  done: false,
  kind: ['a', 'b'],
  part: 'x',
  near: 3,
})
await notes.search({ title: null, stars: undefined })
await notes.search({ tags: 'one', anyTag: ['a', 'b'], free: { whatever: 1 } })
await notes.search({ 'meta.city': 'Kiel', 'tags[0]': 'one' })
// operators
await notes.search({
  stars: { $gt: 1, $lte: 5 },
  title: { $like: 'a%' },
  due: { $between: [new Date(1), new Date(2)] },
})
await notes.search({
  stars: { $in: [1, null], $ne: 2, $exists: true },
  big: { $gte: 5n },
  done: { $null: true },
})
await notes.search({ body: { $match: 'sea tide' }, title: { $glob: 'A*', $eq: null } })
await notes.search({ body: { $match: { query: 'sea NOT tide' } } }, { sort: { $rank: 1 } })
await notes.search({ $match: { words: 'sea ti', prefix: true } })
await notes.search({
  tags: { $contains: 'a', $containsAll: ['a'], $containsAny: ['b'] },
  meta: { $contains: 5 },
})
await notes.search({ $or: [{ stars: 1 }, { $not: { title: 'a' } }], $and: [{ stars: { $lt: 9 } }] })

// @ts-expect-error there is no such column
await notes.search({ titel: 'a' })
// @ts-expect-error stars are numbers
await notes.search({ stars: 'five' })
// @ts-expect-error a title is text
await notes.search({ title: 5 })
// @ts-expect-error due is a Date
await notes.search({ due: 'today' })
// @ts-expect-error numbers are not LIKE anything
await notes.search({ stars: { $like: '5%' } })
// @ts-expect-error there is no such operator
await notes.search({ stars: { $gtt: 5 } })
// @ts-expect-error $between takes two
await notes.search({ stars: { $between: [1] } })
// @ts-expect-error the operand has the column's type
await notes.search({ stars: { $gt: 'x' } })
// @ts-expect-error $in takes an array
await notes.search({ stars: { $in: 5 } })
// @ts-expect-error a title has no full-text index
await notes.search({ title: { $match: 'sea' } })
// @ts-expect-error kind is searched by an array
await notes.search({ kind: 'a' })
// @ts-expect-error part is searched by text
await notes.search({ part: ['x'] })
// @ts-expect-error near's own function takes a number
await notes.search({ near: 'x' })
// @ts-expect-error inside $or, too
await notes.search({ $or: [{ titel: 1 }] })
// @ts-expect-error inside $not, too
await notes.search({ $not: { stars: 'x' } })
// @ts-expect-error a deep path begins with a column
await notes.search({ 'nope.city': 'Kiel' })
// @ts-expect-error counts have the same conditions
await notes.count({ titel: 'a' })

// options
await notes.search(
  {},
  {
    limit: 5,
    offset: 1,
    sort: { stars: -1, id: 2, 'meta.city': 3 },
    noTotal: true,
    distinct: true,
  },
)
await notes.search(
  {},
  { where: { 'tbl.stars > ?': [1] }, join: 'JOIN x ON 1', joinVals: [1], cursor: 'abc' },
)
// @ts-expect-error there is no such column to sort by
await notes.search({}, { sort: { titel: 1 } })
// @ts-expect-error a direction is a number
await notes.search({}, { sort: { title: 'ASC' } })
// @ts-expect-error there is no such option
await notes.search({}, { limt: 1 })
// @ts-expect-error a limit is a number
await notes.search({}, { limit: '5' })

// results
exactly<Page<Note>>()(await notes.search())
exactly<Page<Note>>()(await notes.search({ title: 'a' }, { limit: 5 }))
exactly<Note[]>()(await notes.search({}, { itemsOnly: true }))
exactly<Note[]>()(await notes.searchAll({ stars: 1 }))
exactly<Note | undefined>()(await notes.searchOne())
const page = await notes.search({}, { limit: 1 })
exactly<string | undefined>()(page.cursor)
exactly<string | undefined>()(page.prevCursor)
exactly<number | undefined>()(page.total)
for await (const rows of notes.live({ stars: { $gt: 1 } })) exactly<Note[]>()(rows)

// chosen columns
const rows = await notes.searchAll({}, { cols: ['title', 'stars', 'count(*)'] })
exactly<string | undefined>()(some(rows[0]).title)
exactly<number | undefined>()(some(rows[0]).stars)
exactly<Untyped>()(some(rows[0])['count(*)'])
// @ts-expect-error a column that was not asked for
some(rows[0]).body
exactly<string | undefined>()((await notes.searchOne({}, { cols: ['title'] }))?.title)
const placed = await notes.searchOne({}, { cols: ['title', 'anyTag'] })
exactly<string | undefined>()(some(placed).title)
exactly<Untyped[] | undefined>()(some(placed).tags)

// snippets
const found = await notes.search(
  { body: { $match: 'sea' } },
  { snippet: { body: { before: '<b>', after: '</b>' } } },
)
exactly<string>()(some(found.items[0]).$snippet.body)
// none where nothing was looked for
exactly<number | undefined>()(some(found.items[0]).$rank)

const plan = await notes.explain({ stars: 1 })
exactly<string[]>()(plan.plan)

// by the document where no columns are known
interface Thing {
  id: number
  name: string
  size?: number
  tags: string[]
}
const things = db.addModel(JsonModel<Thing>, { name: 'things' })
await things.search(
  { name: { $like: 'a%' }, size: { $gt: 5 }, tags: { $contains: 'x' } },
  { sort: { size: -1 } },
)
// @ts-expect-error a size is a number
await things.search({ size: { $gt: 'x' } })
// @ts-expect-error there is no such property
await things.search({ sizes: 5 })
// @ts-expect-error there is no such property to sort by
await things.search({}, { sort: { sizes: 1 } })
