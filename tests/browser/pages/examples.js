// README.md's examples in a page: the one in one process in a worker of its own, the other as
// written.
import '../../../www/trusted-types.js'
import { connect } from 'tidelog/client'

globalThis.first = () =>
  new Promise((resolve, reject) => {
    const worker = new Worker(new URL('./examples.worker.js', import.meta.url), { type: 'module' })
    worker.addEventListener('message', ({ data }) =>
      data.error ? reject(new Error(data.error)) : resolve(data),
    )
  })

globalThis.second = async () => {
  const rendered = []
  const render = rows => rendered.push(rows.map(({ title, done }) => ({ title, done })))
  const db = await connect(
    () => new Worker(new URL('./db.worker.js', import.meta.url), { type: 'module' }),
  )
  await db.store.todos.set({ title: 'milk' })
  setTimeout(() => db.store.todos.set({ title: 'bread' }), 50)
  for await (const rows of db.store.todos.live({ done: false })) {
    render(rows)
    if (rows.length === 2) break
  }
  const event = await db.dispatch('es/todos', [1, 'x', { title: 'tea', done: true }])
  await event.synced
  const { status } = db
  await db.close()
  return { rendered, storage: status.storage, sync: status.sync }
}
