// Tabs of one browser in one process, for tests: Web Locks, channels and ports that behave as a browser's do when a
// worker or a page dies without a word. Real structured clones; the database is whatever the test opens.
import { connect } from '../../pkg-template/client.js'
import { serve } from '../../pkg-template/worker.js'

/** The Web Locks of one origin. What a client held or waited for comes free when it dies. */
export class Locks {
  #queues = new Map()

  /** `navigator.locks` as one client has it; `die()` is its end. */
  client() {
    const mine = new Set()
    return {
      request: (name, options, held) => this.#request(name, options, held, mine),
      query: async () => ({
        held: [...this.#queues].flatMap(([name, [first]]) => (first ? [{ name }] : [])),
      }),
      die: () => {
        for (const request of [...mine]) this.#drop(request)
      },
    }
  }

  #request(name, { signal, steal }, held, mine) {
    const queue = this.#queues.get(name) ?? []
    this.#queues.set(name, queue)
    return new Promise((resolve, reject) => {
      const request = { name, held, resolve, reject, mine, granted: false }
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
    request.reject(new DOMException('aborted', 'AbortError'))
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

  /** `name => new BroadcastChannel(name)` as one worker has it; `die()` closes all, `stopped` keeps messages back. */
  client() {
    const mine = new Set()
    const make = name => {
      const channel = new Channel(this.#open, name, () => make.stopped)
      mine.add(channel)
      return channel
    }
    make.stopped = null
    make.die = () => {
      for (const channel of mine) channel.close()
    }
    return make
  }
}

class Channel extends EventTarget {
  #all
  #stopped
  constructor(all, name, stopped) {
    super()
    this.#all = all
    this.#stopped = stopped
    this.name = name
    all.add(this)
  }
  postMessage(message) {
    const data = structuredClone(message)
    if (!this.#all.has(this)) throw new DOMException('closed', 'InvalidStateError')
    for (const other of this.#all) if (other !== this && other.name === this.name) other.hear(data)
  }
  hear(data) {
    setTimeout(() => {
      const deliver = () => this.#all.has(this) && this.dispatchEvent(new MessageEvent('message', { data }))
      const stopped = this.#stopped()
      if (stopped) stopped.push(deliver)
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

  /** A page with its worker, connected. `opening(options, before)` opens the database in a worker that leads. */
  async open({ opening, file = 'app.db', models = {}, ...options }) {
    const locks = this.locks.client()
    const tab = { workers: [], served: [] }
    const start = () => {
      const worker = this.#worker({ file, models, opening, ...options })
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

  #worker({ file, models, opening, version, package: name = '0.0.0' }) {
    const { port1: page, port2: port } = new MessageChannel()
    const locks = this.locks.client()
    const channel = this.channels.client()
    const die = () => {
      port.close()
      channel.die()
      locks.die()
    }
    // the engine's crash ends a worker: so does closing its port
    port.addEventListener('close', die)
    const surroundings = { port, locks, channel, open: opening }
    if (version !== undefined || name !== '0.0.0')
      surroundings.version = { package: name, models: version ?? 0 }
    const served = serve({ file, models }, surroundings)
    served.catch(() => {})
    return { page, port, die, channel, served }
  }

  close() {
    for (const end of this.#ends.splice(0)) end()
  }
}
