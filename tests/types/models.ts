// Documents and what `set` takes, inferred from a definition.
import { DB, type DocOf, JsonModel, type ModelOptions, type Untyped } from 'tidelog'
import { exactly, some } from './exactly.js'

const db = new DB({ file: ':memory:' })

const things = db.addModel(JsonModel, {
  name: 'things',
  columns: {
    id: { type: 'INTEGER', autoIncrement: true },
    name: { type: 'TEXT', required: true },
    kind: { default: 'plain', index: true },
    count: { type: 'INTEGER', default: 0 },
    ratio: { type: 'REAL' },
    done: { falsyBool: true },
    due: { type: 'DATE' },
    body: { type: 'BLOB' },
    big: { type: 'BIGINT' },
    meta: { type: 'JSON', alwaysObject: true },
    tags: { type: 'JSON', isArray: true },
    slug: { index: true, slugValue: (doc: { name: string }) => doc.name },
    upper: { value: (doc: { name: string }) => doc.name.toUpperCase() },
    loose: { value: doc => String(doc.name) },
    later: { value: async (): Promise<number | undefined> => 5 },
    pair: {
      type: 'TEXT',
      parse: (text: string) => text.split(','),
      stringify: (pair: string[]) => pair.join(),
    },
    city: { path: 'meta2.address.city', type: 'TEXT', get: false },
    made: ({ columnName }) => ({ type: 'TEXT', alias: columnName }) as const,
    free: { index: true },
    off: undefined,
  },
})

const thing = some(await things.get(5))
exactly<number>()(thing.id)
exactly<string>()(thing.name)
exactly<string>()(thing.kind)
exactly<number>()(thing.count)
exactly<number | undefined>()(thing.ratio)
exactly<true | undefined>()(thing.done)
exactly<Date | undefined>()(thing.due)
exactly<Uint8Array | undefined>()(thing.body)
exactly<bigint | undefined>()(thing.big)
exactly<string>()(thing.slug)
exactly<string>()(thing.upper)
exactly<string>()(thing.loose)
exactly<number | undefined>()(thing.later)
exactly<string[] | undefined>()(thing.pair)
exactly<string | undefined>()(thing.meta2?.address?.city)
exactly<string | undefined>()(thing.made)
// documents are the caller's to change
thing.count = 5
// @ts-expect-error but within their types
thing.count = 'x'
// what is not declared is the application's
exactly<Untyped>()(thing.whatever)
exactly<Untyped>()(thing.free)

const stored = await things.set({
  name: 'a',
  count: 2,
  due: new Date(),
  tags: ['x'],
  done: false,
  extra: [1],
})
exactly<typeof thing>()(stored)
exactly<(typeof thing)[]>()(await things.set([{ name: 'a' }, { name: 'b', id: 7 }]))
exactly<(typeof thing | undefined)[]>()(await things.getAll([1, 2]))
exactly<typeof thing | undefined>()(await things.getCached({}, 5))
exactly<(typeof thing)[]>()(await things.all())
exactly<typeof thing>()(await things.update({ id: 5, ratio: null, due: undefined }))
exactly<typeof thing>()(
  await things.update(5, {
    $inc: { count: 1 },
    $set: { 'meta.a': 1 },
    $unset: ['x'],
    $push: { tags: 'y' },
  }),
)
exactly<number>()(await things.updateWhere({ count: 1 }, { $inc: { count: 1 } }))
exactly<number>()(await things.updateWhere({ count: 1 }, old => ({ ...old, count: old.count + 1 })))
exactly<number>()(await things.removeWhere({ done: true }))
exactly<number>()(await things.count({ name: 'a' }))
exactly<number | bigint | null>()(await things.max('count'))
exactly<boolean>()(await things.exists(5))
const { changes } = await things.set({ name: 'a' }, false, true)
exactly<number>()(changes)
await things.each({ count: 1 }, { concurrent: 2, batchSize: 10, limit: 100 }, (item, i) => {
  exactly<typeof thing>()(item)
  exactly<number>()(i)
})
things.clearCache({}).prime(5, thing)
const [text] = things.makeSelect({ attrs: { count: 1 }, limit: 1 })
exactly<string>()(text)

// @ts-expect-error a name is required
await things.set({ count: 1 })
// @ts-expect-error a name is text
await things.set({ name: 5 })
// @ts-expect-error a count is a number
await things.set({ name: 'a', count: '2' })
// @ts-expect-error a date is a Date
await things.set({ name: 'a', due: '2020-01-01' })
// @ts-expect-error bytes are a Uint8Array
await things.set({ name: 'a', body: 'bytes' })
// @ts-expect-error a BIGINT is no text
await things.set({ name: 'a', big: '5' })
// @ts-expect-error in one of many, too
await things.set([{ name: 'a' }, { name: 6 }])
// @ts-expect-error an update has the same types
await things.update({ id: 5, count: 'x' })
// @ts-expect-error there is no such patch
await things.update(5, { $add: { count: 1 } })
// @ts-expect-error $inc adds numbers
await things.update(5, { $inc: { count: 'x' } })
// @ts-expect-error there is no such column
await things.max('cuont')

// other ids
const byName = db.addModel(JsonModel, {
  name: 'by',
  idCol: 'name',
  columns: { n: { type: 'INTEGER' } },
})
exactly<string | undefined>()((await byName.get('a'))?.name)
const plain = db.addModel(JsonModel, { name: 'plain' })
exactly<string | undefined>()((await plain.get('a'))?.id)

// a schema says the document
const checked = db.addModel(JsonModel, {
  name: 'checked',
  validate: {
    '~standard': {
      version: 1,
      vendor: 'own',
      validate: value => ({ value: value as { title: string; stars: number } }),
      types: undefined as
        | { input: { title: string; stars?: number }; output: { title: string; stars: number } }
        | undefined,
    },
  },
})
const one = some(await checked.get('a'))
exactly<string>()(one.title)
exactly<number>()(one.stars)
await checked.set({ title: 'a' })
// @ts-expect-error the schema's input needs a title
await checked.set({ stars: 5 })

// a class that says its document
interface Thing {
  id: number
  title: string
  size?: number
}
class Titled extends JsonModel<Thing> {
  constructor(options: ModelOptions) {
    super({
      ...options,
      name: 'titled',
      columns: { id: { type: 'INTEGER' }, size: { type: 'INTEGER', index: true } },
    })
  }
  longest() {
    return this.searchOne({}, { sort: { size: -1 } })
  }
}
const titled = db.addModel(Titled)
exactly<Titled>()(titled)
exactly<Thing | undefined>()(await titled.get(5))
exactly<Thing | undefined>()(await titled.longest())
exactly<JsonModel<Thing>>()(db.addModel(JsonModel<Thing>, { name: 'direct' }))
// @ts-expect-error a title is text
await titled.set({ title: 5 })
// @ts-expect-error there is no such property
await titled.set({ tilte: 'a' })

// a class that says its columns
const columns = { id: { type: 'INTEGER' }, n: { type: 'INTEGER', required: true } } as const
class Counted extends JsonModel<DocOf<typeof columns>, typeof columns> {}
exactly<number | undefined>()((await db.addModel(Counted).searchOne({ n: { $gt: 1 } }))?.n)
// @ts-expect-error n is a number
db.addModel(Counted, {}).searchOne({ n: { $gt: 'x' } })

// what a definition may not say
// @ts-expect-error there is no such type
db.addModel(JsonModel, { name: 'x', columns: { a: { type: 'VARCHAR' } } })
// @ts-expect-error there is no such key
db.addModel(JsonModel, { name: 'x', columns: { a: { typ: 'TEXT' } } })
// @ts-expect-error there is no such index
db.addModel(JsonModel, { name: 'x', columns: { a: { index: 'SOME' } } })
// @ts-expect-error there is no such collation
db.addModel(JsonModel, { name: 'x', columns: { a: { type: 'TEXT', collate: 'GERMAN' } } })
// @ts-expect-error a foreign key names a model
db.addModel(JsonModel, { name: 'x', columns: { a: { type: 'TEXT', foreignKey: {} } } })
// @ts-expect-error an index has columns
db.addModel(JsonModel, { name: 'x', indexes: [{ unique: true }] })
// @ts-expect-error there is no such option
db.addModel(JsonModel, { name: 'x', colunms: {} })
db.addModel(JsonModel, {
  name: 'full',
  keepRowId: true,
  indexes: [{ columns: ['a', 'b'], unique: true, sparse: true, name: 'ab' }],
  columns: {
    a: {
      type: 'TEXT',
      fts: { tokenize: 'porter' },
      collate: 'NOCASE',
      version: 2,
      validate: value => value !== 'x',
    },
    b: { type: 'INTEGER', foreignKey: { model: 'things', column: 'id', onDelete: 'CASCADE' } },
  },
  migrations: {
    '1': async ({ db }) => db.store.full.retypeColumn('a', String),
    '0_old': false,
    '2': { up: () => {} },
  },
})

// by an id or a column's value: as the column has it
const kinds = db.addModel(JsonModel, {
  name: 'kinds',
  columns: {
    id: { type: 'DATE' },
    due: { type: 'DATE', in: true },
    end: { type: 'DATE' },
    body: { type: 'BLOB' },
    big: { type: 'BIGINT' },
    done: { falsyBool: true },
    text: { type: 'TEXT' },
  },
})
await kinds.get(new Date(5))
await kinds.get(5)
await kinds.getAll([new Date(5)])
await kinds.getCached({}, new Date(5))
await kinds.remove(new Date(5))
await kinds.changeId(new Date(5), 6)
await kinds.update(new Date(5), { $set: { text: 'x' } })
await kinds.get(new Date(5), 'end')
await kinds.get(5, 'end')
await kinds.get(true, 'done')
await kinds.getAll([new Uint8Array(1)], 'body')
await kinds.getCached({}, 5n, 'big')
kinds.clearCache({}, true, 'done').clear(false)
// @ts-expect-error no date is stored as true
await kinds.get(true, 'end')
// @ts-expect-error there is no such column
await kinds.get(5, 'eend')
// @ts-expect-error an id that is a date is no flag
await kinds.get(true)
// @ts-expect-error nor are ids of text dates
await db.addModel(JsonModel, { name: 'texts', columns: { n: { type: 'REAL' } } }).get(new Date())
// milliseconds are as good as a Date
await kinds.set({ id: 5, due: 7, end: new Date(7) })
await kinds.update({ id: new Date(5), end: 8 })
await kinds.search({ end: 7, due: [7, new Date(8)] })
await kinds.search({ end: { $gt: 7, $in: [new Date(8), 9] } })
exactly<Date | undefined>()(some(await kinds.get(5)).end)
// @ts-expect-error text is none
await kinds.set({ end: '2020-01-01' })
exactly<Untyped[]>()(kinds.selectCols)
exactly<number | bigint | null>()(await kinds.numAggOp('MAX', 'big'))
exactly<number | bigint | null>()(await kinds.numAggOp('COUNT', 'big'))
// @ts-expect-error SQLite has no such one
await kinds.numAggOp('median', 'big')
