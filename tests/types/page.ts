// The code of a page against tidelog/client. Compiled, never run: a wrong type here or there fails
// the build, and so does a line marked as an error that is none.
import { type Connection, connect, type Event, type Role } from 'tidelog/client'

interface Todo {
  id: string
  title: string
  done?: boolean
}

const db: Connection<{ todos: Todo }> = await connect<{ todos: Todo }>(
  () => new Worker(new URL('./db.worker.js', import.meta.url), { type: 'module' }),
)

const saved: Todo = await db.store.todos.set({ title: 'milk' })
const found: Todo | undefined = await db.store.todos.get(saved.id)
await db.store.todos.update({ id: saved.id, done: true })
for await (const rows of db.store.todos.live({ done: false })) render(rows)
const stop: () => void = db.store.todos.live().subscribe(render, error => console.warn(error))
stop()
// a method of the user's own is known by its class: served.ts

const dispatched = await db.dispatch('todos/ticked', { id: saved.id })
await dispatched.synced
const position: number = dispatched.v
const role: Role = db.status.role
const pending: number | undefined = db.status.sync?.pending
const forget: () => void = db.on('status', ({ storage }) => console.log(storage === 'opfs'))
const events: Event[] = await db.log({ limit: 10 })
await db.setOnline(false)
await db.close()

// @ts-expect-error a worker is started by the caller
await connect('db.worker.js')
// @ts-expect-error there is no such model
db.store.nothing.get(1)
// @ts-expect-error a title is text
await db.store.todos.set({ title: 5 })
// @ts-expect-error the status is the library's to set
db.status = null

function render(rows: Todo[]) {
  console.log(rows.map(({ title }) => title))
}
console.log(found, position, role, pending, forget, events)
