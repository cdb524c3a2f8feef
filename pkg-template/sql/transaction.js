// The parts of one transaction: they nest as savepoints and end in the order SQLite needs. Where
// the runtime follows asynchronous calls, a part knows whether it was started inside another or
// beside it; in browsers, which do not follow them, it counts as inside the last one that began,
// and parts that overlap undo the whole.

import { TidelogError } from '../language/errors.js'

const hooks = globalThis.process?.getBuiltinModule?.('node:async_hooks')
const here = hooks?.AsyncLocalStorage && new hooks.AsyncLocalStorage()

const within = (part, fn) => (here ? here.run(part, fn) : fn())

export class Transaction {
  /** Whether this runtime can tell who calls from inside. */
  static follows = here !== undefined

  #engine
  #depths = []
  #running = new Set()
  #broken
  #over = false

  constructor(engine, token, db) {
    this.#engine = engine
    this.token = token
    this.db = db
  }

  /** The transaction of `db` that the caller runs in, as far as can be known. */
  static around(db) {
    const part = here?.getStore()
    return part && part.root.db === db && !part.root.#over ? part.root : undefined
  }

  /** Runs `fn` as the whole; waits for parts that nobody awaited. */
  async run(fn) {
    return this.#inHost(() => this.#run(fn))
  }

  /** A host may want a call of its own around the whole, and each part. */
  #inHost(fn) {
    const { link } = this.db._now
    return link ? link.around(fn) : fn()
  }

  async #run(fn) {
    const [done] = await Promise.allSettled([within({ root: this }, async () => fn())])
    while (this.#running.size) await Promise.allSettled(this.#running)
    this.#over = true
    if (this.#broken) throw this.#broken
    if (done.status === 'rejected') throw done.reason
    return done.value
  }

  /** Runs `fn` as a part that is undone alone when it rejects. */
  nest(fn) {
    const around = here?.getStore()
    const running = this.#nest(around?.root === this ? around : undefined, fn)
    this.#running.add(running)
    const done = () => this.#running.delete(running)
    running.then(done, done)
    return running
  }

  async #nest(around, fn) {
    const before = around?.last
    const part = { root: this }
    let end
    if (around) {
      around.last = new Promise(go => {
        end = go
      })
    }
    await before
    const depth = this.#engine.nest(this.token)
    this.#depths.push(depth)
    let keep = false
    try {
      const value = await this.#inHost(() => this.#part(part, fn))
      keep = true
      return value
    } finally {
      this.#end(depth, keep)
      end?.()
    }
  }

  async #part(part, fn) {
    try {
      return await within(part, fn)
    } finally {
      await part.last
    }
  }

  #end(depth, keep) {
    if (this.#broken) return
    if (this.#depths.at(-1) === depth) {
      this.#depths.pop()
      return this.#engine.unnest(this.token, depth, keep)
    }
    this.#broken = new TidelogError(
      'BAD_VALUE',
      `${this.db.name}: transactions overlap inside one another, so that none of them can be kept: await each before the next begins, or use withTransaction(tx => …)`,
    )
    throw this.#broken
  }
}
