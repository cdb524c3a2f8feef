// The database of tabs.test.js: one owned model, written by its own methods and by an event of the
// application's.
import { ESModel } from 'tidelog'
import { serve } from 'tidelog/worker'

class Rows extends ESModel {
  static reducer = ({ event }) => event.type === 'add' && { ins: [event.data] }

  /** The count of each value in the log, and the number of rows. */
  async audit() {
    const events = await this.db.all('SELECT b FROM _log')
    const counts = {}
    for (const { b } of events) {
      const data = JSON.parse(b)
      const value = Array.isArray(data) ? data[1] : data.id
      counts[value] = (counts[value] ?? 0) + 1
    }
    return {
      counts,
      rows: await this.count(),
      calls: (await this.db.get('SELECT count(*) AS n FROM _calls')).n,
    }
  }

  /** Blocks the worker, as a long computation would. */
  async block(ms) {
    const until = Date.now() + ms
    while (Date.now() < until);
  }
}

serve({ file: 'tabs.db', models: { rows: { Model: Rows } } })
