// An in-memory stand-in for the database in a worker, so that each fault can be made to happen. The
// behaviour of the real one is tested elsewhere.

/** The data that is kept when a database is closed; one worker may have it open at a time. */
export class Disk {
  rows = new Map()
  calls = new Map()
  events = []
  verdicts = new Map()
  owner = null
  /** The number of effects. */
  effects = 0

  /** Opens it as a worker does. */
  async open() {
    if (this.owner) throw Object.assign(new Error('open elsewhere'), { code: 'LOCKED' })
    const database = new Database(this)
    this.owner = database
    return database
  }
}

class Todos {
  watching = 0
  #db
  #wake = []
  constructor(db) {
    this.#db = db
  }
  get rows() {
    return this.#db.disk.rows
  }
  _repeatable() {
    return { reads: ['get', 'live', 'count'], writes: ['set'] }
  }
  _writeOnce(call, _, [doc]) {
    return this.#db.once(call, () => this.set(doc))
  }
  async set(doc) {
    this.#db.check()
    this.#db.disk.effects += 1
    this.rows.set(doc.id, doc)
    for (const wake of this.#wake.splice(0)) wake()
    return doc
  }
  async get(id) {
    this.#db.check()
    return this.rows.get(id)
  }
  async rename(id, title) {
    if (!this.rows.has(id))
      throw Object.assign(new Error(`todos.rename ${id}: ENOENT`), { code: 'ENOENT' })
    return this.set({ ...this.rows.get(id), title })
  }
  async typed() {
    throw new TypeError('typed: id must be a number')
  }
  async deep() {
    const cause = Object.assign(new RangeError('too far'), { code: 'INNER' })
    throw Object.assign(new Error('outer', { cause }), { code: 'OUTER', row: 7, fn: () => {} })
  }
  async unsendable() {
    return { callback() {} }
  }
  trap() {
    throw new WebAssembly.RuntimeError('unreachable')
  }
  /** One of the library's, and the engine does not survive it. */
  async count() {
    this.trap()
  }
  never() {
    return new Promise(() => {})
  }
  live() {
    let seen = null
    this.watching++
    const self = this
    return {
      [Symbol.asyncIterator]() {
        return this
      },
      async next() {
        while (seen === JSON.stringify([...self.rows]))
          await new Promise(wake => self.#wake.push(wake))
        seen = JSON.stringify([...self.rows])
        return { done: false, value: [...self.rows.values()] }
      },
      async return() {
        self.watching--
        return { done: true }
      },
    }
  }
}

class Database {
  store = { todos: new Todos(this) }
  status = {
    storage: 'memory',
    persistence: 'none',
    sync: { state: 'live', online: true, pending: 0 },
  }
  listeners = []
  closed = false
  /**
   * Awaited before something takes effect, before its answer leaves, and before the files are let
   * go.
   */
  beforeEffect = async () => {}
  beforeAnswer = async () => {}
  beforeClose = async () => {}
  queue = {
    search: async (_, { limit }) => ({ items: this.disk.events.toReversed().slice(0, limit) }),
  }
  constructor(disk) {
    this.disk = disk
  }
  check() {
    if (this.closed) throw Object.assign(new Error('closed'), { code: 'CLOSED' })
  }
  on(_, fn) {
    this.listeners.push(fn)
  }
  async once({ tab, n, again }, effect) {
    const { calls } = this.disk
    const key = `${tab}/${n}`
    if (again && calls.has(key)) return calls.get(key)
    await this.beforeEffect()
    const reply = await effect()
    calls.set(key, reply)
    await this.beforeAnswer()
    return reply
  }
  async _dispatchOnce(call, type, data) {
    return this.once(call, async () => {
      const drafts = Array.isArray(type) ? type : [{ type, data }]
      const made = drafts.map(draft => this.#make(draft))
      return Array.isArray(type) ? made : made[0]
    })
  }
  #make({ type, data }) {
    this.check()
    this.disk.effects += 1
    const v = this.disk.events.length + 1
    const event = { id: `e${v}`, v, type, data }
    this.disk.events.push(event)
    const sync = { state: 'live', online: true, pending: this.disk.events.length }
    this.status = { ...this.status, sync }
    for (const fn of this.listeners) fn()
    return Object.defineProperty({ ...event }, 'synced', { value: this._verdict(event.id) })
  }
  /** The server's verdict, given once by the test whoever leads. */
  _verdict(id) {
    const { verdicts } = this.disk
    if (!verdicts.has(id)) {
      const made = {}
      made.promise = new Promise((resolve, reject) => Object.assign(made, { resolve, reject }))
      made.promise.catch(() => {})
      verdicts.set(id, made)
    }
    return verdicts.get(id).promise
  }
  _callTabs() {
    return [...new Set([...this.disk.calls.keys()].map(key => key.split('/')[0]))]
  }
  async _forgetCalls(tab) {
    for (const key of [...this.disk.calls.keys()])
      if (key.startsWith(`${tab}/`)) this.disk.calls.delete(key)
  }
  async setOnline(online) {
    this.status = { ...this.status, sync: { ...this.status.sync, online } }
    for (const fn of this.listeners) fn()
    return online
  }
  async close() {
    this.closed = true
    await this.beforeClose()
    if (this.disk.owner === this) this.disk.owner = null
  }
  /** Its worker is dead: whatever still runs here has no effect. */
  abandon() {
    this.closed = true
    if (this.disk.owner === this) this.disk.owner = null
  }
}
