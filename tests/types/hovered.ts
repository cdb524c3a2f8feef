// The texts that an editor shows on hovering over a name: `^` points at the name, and the text is
// behind it, its lines as one. Read by editor/hover.test.js.
import { DB, type DocOf, EventSourcingDB, type InputOf, JsonModel } from 'tidelog'
import { connect } from 'tidelog/client'

export type { Given, Keyed, Todo }
export { found, items, one, row, seen, stored, task, todo, user }

const columns = {
  title: { type: 'TEXT', required: true },
  done: { type: 'INTEGER', required: true, parse: (n: number) => n === 1, stringify: Number },
  due: { type: 'DATE' },
} as const

type Todo = DocOf<typeof columns>
//   ^ type Todo = { [x: string]: any; id: string; title: string; done: boolean; due?: Date; }
type Given = InputOf<{ title: { type: 'TEXT'; required: true }; stars: { type: 'INTEGER' } }>
//   ^ type Given = { [x: string]: any; id?: string | null | undefined; title: string;
//     stars?: number | bigint | null | undefined; }
type Keyed = DocOf<{ key: { type: 'INTEGER' } }, 'key'>
//   ^ type Keyed = { [x: string]: any; key: number; }

const db = new DB()
const todos = db.addModel(JsonModel, { name: 'todos', columns })
const todo = await todos.get('a')
//    ^ const todo: { [x: string]: any; id: string; title: string; done: boolean; due?: Date; }
//      | undefined
const { items } = await todos.search({ done: true })
//      ^ const items: { [x: string]: any; id: string; title: string; done: boolean; due?: Date; }[]
const row = await todos.searchOne({}, { cols: ['title', 'due'] })
//    ^ const row: { due?: Date; title?: string; } | undefined
const found = await todos.searchAll({ title: 'x' }, { snippet: { title: true } })
//    ^ const found: { [x: string]: any; $rank?: number; $snippet: { title: string; }; id: string;
//      title: string; done: boolean; due?: Date; }[]
await todos.each(item => item.done)
//               ^ (parameter) item: { [x: string]: any; id: string; title: string; done: boolean;
//                 due?: Date; }
for await (const rows of todos.live()) void rows
//               ^ const rows: { [x: string]: any; id: string; title: string; done: boolean;
//                 due?: Date; }[]

// a schema's output and the columns' documents are one object
const checked = db.addModel(JsonModel, {
  name: 'checked',
  columns: { id: { type: 'INTEGER' } },
  validate: {
    '~standard': {
      version: 1,
      vendor: 'own',
      validate: value => ({ value: value as { stars: number } }),
      types: undefined as { input: { stars?: number }; output: { stars: number } } | undefined,
    },
  },
})
const one = await checked.get(5)
//    ^ const one: { [x: string]: any; id: number; stars: number; } | undefined

// in a store, and seen from a page
const models = { todos: { columns } }
const es = new EventSourcingDB({ models })
const stored = await es.store.todos.get('a')
//    ^ const stored: { [x: string]: any; id: string; title: string; done: boolean; due?: Date; }
//      | undefined
const page = await connect<typeof models>(() => new Worker('x'))
const seen = await page.store.todos.get('a')
//    ^ const seen: { [x: string]: any; id: string; title: string; done: boolean; due?: Date; }
//      | undefined

// driftdb's records
const users = db.define('users', { name: { type: 'TEXT', notNull: true }, at: { type: 'DATE' } })
const user = await users.findOne({ name: 'x' })
//    ^ const user: { id: string; createdAt: number; updatedAt: number; name: string;
//      at: Date | null; } | null

// a class's document is what the class says
interface Task {
  id: string
  done: boolean
}
class Tasks extends JsonModel<Task> {}
const task = await db.addModel(Tasks).get('a')
//    ^ const task: Task | undefined
