// The upkeep of an open database: statistics, and free pages given back step by step. Its timers
// keep no process alive and end when the database closes; the engine holds the lane while it works.

const OPTIMIZE_MS = 2 * 60 * 60 * 1000
/** A step is worth it when this many steps' pages are free. */
const STEPS = 20
/** A look is this many times rarer than a step. */
const LOOKS = 10

export class Upkeep {
  #engine
  #pages
  #interval
  #auto
  #timers = {}

  /** `autoVacuum`, `vacuumInterval` in seconds and `vacuumPageCount` as given to `SQLite`. */
  constructor({ autoVacuum = false, vacuumInterval = 30, vacuumPageCount = 256 }) {
    this.#auto = Boolean(autoVacuum)
    this.#interval = vacuumInterval * 1000
    this.#pages = vacuumPageCount
  }

  /** Prepares an engine that may write, before anybody else uses it. */
  async prepare(engine) {
    if (this.#auto) await engine.makeIncremental()
  }

  start(engine) {
    this.#engine = engine
    this.#later('optimize', OPTIMIZE_MS, async () => {
      await engine.optimize()
      return OPTIMIZE_MS
    })
    if (this.#auto) this.#later('vacuum', this.#interval * LOOKS, () => this.#step(engine))
  }

  stop() {
    this.#engine = undefined
    for (const timer of Object.values(this.#timers)) clearTimeout(timer)
  }

  /** Gives all free pages back. */
  async vacuum(engine) {
    if (!this.#auto) return engine.vacuum()
    let left = engine.freePages()
    while (left > 0) {
      const before = left
      left = await engine.giveBack(this.#pages)
      if (left >= before) return
    }
  }

  /** One step if it is worth it; how long to wait for the next. */
  async #step(engine) {
    const enough = () => engine.freePages() >= STEPS * this.#pages
    if (enough()) await engine.giveBack(this.#pages)
    return enough() ? this.#interval : this.#interval * LOOKS
  }

  #later(name, ms, work) {
    const engine = this.#engine
    this.#timers[name] = setTimeout(async () => {
      // a failure here is nobody's: the next write meets its cause itself
      const next = await work().catch(() => ms)
      if (this.#engine === engine) this.#later(name, next, work)
    }, ms)
    this.#timers[name].unref?.()
  }
}
