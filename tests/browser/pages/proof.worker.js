// The database of proof.test.js. Its network can be cut from the very start, as `setOnline` cannot.
import { ESModel } from 'tidelog'
import { serve } from 'tidelog/worker'

const { profile, offline } = JSON.parse(self.name)
let cut = offline

class Rows extends ESModel {
  /** Gives the network back. */
  connect() {
    cut = false
  }

  /** All rows in one order, as text. */
  async text() {
    return JSON.stringify(await this.searchAll({}, { sort: { id: 1 } }))
  }
}

serve({
  file: 'proof.db',
  models: { rows: { Model: Rows } },
  sync: {
    url: '/sync',
    log: 'proof',
    getToken: () => profile,
    fetch: (...args) => (cut ? Promise.reject(new TypeError('no network')) : fetch(...args)),
  },
})
