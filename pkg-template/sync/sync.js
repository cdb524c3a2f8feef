// The sync of one EventSourcingDB: its options, its status, and the promises that wait for
// verdicts. The loop is driver.js's.

import { deferred } from '../language/deferred.js'
import { TidelogError } from '../language/errors.js'
import { Driver } from './driver.js'

const OPTIONS = ['url', 'log', 'getToken', 'fetch']
const AFTER_FAILURE_MS = 1000
/** The reasons for which the sync machine stops or waits, in words, by their codes. */
const REASONS = {
  NETWORK: 'the server was not reached: trying again',
  TIMEOUT: 'the server did not answer in time: trying again',
  PROTOCOL: 'the server answered, but not in the words of the sync protocol: trying again',
  TOKEN: 'the server wants a valid token: call setToken',
  FORBIDDEN: 'the server refused access: call setToken once it is granted',
  DIVERGED: "the server lost events that were read here: offering this device's own again",
  FORK: 'another replica writes under the same name: taking a new one',
  TRIMMED: 'the server no longer has what this replica needs next; nothing was dropped',
}

export class Sync {
  #es
  #options
  #driver
  #loop
  /** The last argument of `setOnline`, also of an earlier opening of the database. */
  #online
  #waiting = new Map()
  #idle = []
  /** `[seq, type, tv]` of the confirmed event that this version does not know, if there is one. */
  #held
  /**
   * `[count, [id, seq, type, error]?]` of the confirmed events without effect.
   * @type {[number, any?]}
   */
  #noops = [0]
  /**
   * The engine's last word. A state is an object where it has more to say than its name.
   * @type {{state: any, seq: number, head: number, pending: number, error: string | null}}
   */
  #seen = { state: { name: 'offline' }, seq: 0, head: 0, pending: 0, error: null }

  constructor(es, options) {
    if (typeof options !== 'object') throw new TypeError('sync: options must be an object')
    const unknown = Object.keys(options).filter(key => !OPTIONS.includes(key))
    if (unknown.length)
      throw new TypeError(`sync: unknown options ${unknown.join(', ')}: use ${OPTIONS.join(', ')}`)
    const { url, log = logName(es.db.file), getToken, fetch } = options
    if (typeof url !== 'string' || !url)
      throw new TypeError('sync: url must be the address of a server, such as /sync')
    if (!/^[a-z0-9][a-z0-9_-]{0,62}$/.test(log)) {
      throw new TypeError(
        `sync: log '${log}' must be 1 to 63 of a-z, 0-9, - and _, and begin with a letter or digit`,
      )
    }
    for (const [name, fn] of Object.entries({ getToken, fetch })) {
      if (fn !== undefined && typeof fn !== 'function')
        throw new TypeError(`sync: ${name} must be a function`)
    }
    this.#es = es
    this.#options = { url: url.replace(/\/+$/, ''), getToken, fetch }
    this.log = log
  }

  async start(engine) {
    const { url, getToken, fetch = (input, init) => globalThis.fetch(input, init) } = this.#options
    const online = engine.startSync()
    this.#noops = engine.noops()
    if (this.#online === undefined) this.#online = online
    else await engine.setOnline(this.#online)
    this.#driver = new Driver(engine, { base: `${url}/v1/${this.log}`, fetch, getToken })
    this.#loop = this.#run(this.#driver)
    this.#listen('addEventListener')
  }

  async #run(driver) {
    while (!driver.stopped) {
      const step = await driver.step().catch(error => this.#failed(error))
      if (!step) continue
      const { status, verdicts, noops } = step
      this.#seen = status
      this.#held = driver.engine.held()
      this.#noops = driver.engine.noops()
      for (const [id, seq, error] of verdicts) this.#settle(id, seq, error)
      for (const noop of noops) this.#es.emit('noop', asNoop(noop))
      this.#es.db._announce()
      this.changed()
      if (!this.#seen.pending) for (const go of this.#idle.splice(0)) go()
    }
  }

  /**
   * The storage failed under the loop: it says so and goes on after a while. A trap ends it, and
   * the worker.
   */
  async #failed(error) {
    if (!(error instanceof TidelogError)) throw error
    this.#seen = { ...this.#seen, error: error.code }
    this.changed()
    await new Promise(resolve => setTimeout(resolve, AFTER_FAILURE_MS))
  }

  async stop() {
    this.#listen('removeEventListener')
    this.#driver?.stop()
    await this.#loop
    this.#driver = undefined
  }

  /** The network came back, or the page was looked at again: one try, at once. */
  #woken = () => this.wake()

  #listen(method) {
    globalThis[method]?.('online', this.#woken)
  }

  /** The promise for an event's verdict. `known`: it may be given already. */
  verdict(id, known = false) {
    const waiter = this.#waiting.get(id) ?? deferred()
    // nobody needs to look at it
    waiter.promise.catch(() => {})
    this.#waiting.set(id, waiter)
    const given = known && this.#driver?.engine.verdict(id)
    if (given) this.#settle(id, ...given)
    return waiter.promise
  }

  #settle(id, seq, error) {
    const waiter = this.#waiting.get(id)
    this.#waiting.delete(id)
    if (error) waiter?.reject(error)
    else waiter?.resolve(seq)
  }

  async drained() {
    const [, pending] = this.#driver?.engine.progress() ?? [0, 0]
    if (pending) await new Promise(go => this.#idle.push(go))
  }

  /** The state was made anew: other events may have no effect now. */
  rebuilt() {
    this.#noops = this.#driver?.engine.noops() ?? this.#noops
    this.changed()
  }

  /** An event was made, which the loop must send. */
  ring() {
    this.#driver?.ring()
  }

  /** Something that the status shows may have changed. */
  changed() {
    this.#es.emit('status', this.#es.status)
  }

  get status() {
    const { state, seq, head, error } = this.#seen
    const [, pending] = this.#driver?.engine.progress() ?? [0, this.#seen.pending]
    const code = typeof state === 'object' ? (state.code ?? error) : error
    const told = code
      ? { code, message: REASONS[code] ?? `the last request failed: ${code}` }
      : null
    return {
      state: state.name ?? state,
      online: this.#online ?? true,
      pending,
      seq,
      head,
      held: this.#heldStatus(),
      noops: { count: this.#noops[0], last: this.#noops[1] ? asNoop(this.#noops[1]) : null },
      error: told,
    }
  }

  #heldStatus() {
    if (!this.#held) return null
    const [seq, type, tv] = this.#held
    const message = `'${type}' ${tv} is not known to this version: nothing from ${seq} on is applied until one that knows it is installed, or declares it optional in types`
    return { seq, type, tv, message }
  }

  async setOnline(online) {
    this.#online = online
    const kept = this.#driver?.setOnline(online)
    this.changed()
    await kept
  }

  wake() {
    this.#driver?.wake()
  }

  setToken(token) {
    this.#driver?.setToken(token)
  }
}

const asNoop = ([id, v, type, { code, message }]) => ({ v, id, type, code, message })

/** The log of a file unless another is named: `data/My App.db` syncs with `my-app`. */
function logName(file) {
  const base = file
    .split('/')
    .at(-1)
    .replace(/\.[^.]*$/, '')
    .toLowerCase()
  return base
    .replaceAll(/[^a-z0-9_-]+/g, '-')
    .replace(/^[-_]+/, '')
    .slice(0, 63)
}
