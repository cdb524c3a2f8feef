// The types take everything that runs: values in another form that is stored as the same, and
// columns by their paths.
import { Column, DB, JsonModel, type Page, type Untyped } from 'tidelog'
import { exactly, some } from './exactly.js'

const db = new DB()
const things = db.addModel(JsonModel, {
  name: 'things',
  columns: {
    id: { type: 'INTEGER' },
    n: { type: 'INTEGER' },
    ratio: { type: 'REAL' },
    big: { type: 'BIGINT' },
    bytes: { type: 'BLOB' },
    list: { type: 'INTEGER', isArray: true },
    city: { type: 'TEXT', path: 'address.city' },
    stars: { type: 'INTEGER', path: 'marks.stars' },
    whole: { type: 'JSON', path: 'marks.more' },
    owner: { type: 'TEXT', foreignKey: 'owners' },
  },
})

// values
await things.set({ id: 2n ** 60n, n: 2n ** 60n, big: 5, bytes: new ArrayBuffer(2) })
await things.set({ bytes: new DataView(new ArrayBuffer(2)), list: [1], n: null })
await things.set([{ n: 5n }, { n: 6 }])
await things.update({ id: 5n, n: 2n ** 60n, big: 5, bytes: new ArrayBuffer(2) })
exactly<number | undefined>()(some(await things.get(5)).n)
exactly<bigint | undefined>()(some(await things.get(5)).big)
exactly<Uint8Array | undefined>()(some(await things.get(5)).bytes)
// @ts-expect-error a BigInt is no REAL
await things.set({ ratio: 5n })
// @ts-expect-error text is no INTEGER
await things.set({ n: '5' })
// @ts-expect-error a list of numbers is no bytes
await things.set({ bytes: [1, 2] })
// @ts-expect-error an array of an INTEGER column is no BigInt
await things.set({ list: 5n })

// paths of declared columns, and below them
await things.search({ 'address.city': 'Kiel', 'marks.stars': { $gt: 3 } })
await things.search(
  { 'marks.more.deep[0]': 'any' },
  { sort: { 'address.city': 1, 'marks.more.x': -2 } },
)
await things.count({ $or: [{ 'address.city': { $like: 'K%' } }, { city: 'Kiel' }] })
// @ts-expect-error a city is text
await things.search({ 'address.city': 5 })
// @ts-expect-error stars are numbers
await things.search({ 'marks.stars': { $gt: 'x' } })
// @ts-expect-error there is no such path
await things.search({ 'address.town': 'Kiel' })
// @ts-expect-error nor one to sort by
await things.search({}, { sort: { 'address.town': 1 } })

// SQL has the name that it says
const counted = await things.searchAll(
  {},
  { cols: ['n', 'count(*) AS many', 'max(tbl.n)', 'sum(tbl.n)as s'] },
)
const row = some(counted[0])
exactly<Untyped>()(row.many)
exactly<Untyped>()(row.s)
exactly<Untyped>()(row['max(tbl.n)'])
exactly<number | undefined>()(row.n)
// @ts-expect-error its SQL is no name then
row['count(*) AS many']
const cast = some(
  await things.searchOne({}, { cols: ['CAST(tbl.n AS TEXT)', 'CAST(tbl.n AS TEXT) AS t'] }),
)
exactly<Untyped>()(cast['CAST(tbl.n AS TEXT)'])
exactly<Untyped>()(cast.t)
// @ts-expect-error the type of a cast is no name
cast.TEXT
exactly<Page<{ many?: Untyped }>>()(await things.search({}, { cols: ['count(*) AS many'] }))

// figures
await things.sum('n', { n: 1 }, { join: 'JOIN x ON 1', where: { 'tbl.n > ?': [1] }, limit: 5 })
// @ts-expect-error they are of all numbers
await things.sum('n', {}, { distinct: true })
// @ts-expect-error and of no other column
await things.numAggOp('MAX', 'n', {}, { cols: ['ratio'] })

// @ts-expect-error a foreign key is a model's name or more
db.addModel(JsonModel, { name: 'x', columns: { a: { type: 'TEXT', foreignKey: 5 } } })

// driftdb's records
const users = db.define('users', {
  big: Column.bigint().required(),
  n: Column.integer(),
  at: Column.date(),
  bytes: Column.blob(),
})
const user = await users.create({ big: 5, n: 2n ** 60n, at: 7, bytes: new ArrayBuffer(1) })
exactly<bigint>()(user.big)
exactly<Date | null>()(user.at)
await users.update({ id: user.id }, { big: 6, at: 8, bytes: new ArrayBuffer(1) })
// @ts-expect-error text is no BigInt
await users.create({ big: '5' })
