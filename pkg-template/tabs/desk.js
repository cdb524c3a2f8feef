// The leader's side of one page: its calls, live queries and verdicts, over whatever transport the
// page has. It decides nothing about data: every call goes to the `EventSourcingDB` as it is. Who
// leads is tab.js's business.

import { encodeError, isCrash } from './rpc.js'

/** The methods that a page may call on the database itself. All of them may be sent again. */
const DATABASE = {
  dispatch: (db, args, call) => db._dispatchOnce(call, ...args),
  setOnline: (db, [online]) => db.setOnline(online),
  sync: db => db.sync(),
  askedToKeep: db => db._askedToKeep(),
  async log(db, [{ limit = 100 } = {}]) {
    const found = await db.queue.search({}, { limit, sort: { v: -1 } })
    return found.items ?? found
  },
}

export class Desk {
  /** The worker through which the page is reached; its own leader's has none. */
  worker
  #db
  #tab
  #role
  #crash
  #post
  /** Calls that have no answer yet. */
  #running = new Set()
  #lives = new Map()
  /** By model, the library's own methods: `{reads, writes}`. */
  #repeatable = {}
  #retired = false
  #stale = false

  /**
   * The page `tab`; `crash` is what to do after a trap.
   * @param {import('../types/events.js').EventSourcingDB & Record<string, any>} db
   * @param {{tab: string, role: string, crash: (error: Error) => void}} about
   */
  constructor(db, { tab, role, crash }) {
    this.#db = db
    this.#tab = tab
    this.#role = role
    this.#crash = crash
    for (const [name, model] of Object.entries(db.store)) {
      this.#repeatable[name] = model._repeatable?.() ?? { reads: [], writes: [] }
    }
  }

  /** The page is reached by `post` from now on; what it was told before may be lost. */
  join(post) {
    this.end()
    this.#post = post
    const repeatable = Object.entries(this.#repeatable).map(([name, { reads, writes }]) => [
      name,
      [...reads, ...writes],
    ])
    this.#post({ t: 'up', repeatable: Object.fromEntries(repeatable), ...this.#status() })
  }

  /**
   * Takes nothing more: what is under way may still be answered, unless closing the database cut it
   * off.
   */
  retire() {
    this.#retired = true
    this.end()
  }

  /** Whether calls are under way. */
  get busy() {
    return this.#running.size > 0
  }

  /** Ends the live queries. */
  end() {
    for (const id of [...this.#lives.keys()]) this.#endLive(id)
  }

  receive(message) {
    if (this.#retired) return
    switch (message.t) {
      case 'call':
        return this.#call(message)
      case 'live':
        return this.#live(message)
      case 'end':
        return this.#endLive(message.id)
      case 'verdict':
        return this.#tellVerdict(
          message.id,
          Promise.all(message.events.map(id => this.#db._verdict(id))),
        )
    }
  }

  async #call({ id, model, name, args, done, again }) {
    // the page's worker died meanwhile and it asks again: the answer will reach it
    if (this.#running.has(id)) return
    this.#running.add(id)
    const call = { tab: this.#tab, n: id, done, again }
    try {
      const value = await (model === undefined
        ? this.#ofDatabase(name)(this.#db, args, call)
        : this.#ofModel(model, name, args, call))
      this.#answer(id, value, model === undefined ? name : `${model}.${name}`)
    } catch (error) {
      this.#refuse(id, error)
    } finally {
      this.#running.delete(id)
    }
  }

  #answer(id, value, what) {
    const synced = what === 'dispatch'
    this.tellStatus()
    try {
      this.#post(synced ? { t: 'ok', id, value, synced } : { t: 'ok', id, value })
    } catch (cause) {
      throw new TypeError(
        `${what}: its result cannot be sent to the page, which takes plain data only (${cause.message})`,
        {
          cause,
        },
      )
    }
    if (synced) this.#tellVerdict(id, Promise.all([value].flat().map(event => event.synced)))
  }

  #tellVerdict(id, verdict) {
    verdict.then(
      () => this.#post({ t: 'synced', id }),
      error => this.#retired || this.#post({ t: 'synced', id, error: encodeError(error) }),
    )
  }

  #refuse(id, error) {
    if (isCrash(error)) return this.#crash(error)
    // cut off by the end of this leader, for all one knows: what failed had no effect and fails
    // again at the next one
    if (this.#retired) return
    this.tellStatus()
    this.#post({ t: 'err', id, error: encodeError(error) })
  }

  #ofDatabase(name) {
    if (Object.hasOwn(DATABASE, name)) return DATABASE[name]
    throw new TypeError(`there is no method '${name}' of the database that a page may call`)
  }

  #ofModel(modelName, name, args, call) {
    const model = this.#model(modelName)
    if (this.#repeatable[modelName].writes.includes(name)) return model._writeOnce(call, name, args)
    return this.#method(model, modelName, name).apply(model, args)
  }

  #model(name) {
    const { store } = this.#db
    if (Object.hasOwn(store, name)) return store[name]
    throw new TypeError(`there is no model '${name}': give it to serve, in the option models`)
  }

  #method(model, modelName, name) {
    const method = name in Object.prototype ? undefined : model[name]
    if (typeof method === 'function') return method
    throw new TypeError(
      `${modelName}.${name} is not a method of the model: write it in the model's class`,
    )
  }

  /** Gives newer rows than the last ones; starts the query when it is not running here. */
  async #live({ id, model, args }) {
    try {
      if (!this.#lives.has(id)) {
        const target = this.#model(model)
        const rows = this.#method(target, model, 'live').apply(target, args)
        this.#lives.set(id, rows[Symbol.asyncIterator]())
      }
    } catch (error) {
      return this.#refuse(id, error)
    }
    const rows = this.#lives.get(id)
    try {
      const { done, value } = await rows.next()
      // ended meanwhile: the page no longer waits, or asked for it anew
      if (this.#lives.get(id) !== rows) return
      if (done) this.#lives.delete(id)
      this.#answer(id, { done, value }, 'live')
    } catch (error) {
      if (this.#lives.get(id) === rows && this.#lives.delete(id)) this.#refuse(id, error)
    }
  }

  #endLive(id) {
    const rows = this.#lives.get(id)
    this.#lives.delete(id)
    Promise.resolve(rows?.return?.()).catch(() => {})
  }

  /** The database's status changed: many changes are told once. */
  changed() {
    if (this.#stale) return
    this.#stale = true
    queueMicrotask(() => this.tellStatus())
  }

  /** Tells the status before an answer, so that the page has the status that goes with it. */
  tellStatus() {
    if (!this.#stale || this.#retired) return
    this.#stale = false
    this.#post({ t: 'status', ...this.#status() })
  }

  #status() {
    return { status: { ...this.#db.status, role: this.#role }, kept: this.#db._kept }
  }
}
