// Tabs of one browser in one process, for tests: Web Locks, channels and ports that behave as a
// browser's do when a worker or a page dies without a word. Real structured clones; the database is
// whatever the test opens.
import { connect } from 'tidelog/client'
import { serve } from 'tidelog/worker'

/** The Web Locks of one origin. What a client held or waited for comes free when it dies. */
export class Locks {
  #queues = new Map()

  /**
   * `navigator.locks` as one client has it; `die()` is its end. While `asleep` is a list, it does
   * not hear of thefts.
   */
  client() {
    const mine = new Set()
    const client = {
      asleep: null,
      request: (name, options, held) =>
        client.dead ? new Promise(() => {}) : this.#request(name, options, held, mine, client),
      query: async () => ({
        held: [...this.#queues].flatMap(([name, [first]]) => (first ? [{ name }] : [])),
      }),
      die: () => {
        client.dead = true
        for (const request of [...mine]) this.#drop(request)
      },
    }
    return client
  }

  #request(name, { signal, steal }, held, mine, client) {
    const queue = this.#queues.get(name) ?? []
    this.#queues.set(name, queue)
    return new Promise((resolve, reject) => {
      const request = { name, held, resolve, reject, mine, client, granted: false }
      mine.add(request)
      signal?.addEventListener('abort', () => request.granted || this.#abort(request))
      if (steal) {
        const [first] = queue
        if (first?.granted) this.#abort(first)
        queue.unshift(request)
      } else queue.push(request)
      this.#next(name)
    })
  }

  #abort(request) {
    this.#drop(request)
    const tell = () => request.reject(new DOMException('aborted', 'AbortError'))
    const { asleep } = request.client
    if (asleep) asleep.push(tell)
    else tell()
  }

  #drop(request) {
    const queue = this.#queues.get(request.name)
    const at = queue.indexOf(request)
    if (at < 0) return
    queue.splice(at, 1)
    request.mine.delete(request)
    this.#next(request.name)
  }

  #next(name) {
    const [first] = this.#queues.get(name)
    if (!first || first.granted) return
    first.granted = true
    setTimeout(async () => {
      if (this.#queues.get(name)[0] !== first) return
      const value = await first.held({ name })
      this.#drop(first)
      first.resolve(value)
    })
  }
}

/** The BroadcastChannels of one origin. */
export class Channels {
  #open = new Set()

  /**
   * `name => new BroadcastChannel(name)` as one worker has it. While `asleep` is a list, it hears
   * nothing.
   */
  client() {
    const mine = new Set()
    const make = name => {
      const channel = new Channel(this.#open, name, make)
      mine.add(channel)
      return channel
    }
    make.asleep = null
    make.send = () => true
    make.die = () => {
      make.dead = true
      for (const channel of mine) channel.close()
    }
    return make
  }
}

class Channel extends EventTarget {
  #all
  #owner
  constructor(all, name, owner) {
    super()
    this.#all = all
    this.#owner = owner
    this.name = name
    all.add(this)
  }
  postMessage(message) {
    const data = structuredClone(message)
    // the dead say nothing, and some die when they are about to
    if (this.#owner.dead || !this.#owner.send(message)) return
    if (!this.#all.has(this)) throw new DOMException('closed', 'InvalidStateError')
    for (const other of this.#all) if (other !== this && other.name === this.name) other.hear(data)
  }
  hear(data) {
    setTimeout(() => {
      const deliver = () =>
        this.#all.has(this) && this.dispatchEvent(new MessageEvent('message', { data }))
      const { asleep } = this.#owner
      if (asleep) asleep.push(deliver)
      else deliver()
    })
  }
  close() {
    this.#all.delete(this)
  }
}

/** One browser; `open` makes tabs in it. */
export class Browser {
  locks = new Locks()
  channels = new Channels()
  #ends = []

  /**
   * A page with its worker, connected. `opening(options, before)` opens the database in a worker
   * that leads; what it gives is `abandon`ed when that worker dies. `package` and `version` are
   * what the worker is.
   */
  async open({ file = 'app.db', models = {}, ...options }) {
    const locks = this.locks.client()
    const tab = { workers: [], served: [] }
    const start = () => {
      const worker = this.#worker({ file, models, ...options })
      tab.workers.push(worker)
      return worker.page
    }
    tab.db = await connect(start, { locks })
    /** The worker that lives. */
    Object.defineProperty(tab, 'worker', { get: () => tab.workers.at(-1) })
    /** The page and its worker are gone without a word. */
    tab.die = () => {
      tab.worker.die()
      tab.worker.page.close()
      locks.die()
    }
    this.#ends.push(() => tab.die())
    return tab
  }

  #worker({ file, models, sync, opening, package: name = '1.0.0', version = 0 }) {
    const { port1: page, port2: port } = new MessageChannel()
    const locks = this.locks.client()
    const channel = this.channels.client()
    const opened = []
    const open = async (...args) => {
      const database = await opening(...args)
      opened.push(database)
      return database
    }
    const worker = { page, port, channel }
    worker.die = () => {
      port.close()
      channel.die()
      locks.die()
      for (const database of opened) database.abandon?.()
    }
    // an engine that crashed closes its worker
    port.addEventListener('close', worker.die)
    /** The worker hears nothing until `wake`; it keeps its locks and files. */
    worker.sleep = () => {
      channel.asleep = []
      locks.asleep = []
    }
    worker.wake = () => {
      const missed = [...channel.asleep, ...locks.asleep]
      channel.asleep = locks.asleep = null
      for (const deliver of missed) deliver()
    }
    const surroundings = { port, locks, channel, open, version: { package: name, models: version } }
    worker.served = serve({ file, models, ...(sync && { sync }) }, surroundings)
    worker.served.catch(() => {})
    return worker
  }

  close() {
    for (const end of this.#ends.splice(0)) end()
  }
}
