// The code of an application against the class API: README.md's example and its surroundings.
import {
  DB,
  type ErrorCode,
  type ESModel,
  type ESModelDefinition,
  EventSourcingDB,
  JsonModel,
  SQLite,
  type SqlRow,
  sql,
  TidelogError,
} from 'tidelog'

interface Thing {
  id: number
  name: string
  count?: number
}

class Things extends JsonModel<Thing> {
  constructor(options: object) {
    super({
      ...options,
      name: 'things',
      columns: { id: { type: 'INTEGER' }, count: { type: 'INTEGER', index: 'SPARSE' } },
    })
  }
}

const db = new DB({ file: 'data/my.db', durability: 'strict' })
const things: Things = db.addModel(Things)
const stored: Thing = await things.set({ id: 5, name: 'hi', count: 3 })
const both: Thing[] = await things.set([{ id: 6 }, { id: 7 }])
const page: { items: Thing[]; total?: number } = await things.search(
  { count: 3 },
  { limit: 10, sort: { count: -1 } },
)
const items: Thing[] = await things.search(undefined, { itemsOnly: true })
for await (const rows of things.live({ count: 3 })) console.log(rows.length)
// reached by name, as in README.md's example
await db.store.things.search({ count: 3 })

const rows: SqlRow[] = await db.all`SELECT * FROM ${'things'}ID WHERE id = ${5}`
const { changes } = await db.run('UPDATE t SET a = :a', { ':a': 1n })
const [text] = sql`SELECT ${1}`
const counted: number = await db.withTransaction(async tx =>
  (await tx.get('SELECT 1 AS n')) ? 1 : 0,
)
const lite: SQLite = await new SQLite().open()

const todos: ESModelDefinition<Thing> = {
  columns: { count: { type: 'INTEGER' } },
  preprocessor: ({ event }) => {
    event.data ??= {}
  },
  reducer: async ({ event, model }) =>
    event.type === 'counted' ? { upd: [{ id: (await model.get(1)).id, count: 2 }] } : undefined,
  deriver: ({ store, result }) => store.things.set(result),
}
const events = new EventSourcingDB({
  file: ':memory:',
  models: { todos },
  sync: { url: '/sync', log: 'l' },
  version: 2,
})
const dispatched = await events.dispatch('counted', { by: 1 })
await dispatched.synced
const [first] = await events.dispatch([{ type: 'a' }, { type: 'b', data: 1 }])
const model: ESModel<Thing> = events.store.todos
const removed: true = await model.remove(1)
await events.queue.search({ type: 'counted' }, { limit: 5 })
const [newest] = await events.queue.search({}, { sort: { v: -1 }, itemsOnly: true })
newest?.v

try {
  await db.close()
} catch (error) {
  if (error instanceof TidelogError) {
    const code: ErrorCode = error.code
    if (code === 'LOCKED' || code === 'SQLITE_FULL') console.log(error.message, error.cause)
    // @ts-expect-error a code that does not exist is a typing mistake
    if (code === 'LOKED') console.log()
  }
}

// @ts-expect-error a name is text
await things.set({ id: 5, name: 6 })
// @ts-expect-error there is no such column type
new JsonModel({ name: 'x', columns: { a: { type: 'VARCHAR' } } })
// @ts-expect-error an event has a type
await events.dispatch({ data: 1 })
// @ts-expect-error there is no such policy yet
new EventSourcingDB({ models: {}, onError: 'retry' })
// @ts-expect-error models are needed
new EventSourcingDB({ file: 'x' })

console.log(stored, both, page, items, rows, changes, text, counted, lite, first, removed)
