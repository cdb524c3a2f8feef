// The leader's desks, one for each page it serves: its own, and those of followers, which it
// reaches through the hall. A page that is gone loses its desk and its recorded calls. Who leads is
// tab.js's.

import { Desk } from './desk.js'

export class Desks {
  #db
  #locks
  #hall
  #id
  #crash
  #of = new Map()

  /**
   * @param {any} db what the pages call
   * @param {{id: string, hall: import('./hall.js').Hall, locks: LockManager | undefined,
   *   crash: (error: Error) => void}} about this worker, the others, and what to do after a trap
   */
  constructor(db, { id, hall, locks, crash }) {
    this.#db = db
    this.#id = id
    this.#hall = hall
    this.#locks = locks
    this.#crash = crash
    db.on('status', () => {
      for (const desk of this.#of.values()) desk.changed()
    })
  }

  #desk(tab, role) {
    if (!this.#of.has(tab)) this.#of.set(tab, new Desk(this.#db, { tab, role, crash: this.#crash }))
    return this.#of.get(tab)
  }

  /** Serves the page of this very worker, reached by `post`. */
  serveOwn(tab, post) {
    this.#desk(tab, 'leader').join(post)
  }

  /** A message of this worker's page. */
  receiveOwn(tab, message) {
    this.#of.get(tab)?.receive(message)
  }

  /** Serves a follower's page, which may be known already and have a new worker. */
  serve(from, { tab, held }) {
    const known = this.#of.has(tab)
    const desk = this.#desk(tab, 'follower')
    if (known && desk.worker !== from) this.#hall.forget(desk.worker)
    desk.worker = from
    desk.join(message => this.#hall.to(from, { t: 'answer', from: this.#id, message }))
    if (known || !held) return
    const gone = () => this.#gone(tab, desk)
    this.#locks.request(`tidelog-page:${tab}`, { mode: 'shared' }, gone).catch(() => {})
  }

  /** The page's own lock came free: nobody is there any more. */
  async #gone(tab, desk) {
    if (this.#of.get(tab) !== desk) return
    this.#of.delete(tab)
    desk.end()
    this.#hall.forget(desk.worker)
    await this.#db._forgetCalls(tab)
  }

  /** A message of a follower's page; one that has no desk here has to join first. */
  receive({ from, tab, message }) {
    const desk = this.#of.get(tab)
    if (desk) desk.receive(message)
    else for (const t of ['down', 'lead']) this.#hall.to(from, { t, from: this.#id })
  }

  /** Forgets the calls of pages that were gone before this worker led. */
  async forgetGone() {
    if (!this.#locks) return
    const { held } = await this.#locks.query()
    const there = new Set(held.map(({ name }) => name))
    for (const tab of this.#db._callTabs()) {
      if (!there.has(`tidelog-page:${tab}`)) await this.#db._forgetCalls(tab)
    }
  }

  /** Closes all desks, after waiting up to `grace` ms for calls that are under way. */
  async retire(grace) {
    const desks = [...this.#of.values()]
    this.#of.clear()
    for (let waited = 0; waited < grace && desks.some(desk => desk.busy); waited += 10) {
      await new Promise(resolve => setTimeout(resolve, 10))
    }
    for (const desk of desks) desk.retire()
  }
}
