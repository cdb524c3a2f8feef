// The state of a database's storage: its place, whether the browser has promised to keep it, how
// much room there is. Asks the browser now and then, and tells when something changed. Windows and
// workers alike; the system's files need no asking.

/** The age of an answer about room after which the next look at the status asks again. */
const FRESH_MS = 10_000

/** Those of open databases. */
const all = new Set()

/** Some write of this realm found no room: engine.js hears of each such error. */
export function foundNoRoom() {
  // never inside a call of the engine
  queueMicrotask(() => {
    for (const kept of all) kept.lookAgain()
  })
}

const asked = (manager, name) => Promise.resolve(manager[name]?.()).catch(() => undefined)

export class Kept {
  /** A browser keeps it, and may clear it. */
  inBrowser = false
  /** The user has written since the database was opened. */
  written = false
  #status = { storage: null, persistence: null, full: false, quota: null }
  #engine
  #manager
  #at = 0
  #tell

  /** @param {() => void} tell called when something changed */
  constructor(tell) {
    this.#tell = tell
  }

  open(engine) {
    this.#engine = engine
    const { storage } = engine
    this.inBrowser = storage === 'opfs' || storage === 'indexeddb'
    this.#manager = this.inBrowser ? globalThis.navigator?.storage : undefined
    const persistence =
      { file: 'persistent', adapter: 'persistent', memory: 'none' }[storage] ?? 'best-effort'
    this.#set({ storage, persistence })
    all.add(this)
    this.#ask()
  }

  close() {
    all.delete(this)
    this.#engine = this.#manager = undefined
  }

  /** `{storage, persistence, full, quota}`; asks for newer figures when these are old. */
  get status() {
    if (this.#manager && Date.now() - this.#at > FRESH_MS) this.#ask()
    return this.#status
  }

  /** A write of the user succeeded. */
  wrote(relaxed) {
    if (this.#status.full) this.lookAgain()
    // nobody waits for it: a failure is told by the next write, and here
    if (relaxed && this.#status.storage === 'indexeddb')
      Promise.resolve(this.#engine?.catchUp()).catch(() => {})
    if (this.written) return
    this.written = true
    this.#tell()
    // workers are not asked: there the page does it
    if (this.#manager && 'persist' in this.#manager)
      asked(this.#manager, 'persist').then(() => this.#ask())
  }

  /** The browser may have another answer about persistence now. */
  lookAgain() {
    if (!this.#engine) return
    this.#set({ full: this.#engine.full })
    this.#ask()
  }

  async #ask() {
    const manager = this.#manager
    if (!manager) return
    this.#at = Date.now()
    const [estimate, persisted] = await Promise.all([
      asked(manager, 'estimate'),
      asked(manager, 'persisted'),
    ])
    if (this.#manager !== manager) return
    const { usage, quota } = estimate ?? {}
    this.#set({
      quota: quota === undefined ? null : { usage, quota },
      persistence: persisted ? 'persistent' : 'best-effort',
    })
  }

  #set(changes) {
    const next = { ...this.#status, ...changes }
    if (JSON.stringify(next) === JSON.stringify(this.#status)) return
    this.#status = next
    this.#tell()
  }
}
