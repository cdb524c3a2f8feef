// Event-sourced models: the store by the definitions, here, in a worker and seen from the page.
import { ESModel, EventSourcingDB, type Untyped } from 'tidelog'
import { connect } from 'tidelog/client'
import { serve } from 'tidelog/worker'
import { exactly, some } from './exactly.js'

interface Task {
  id: string
  title: string
  done?: boolean
}
class Tasks extends ESModel<Task> {
  finish(id: string, why: string) {
    return this.update({ id, done: why !== '' })
  }
  static open = { done: false }
}

const models = {
  todos: {
    columns: { title: { type: 'TEXT', required: true }, stars: { type: 'INTEGER', default: 0 } },
    reducer: ({ event }: { event: { type: string } }) => event.type === 'x' && { rm: ['a'] },
  },
  tasks: { Model: Tasks },
  plain: { Model: ESModel, idCol: 'key', columns: { key: { type: 'INTEGER' } } },
  bare: {},
} as const

const es = new EventSourcingDB({ file: 'app.db', models })
const todo = some(await es.store.todos.get('a'))
exactly<string>()(todo.title)
exactly<number>()(todo.stars)
exactly<Tasks>()(es.store.tasks)
exactly<number | undefined>()((await es.store.plain.get(1))?.key)
exactly<Untyped>()(await es.store.bare.get('x'))
exactly<true>()(await es.store.todos.remove('a'))
await es.store.todos.set({ title: 'milk' }, true, false, { by: 'ann' })
await es.store.todos.update('a', { $inc: { stars: 1 } })
exactly<string>()(es.store.todos.event.set({ title: 'x' }).type)
// @ts-expect-error a title is required
await es.store.todos.set({ stars: 1 })
// @ts-expect-error stars are numbers
await es.store.todos.search({ stars: { $gt: 'x' } })
// @ts-expect-error there is no such model
es.store.todoes
// @ts-expect-error events are made of what set takes
es.store.todos.event.set({ title: 5 })

// written in place
const inline = new EventSourcingDB({
  models: {
    notes: {
      columns: { n: { type: 'INTEGER' } },
      reducer: ({ event, model }) => (event.ts ? model.x : null),
    },
  },
})
exactly<number | undefined>()((await inline.store.notes.get('a'))?.n)
// @ts-expect-error n is a number
await inline.store.notes.search({ n: 'x' })

// in the worker
const served = await serve({ file: 'app.db', models })
exactly<string>()(some(await served.store.todos.get('a')).title)

// from the page
const page = await connect<typeof models>(() => new Worker('x'))
const seen = some(await page.store.todos.get('a'))
exactly<string>()(seen.title)
exactly<Task>()(await page.store.tasks.finish('a', 'because'))
exactly<Task | undefined>()(await page.store.tasks.get('a'))
page.store.todos
  .live({ stars: { $gt: 1 } })
  .subscribe(rows => exactly<typeof seen>()(some(rows[0])))
exactly<(typeof seen)[]>()(await page.store.todos.search({ title: 'a' }, { itemsOnly: true }))
await page.store.todos.update('a', { $push: { tags: 'x' } })
// @ts-expect-error the user's own method has its arguments
await page.store.tasks.finish('a')
// @ts-expect-error there is no such method
await page.store.tasks.begin('a')
// @ts-expect-error there is no such column
await page.store.todos.search({ titel: 'a' })
// @ts-expect-error a title is text
await page.store.todos.set({ title: 5 })

// by class
const byClass = await connect<{ tasks: Tasks }>(() => new Worker('x'))
exactly<Task>()(await byClass.store.tasks.finish('a', 'b'))
// without a word about the models anything goes, under noUncheckedIndexedAccess too
const untyped = await connect(() => new Worker('x'))
exactly<Untyped>()(await untyped.store.anything.whatever(1))
