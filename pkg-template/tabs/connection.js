// The page's way to whoever leads: it keeps every call until it is answered, sends it again to the
// next leader where that is safe, and starts a new worker when its own dies. What calls mean is
// client.js's and the leader's business.

import { deferred } from '../language/deferred.js'
import { TidelogError } from '../language/errors.js'
import { Marker } from './marker.js'
import { cloneable, decodeError, hidden } from './rpc.js'

/** How long calls on their way and the worker may take when the connection is closed. */
const CLOSE_MS = 5000
/**
 * Workers are stopped wherever they are as soon as the listeners of `freeze` return: so long ours
 * may take to close the files and give its lock back. The page is hidden then and nobody waits for
 * it.
 */
const FREEZE_MS = 1000
/**
 * So many workers in a row that lived no longer than this and stopped or never got to serve, and no
 * further one is started.
 */
const DEATHS = 3
const SHORT_MS = 2000
/**
 * A call during which so many leaders' engines stopped is not tried at another: it may be what
 * stops them.
 */
const TRAPS = 3

export class Wire {
  status = {
    role: 'waiting',
    storage: null,
    persistence: null,
    full: false,
    quota: null,
    sync: null,
  }
  listeners = new Set()
  /** Why nothing can be sent any more. */
  ended = null
  /** How often a leader began to serve this page: a live query of another time starts anew. */
  served = 0
  #start
  #locks
  #tab = crypto.randomUUID()
  #worker = null
  #watched = false
  #begun = 0
  /** `served` when the worker began. */
  #servedBefore = 0
  #deaths = 0
  /** What may be sent again, by model, while a leader serves us; null in between. */
  #repeatable = null
  /** That of the last leader. */
  #before = {}
  /** Why calls are refused until somebody leads. */
  #failure = null
  #id = 0
  /** By id `{message, resolve, reject, sent, traps}`, each until it is answered. */
  #calls = new Map()
  #lives = new Map()
  /** By the id of their call, events without a verdict: `{events, resolve, reject}`. */
  #synced = new Map()
  #ready = deferred()
  #closed = null
  #closing = deferred()
  #marker = new Marker()
  #leave = () => {}

  constructor(start, locks) {
    this.#start = start
    this.#locks = locks
  }

  /** Resolves when the first worker answers. */
  async open() {
    this.#begin()
    this.#listen('addEventListener')
    await this.#ready.promise
  }

  newId() {
    this.#id += 1
    return this.#id
  }

  /** Calls a method; `what` names it in errors. */
  call(message, what) {
    if (this.ended ?? this.#failure) return Promise.reject(this.ended ?? this.#failure)
    return new Promise((resolve, reject) => {
      // a copy: it may be sent later or again, and is what it was when it was called
      const args = copy(message.args, what)
      const id = this.newId()
      const call = {
        message: { t: 'call', id, ...message, args },
        resolve,
        reject,
        sent: false,
        traps: 0,
      }
      this.#calls.set(id, call)
      if (this.#repeatable) this.#send(call)
    })
  }

  /** Asks for newer rows of the live query `id`. One such wish at a time. */
  live(id, { model, args }) {
    if (this.ended ?? this.#failure) return Promise.reject(this.ended ?? this.#failure)
    return new Promise((resolve, reject) => {
      const message = { t: 'live', id, model, args: copy(args, `${model}.live`) }
      this.#lives.set(id, { message, resolve, reject })
      if (this.#repeatable) this.#worker.postMessage(message)
    })
  }

  /** Ends a live query here and at the leader. */
  forget(id) {
    this.#lives.get(id)?.resolve({ done: true, value: undefined })
    this.#lives.delete(id)
    if (this.#repeatable) this.#worker.postMessage({ t: 'end', id })
  }

  #send(call) {
    const [[done]] = this.#calls
    const again = call.sent
    call.sent = true
    this.#worker.postMessage({ ...call.message, done, again })
  }

  #begin() {
    const worker = this.#start()
    if (typeof worker?.postMessage !== 'function')
      throw new TypeError('connect: start must return a Worker')
    this.#worker = worker
    this.#begun = performance.now()
    this.#servedBefore = this.served
    this.#watched = false
    worker.addEventListener('message', ({ data }) => worker === this.#worker && this.#receive(data))
    worker.addEventListener('error', event => {
      // in a living worker this is an uncaught error of the user's own code; its death would free
      // its lock
      if (worker === this.#worker && !this.#watched)
        this.#died(
          worker,
          event.error ?? event.message ?? 'the worker did not start: see the console',
        )
    })
    worker.addEventListener('messageerror', () => this.#died(worker, 'a message could not be read'))
    worker.start?.()
  }

  /**
   * A worker that is ended from outside says nothing: that its lock comes free is the only sign.
   */
  #watch(alive) {
    if (!alive || !this.#locks) return
    this.#watched = true
    const worker = this.#worker
    this.#locks.request(alive, {}, () => this.#died(worker, 'the worker was ended')).catch(() => {})
  }

  /** A new worker takes the place of a dead one, unless they die one after the other. */
  #died(worker, reason, trapped = false) {
    if (worker !== this.#worker) return
    worker.terminate?.()
    this.#worker = null
    this.#down({ ...this.status, role: 'waiting' }, trapped)
    const short =
      performance.now() - this.#begun < SHORT_MS && (trapped || this.#servedBefore === this.served)
    this.#deaths = short ? this.#deaths + 1 : 1
    if (this.#ready || this.ended || this.#deaths >= DEATHS) return this.#crash(reason)
    try {
      this.#begin()
    } catch (error) {
      this.#crash(error)
    }
  }

  #crash(reason) {
    const cause = reason instanceof Error ? reason : undefined
    const message = `the engine stopped: ${reason?.message ?? reason}`
    const error =
      cause?.code === 'CRASHED' ? cause : new TidelogError('CRASHED', message, { cause })
    this.#closing.resolve()
    this.#end(error, this.ended ?? error)
  }

  #receive(message) {
    switch (message.t) {
      case 'ok':
        return this.#answer(message)
      case 'err':
        return this.#take(message.id)?.reject(decodeError(message.error))
      case 'synced':
        return settle(take(this.#synced, message.id), message.error)
      case 'status':
        this.#marker.hear(message.kept, this.#keep)
        return this.#tell(message.status)
      case 'hello':
        return this.#hello(message)
      case 'up':
        return this.#up(message)
      case 'down':
        return this.#down(message.status, message.trapped)
      case 'failed':
        return this.#fail(message)
      case 'closed':
        return settle(this.#closing, message.error)
      case 'crash':
        return this.#died(this.#worker, decodeError(message.error), true)
    }
  }

  async #hello({ alive, status }) {
    const worker = this.#worker
    this.#tell(status)
    this.#watch(alive)
    const held = await this.#held()
    worker.postMessage({ t: 'join', tab: this.#tab, held })
    this.#ready?.resolve()
    this.#ready = null
  }

  /** A lock that this page holds while it lives, for the leader to see. */
  #held() {
    if (!this.#locks) return false
    this.#holding ??= new Promise(resolve => {
      const held = () => {
        resolve(true)
        return new Promise(leave => {
          this.#leave = leave
        })
      }
      this.#locks.request(`tidelog-page:${this.#tab}`, {}, held).catch(() => resolve(false))
    })
    return this.#holding
  }
  #holding

  /** A leader serves this page: it gets everything that has no answer. */
  #up({ repeatable, status, kept }) {
    if (this.#repeatable) this.#down(status)
    this.#failure = null
    this.#repeatable = repeatable
    this.#before = repeatable
    this.served += 1
    this.#marker.hear(kept, this.#keep)
    this.#tell(status)
    for (const call of [...this.#calls.values()]) this.#send(call)
    for (const { message } of this.#lives.values()) this.#worker.postMessage(message)
    for (const [id, { events }] of this.#synced)
      this.#worker.postMessage({ t: 'verdict', id, events })
  }

  /**
   * Nobody serves this page: what may have taken effect and cannot be repeated is lost, the rest
   * waits.
   */
  #down(status, trapped) {
    this.#repeatable = null
    for (const [id, call] of [...this.#calls]) {
      if (!call.sent) continue
      if (trapped) call.traps += 1
      if (call.traps >= TRAPS || !this.#repeats(call.message)) {
        this.#calls.delete(id)
        call.reject(lost(call.message))
      }
    }
    this.#tell(status)
  }

  /** All of the database's own methods may be sent again. */
  #repeats({ model, name }) {
    return model === undefined || (this.#before[model] ?? []).includes(name)
  }

  #fail({ error, status }) {
    this.#repeatable = null
    this.#failure = decodeError(error)
    this.#rejectAll(this.#failure)
    this.#tell(status)
  }

  #answer({ id, value, synced }) {
    this.#take(id)?.resolve(synced ? this.#event(id, value) : value)
  }

  #take(id) {
    return take(this.#calls, id) ?? take(this.#lives, id)
  }

  #event(id, value) {
    const waiter = deferred()
    // nobody has to look at the server's verdict
    waiter.promise.catch(() => {})
    this.#synced.set(id, { ...waiter, events: [value].flat().map(event => event.id) })
    hidden(value, 'synced', waiter.promise)
    return value
  }

  #rejectAll(error, waits = [this.#calls, this.#lives]) {
    const all = waits.flatMap(map => [...map.values()])
    for (const map of waits) map.clear()
    for (const { reject } of all) reject(error)
  }

  /**
   * Waits for calls that are on their way, closes the database if this tab leads, and ends the
   * worker.
   */
  close() {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async #close() {
    if (this.ended) return
    // from here on no call is taken
    this.ended = new TidelogError('CLOSED', 'the database is closed: connect again')
    let timer
    const late = new Promise(resolve => {
      timer = setTimeout(resolve, CLOSE_MS)
    })
    const answered = [...this.#calls.values()]
      .filter(({ message }) => this.#repeats(message))
      .map(settled)
    try {
      await Promise.race([late, Promise.all(answered)])
      this.#worker?.postMessage({ t: 'close' })
      await Promise.race([late, this.#closing.promise])
    } finally {
      clearTimeout(timer)
      this.#end(
        new TidelogError('CLOSED', 'the database was closed before the answer came'),
        this.ended,
      )
    }
  }

  #end(waiting, later) {
    if (this.#start === null) return
    this.#start = null
    this.ended = later
    this.#worker?.terminate?.()
    this.#worker = null
    this.#repeatable = null
    this.#listen('removeEventListener')
    this.#leave()
    this.#ready?.reject(waiting)
    this.#rejectAll(waiting, [this.#calls, this.#lives, this.#synced])
    const { code, message } = later
    this.#tell({
      ...this.status,
      role: code === 'CLOSED' ? 'closed' : 'crashed',
      error: { code, message },
    })
  }

  /** A frozen page freezes its worker with all it holds: a leader hands over first. */
  #listen(method) {
    for (const name of ['freeze', 'resume']) globalThis.document?.[method](name, this.#cycle)
  }

  #cycle = ({ type }) => {
    this.#worker?.postMessage({ t: type })
    if (type === 'freeze') pause(this.status.role === 'follower' ? FREEZE_MS / 5 : FREEZE_MS)
  }

  /**
   * Asks the browser to keep the files, which workers cannot; the answer is in the leader's next
   * status.
   */
  #keep = async () => {
    const answer = await globalThis.navigator?.storage?.persist?.().catch(() => false)
    if (answer !== undefined)
      this.call({ name: 'askedToKeep', args: [] }, 'askedToKeep').catch(() => {})
  }

  /** The user knows that the browser has cleared the storage. */
  acknowledgeEviction() {
    this.#marker.acknowledge()
    this.#tell(this.status)
  }

  #tell({ evicted, ...status }) {
    if (this.#marker.evicted) status.evicted = true
    this.status = status
    for (const listener of this.listeners) {
      try {
        listener(status)
      } catch (error) {
        // a faulty listener must not keep the others, or the answer behind this status, from
        // arriving
        uncaught(error)
      }
    }
  }
}

/** Reports an error that no caller waits for. */
export function uncaught(error) {
  queueMicrotask(() => {
    throw error
  })
}

function pause(ms) {
  const until = performance.now() + ms
  while (performance.now() < until);
}

function lost({ model, name }) {
  const what = model === undefined ? name : `${model}.${name}`
  return new TidelogError(
    'LEADER_LOST',
    `${what} was cut off: it may have taken effect, in part or whole`,
  )
}

function copy(args, what) {
  try {
    return structuredClone(args)
  } catch (cause) {
    const at = args.findIndex(arg => !cloneable(arg))
    const message = `argument ${at + 1} cannot be sent to the worker, which takes plain data only`
    throw new TypeError(`${what}: ${message} (${cause.message})`, { cause })
  }
}

function take(waits, id) {
  const wait = waits.get(id)
  waits.delete(id)
  return wait
}

function settle(wait, error) {
  if (error) wait?.reject(decodeError(error))
  else wait?.resolve()
}

/** Resolves when a call is answered, also while its own promise stays as it is. */
function settled(call) {
  return new Promise(done => {
    for (const end of ['resolve', 'reject']) {
      const now = call[end]
      call[end] = value => {
        now(value)
        done()
      }
    }
  })
}
