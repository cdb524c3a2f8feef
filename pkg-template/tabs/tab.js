// One tab's worker among the others of its database: who leads, who follows whom, and what happens
// when a leader dies, freezes or is outdated. The leader owns the files and serves every page
// through a desk; a follower hands messages on.
//
// A Web Lock makes the leader, and comes free when its worker ends in whatever way. It can be
// stolen from one that does not answer, so it is not what protects the files: that is their
// exclusive handles and the storage's own lock.

import { deferred } from '../language/deferred.js'
import { TidelogError } from '../language/errors.js'
import { Desks } from './desks.js'
import { Hall } from './hall.js'
import { Leadership } from './leadership.js'
import { encodeError, isCrash } from './rpc.js'
import { Watch } from './watch.js'

const NOTHING = {
  storage: null,
  persistence: null,
  full: false,
  quota: null,
  sync: { state: 'off', online: true, pending: 0, seq: 0, head: 0, error: null, held: null },
}
/** The time that a leader that steps down waits for calls that are under way, in ms. */
const GRACE_MS = 1000
/** The time that a worker whose lock came free already may still hold the storage, in ms. */
const LOCKED_MS = 15_000

export class Tab {
  #id = crypto.randomUUID()
  #options
  #port
  #locks
  #open
  #hall
  #version
  /**
   * Our page, once it has said who it is.
   * @type {{tab: string, held: boolean} | null}
   */
  #page = null
  /**
   * The worker that serves our page.
   * @type {string | null}
   */
  #leader = null
  /** @type {any} */
  #db = null
  /**
   * When leading: the pages it serves.
   * @type {Desks | null}
   */
  #desks = null
  #leadership
  #watch
  /**
   * Why this worker neither leads nor follows any more.
   * @type {TidelogError | null}
   */
  #over = null
  /** @type {Record<string, any>} */
  #last = NOTHING
  #first = deferred()

  constructor(options, { port, locks, open, channel, version }) {
    this.#options = options
    this.#port = port
    this.#locks = locks
    this.#open = open
    this.#version = version
    this.#hall = new Hall(options.file, this.#id, channel)
    this.#leadership = new Leadership(locks, `tidelog-tab:${options.file}`, {
      granted: grant => this.#lead(grant),
      lost: () => this.#lost(),
      failed: error => this.#fail(error),
    })
  }

  /** Resolves to the database when this worker first leads. */
  async start() {
    this.#listen()
    const alive = this.#locks ? `tidelog-worker:${this.#id}` : undefined
    if (alive) await new Promise(held => this.#hold(alive, held))
    this.#post({ t: 'hello', alive, status: this.#status('waiting') })
    this.#hall.tell(this.#hello())
    this.#leadership.ask()
    return this.#first.promise
  }

  #listen() {
    this.#port.addEventListener('message', ({ data }) => this.#hearPage(data))
    // a trap in a task of the engine's own reaches no caller
    this.#port.addEventListener('error', ({ error }) => isCrash(error) && this.#crash(error))
    this.#port.addEventListener(
      'unhandledrejection',
      ({ reason }) => isCrash(reason) && this.#crash(reason),
    )
    this.#port.start?.()
    this.#hall.listen((message, own) => this.#hearTab(message, own))
    this.#watch = new Watch({
      waiting: () => this.#leadership.waiting && Boolean(this.#locks),
      led: () => this.#leader !== null,
      ask: () => this.#hall.tell({ t: 'ping', from: this.#id }),
      passOver: () => this.#leadership.ask(true),
    })
  }

  /** Holds a lock as long as this worker lives. */
  #hold(name, held) {
    const never = () => {
      held()
      return new Promise(() => {})
    }
    this.#locks.request(name, {}, never).catch(() => {})
  }

  #hello() {
    return { t: 'hello', from: this.#id, version: this.#version }
  }

  #hearPage(message) {
    switch (message.t) {
      case 'join':
        this.#page = message
        return this.#desks ? this.#serveOwn(this.#desks, message) : this.#join()
      case 'close':
        return this.#close()
      case 'freeze':
        return this.#freeze()
      case 'resume':
        return this.#resume()
    }
    const page = this.#page
    if (this.#desks) return this.#desks.receiveOwn(page?.tab, message)
    if (!page || !this.#leader || this.#leader === this.#id) return
    if (message.t === 'end') this.#watch.settle(message.id)
    else if (message.t !== 'verdict') this.#watch.owe(message.id, message.t)
    this.#hall.to(this.#leader, { t: 'page', from: this.#id, tab: page.tab, message })
  }

  #post(message) {
    this.#port.postMessage(message)
  }

  #tell(role, error) {
    this.#post({ t: 'status', status: this.#status(role, error) })
  }

  #status(role, error) {
    /** @type {Record<string, any>} */
    const status = { ...this.#last, role }
    delete status.error
    if (error) status.error = { code: error.code, message: error.message }
    return status
  }

  #hearTab(message, own) {
    if (this.#over) return
    const { t, from } = message
    switch (t) {
      case 'hello':
        return this.#meet(message, own)
      case 'lead':
        return this.#follow(from)
      case 'opening':
        this.#watch.hear()
        return this.#down()
      case 'down':
        return from === this.#leader ? this.#down(message.trapped) : undefined
      case 'join':
        return this.#desks?.serve(from, message)
      case 'page':
        return this.#desks?.receive(message)
      case 'answer':
        return from === this.#leader ? this.#handOver(message.message) : undefined
      case 'ping':
        return (
          this.#leadership.held &&
          this.#hall.to(from, { t: this.#db ? 'lead' : 'pong', from: this.#id })
        )
      case 'pong':
        return this.#watch.hear()
    }
  }

  #meet({ from, version }, own) {
    const order = compare(version, this.#version)
    if (order > 0) return this.#outdated(version)
    // it learns that it is the older one
    if (order < 0) return own || this.#hall.to(from, this.#hello())
    if (this.#db) this.#hall.to(from, { t: 'lead', from: this.#id })
  }

  #follow(leader) {
    this.#watch.hear()
    if (this.#leadership.held || leader === this.#leader) return
    this.#down()
    this.#leader = leader
    this.#join()
  }

  /** Our page is to be served by the leader, once both are known. */
  #join() {
    if (!this.#leader || !this.#page) return
    const { tab, held } = this.#page
    this.#hall.to(this.#leader, { t: 'join', from: this.#id, tab, held })
  }

  /** Something for our page from its leader. */
  #handOver(message) {
    this.#watch.hear()
    if (message.t === 'ok' || message.t === 'err') this.#watch.settle(message.id)
    if (message.status) this.#last = message.status
    this.#post(message)
  }

  /** Nobody serves our page: it keeps its calls. */
  #down(trapped) {
    if (!this.#leader) return
    if (this.#leader !== this.#id) this.#hall.forget(this.#leader)
    this.#leader = null
    this.#watch.clear()
    this.#post({ t: 'down', status: this.#status('waiting'), trapped })
  }

  async #lead(grant) {
    this.#down()
    this.#hall.tell({ t: 'opening', from: this.#id })
    this.#tell('opening')
    let db
    try {
      db = await this.#openPatiently(grant)
    } catch (error) {
      return this.#leadership.is(grant) ? this.#fail(error) : undefined
    }
    // handed over while it was opening
    if (!this.#leadership.is(grant)) return db.close()
    this.#db = db
    this.#leader = this.#id
    const crash = error => this.#crash(error)
    this.#desks = new Desks(db, { id: this.#id, hall: this.#hall, locks: this.#locks, crash })
    this.#hall.tell({ t: 'lead', from: this.#id })
    if (this.#page) this.#serveOwn(this.#desks, this.#page)
    else this.#tell('leader')
    this.#first.resolve(db)
    this.#desks.forgetGone().catch(error => isCrash(error) && this.#crash(error))
  }

  /**
   * The lock may come free before the storage does; a stolen one is no sign that the storage is
   * free at all.
   */
  async #openPatiently(grant) {
    const until = Date.now() + LOCKED_MS
    for (;;) {
      try {
        return await this.#open(this.#options)
      } catch (error) {
        const wait = error?.code === 'LOCKED' && (grant.stole || Date.now() < until)
        if (!wait || !this.#leadership.is(grant)) throw error
        this.#tell('opening', error)
        await new Promise(resolve => setTimeout(resolve, 50))
      }
    }
  }

  #serveOwn(desks, { tab }) {
    desks.serveOwn(tab, message => {
      if (message.status) this.#last = message.status
      this.#post(message)
    })
  }

  /** Finishes what is in the lane, closes the files and gives the lock back. */
  async #retire(grace = 0) {
    const release = this.#leadership.give()
    const db = this.#db
    this.#db = null
    const desks = this.#desks
    this.#desks = null
    await desks?.retire(grace)
    this.#hall.tell({ t: 'down', from: this.#id })
    this.#down()
    try {
      await db?.close()
    } finally {
      release()
    }
  }

  /**
   * The lock was stolen: this worker was asleep. Its files are still its own until it closes them.
   */
  async #lost() {
    await this.#retire().catch(error => this.#fail(error))
    this.#rejoin()
  }

  #rejoin() {
    if (this.#over || this.#leadership.waiting || this.#leadership.held) return
    this.#hall.tell(this.#hello())
    this.#leadership.ask()
  }

  /**
   * The page is about to be frozen, and this worker with it: there is a second, see connection.js.
   */
  async #freeze() {
    await this.#retire().catch(error => this.#fail(error))
  }

  #resume() {
    this.#watch.hear()
    this.#rejoin()
  }

  /** The database cannot be opened here; another tab may try. */
  #fail(error) {
    if (isCrash(error)) return this.#crash(error)
    this.#post({ t: 'failed', error: encodeError(error), status: this.#status('failed', error) })
    this.#first.reject(error)
    this.#leadership.end()
  }

  /** A tab with a newer version is there: it shall lead, and our page cannot talk to it. */
  async #outdated(version) {
    const theirs = `${version.package}, models ${version.models}`
    const error = new TidelogError(
      'VERSION_SKEW',
      `another tab runs a newer version (${theirs}): reload the page`,
    )
    this.#over = error
    await this.#retire(GRACE_MS).catch(() => {})
    this.#fail(error)
    this.#hall.close()
  }

  async #close() {
    this.#over = new TidelogError('CLOSED', 'the database is closed')
    try {
      await this.#retire()
      this.#post({ t: 'closed' })
    } catch (error) {
      this.#post({ t: 'closed', error: encodeError(error) })
    }
    this.#end()
  }

  /**
   * After a trap the engine's memory cannot be trusted: nothing more is asked of it, and the worker
   * ends.
   */
  #crash(cause) {
    if (this.#over) return
    this.#over = new TidelogError('CRASHED', `the engine stopped: ${cause.message}`, { cause })
    this.#post({ t: 'crash', error: encodeError(this.#over) })
    this.#hall.tell({ t: 'down', from: this.#id, trapped: true })
    this.#leadership.end()
    this.#end()
  }

  #end() {
    this.#watch.end()
    this.#hall.close()
    this.#port.close()
  }
}

/** Orders two versions, the newer one last: the package's, then the models'. */
function compare(a, b) {
  const parts = ({ package: version, models }) => [
    ...version.split('.').map(n => Number.parseInt(n, 10) || 0),
    models,
  ]
  const [theirs, ours] = [parts(a), parts(b)]
  const at = theirs.findIndex((n, i) => n !== ours[i])
  return at < 0 ? 0 : theirs[at] - ours[at]
}
