// README.md's example in one process, as written, with its results sent to `told`. It runs in Node
// and in a browser's worker.
import { DB, ESModel, EventQueue, EventSourcingDB, JsonModel } from 'tidelog'

class Things extends JsonModel {
  constructor(options) {
    super({
      ...options,
      name: 'things',
      columns: { id: { type: 'INTEGER' }, count: { type: 'INTEGER', index: 'SPARSE' } },
    })
  }
}

export async function example() {
  const db = new DB({ file: 'data/my.db' })
  db.addModel(Things)
  const set = await db.store.things.set({ id: 5, name: 'hi', count: 3 })
  const found = await db.store.things.search({ count: 3 })
  await db.close()
  return { set, found, classes: [ESModel, EventQueue, EventSourcingDB].map(c => c.name) }
}
