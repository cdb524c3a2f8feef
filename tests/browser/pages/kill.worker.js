// The database of kill.test.js: rows written by ESModel's own events, and a counter that a reducer
// adds to.
import { ESModel } from 'tidelog'
import { serve } from 'tidelog/worker'

class Rows extends ESModel {
  /** All that is in the database, and what SQLite says of it. */
  async everything() {
    const { integrity_check: integrity } = await this.db.get('PRAGMA integrity_check')
    const events = await this.db.store.rows.queue().search()
    return { integrity, events: events.items, ...(await this.state()) }
  }

  /** The state that the events made. */
  async state() {
    const rows = await this.searchAll({}, { sort: { id: 1 } })
    return { rows, count: (await this.db.store.counters.get('writes'))?.n ?? 0 }
  }

  /** The same, made anew from the log. */
  async rebuilt() {
    await (await opened).rebuild()
    return this.state()
  }

  queue() {
    return this.db._owner.queue
  }
}

const counters = {
  async reducer({ model, event }) {
    if (event.type !== 'counted') return
    const before = await model.get('writes')
    return { set: [{ id: 'writes', n: (before?.n ?? 0) + 1 }] }
  },
}

const opened = serve({
  file: 'kill.db',
  models: { rows: { Model: Rows }, counters },
  sync: { url: '/sync', log: 'kill', getToken: () => 'anybody' },
})
