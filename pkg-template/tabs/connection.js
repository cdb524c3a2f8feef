// The page's connection to whoever leads: it starts the worker, and a new one when its own dies; it
// hands what the page asks to unanswered.js, which keeps it until there is an answer; and it keeps
// the status. The meaning of calls is client.js's and the leader's.

import { deferred } from '../language/deferred.js'
import { TidelogError } from '../language/errors.js'
import { Marker } from './marker.js'
import { decodeError } from './rpc.js'
import { settle, Unanswered } from './unanswered.js'

/**
 * The time that calls on their way and the worker may take when the connection is closed, in ms.
 */
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
export class Connection {
  /** @type {import('../client.js').Status} */
  status = {
    role: 'waiting',
    storage: null,
    persistence: null,
    full: false,
    quota: null,
    sync: null,
  }
  listeners = new Set()
  /**
   * Why nothing can be sent any more.
   * @type {TidelogError | null}
   */
  ended = null
  /**
   * The number of times a leader began to serve this page: a live query of another time starts
   * anew.
   */
  served = 0
  #start
  #locks
  #tab = crypto.randomUUID()
  /** @type {(Worker & {start?: () => void}) | null} */
  #worker = null
  #watched = false
  #begun = 0
  /** `served` when the worker began. */
  #servedBefore = 0
  #deaths = 0
  /** Why calls are refused until somebody leads. */
  #failure = null
  #unanswered = new Unanswered()
  /** @type {import('../language/deferred.js').Deferred | null} */
  #ready = deferred()
  /** @type {Promise<void> | null} */
  #closed = null
  #closing = deferred()
  #marker = new Marker()
  /** @type {(value?: unknown) => void} */
  #leave = () => {}

  constructor(start, locks) {
    this.#start = start
    this.#locks = locks
  }

  /** Resolves when the first worker answers. */
  async open() {
    this.#begin()
    this.#listen('addEventListener')
    await this.#ready?.promise
  }

  newId() {
    return this.#unanswered.newId()
  }

  /** Calls a method; `what` names it in errors. */
  call(message, what) {
    const why = this.ended ?? this.#failure
    return why ? Promise.reject(why) : this.#unanswered.call(message, what)
  }

  /** Asks for newer rows of the live query `id`. One such wish at a time. */
  live(id, query) {
    const why = this.ended ?? this.#failure
    return why ? Promise.reject(why) : this.#unanswered.live(id, query)
  }

  /** Ends a live query here and at the leader. */
  forget(id) {
    this.#unanswered.forget(id)
  }

  #begin() {
    const worker = this.#start()
    if (typeof worker?.postMessage !== 'function')
      throw new TypeError('connect: start must return a Worker, as new Worker(…) makes it')
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
    /** @type {any} */
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
      case 'err':
      case 'synced':
        return this.#unanswered.receive(message)
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
    worker?.postMessage({ t: 'join', tab: this.#tab, held })
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

  /** A leader serves this page. */
  #up({ repeatable, status, kept }) {
    if (this.#unanswered.isServed) this.#down(status)
    this.#failure = null
    this.served += 1
    this.#marker.hear(kept, this.#keep)
    this.#tell(status)
    const worker = this.#worker
    this.#unanswered.serve(repeatable, message => worker?.postMessage(message))
  }

  /** Nobody serves this page. */
  #down(status, trapped) {
    this.#unanswered.lose(trapped)
    this.#tell(status)
  }

  #fail({ error, status }) {
    this.#unanswered.wait()
    this.#failure = decodeError(error)
    this.#unanswered.reject(this.#failure)
    this.#tell(status)
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
    try {
      await Promise.race([late, this.#unanswered.answered()])
      this.#worker?.postMessage({ t: 'close' })
      await Promise.race([late, this.#closing.promise])
    } finally {
      clearTimeout(timer)
      this.#end(
        new TidelogError(
          'CLOSED',
          'the database was closed before the answer came: it may have taken effect',
        ),
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
    this.#unanswered.wait()
    this.#listen('removeEventListener')
    this.#leave()
    this.#ready?.reject(waiting)
    this.#unanswered.end(waiting)
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

  /** @param {import('../client.js').Status} given */
  #tell({ evicted, ...given }) {
    /** @type {import('../client.js').Status} */
    const status = given
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
