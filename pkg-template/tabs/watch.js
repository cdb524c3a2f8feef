// Watches whether a leader that owes this page something still lives: asks it when it was silent
// for a while, and has it passed over when it stays silent. The worker and the page of a frozen tab
// say nothing, and keep their locks.

/**
 * After what silence a leader is asked: one that owes an answer, and one that owes only newer rows
 * of live queries.
 */
const ASK_MS = 1000
/** Without a leader: a new worker's channel may not be there yet when the first answer comes. */
const ASK_UNLED_MS = 250
const ASK_IDLE_MS = 10_000
/**
 * The time a leader may take to answer, in ms. Somewhat random, so that two who wait do not act at
 * once.
 */
const ANSWER_MS = 4000

export class Watch {
  #ask
  #passOver
  #owed = new Map()
  #heard = Date.now()
  #asked = 0
  #ticked = Date.now()
  #timer

  /**
   * @param {{waiting: () => boolean, led: () => boolean, ask: () => void, passOver: () => void}}
   * about
   */
  constructor({ waiting, led, ask, passOver }) {
    this.#ask = ask
    this.#passOver = passOver
    this.#timer = setInterval(() => waiting() && this.#tick(led()), ASK_UNLED_MS)
    // Node: this alone keeps no process running
    this.#timer.unref?.()
  }

  /** The leader owes an answer to message `id`. */
  owe(id, t) {
    if (!this.#owed.size) this.#heard = Date.now()
    this.#owed.set(id, t)
  }

  settle(id) {
    this.#owed.delete(id)
  }

  /** Another leader, or none. */
  clear() {
    this.#owed.clear()
    this.hear()
  }

  /** The leader lives. */
  hear() {
    this.#asked = 0
    this.#heard = Date.now()
  }

  end() {
    clearInterval(this.#timer)
  }

  #tick(led) {
    const now = Date.now()
    // this worker was asleep itself: what it missed says nothing about others
    if (now - this.#ticked > 2 * ASK_MS) this.hear()
    this.#ticked = now
    if (led && !this.#owed.size) return
    const idle = [...this.#owed.values()].every(t => t === 'live')
    const patience = led ? (idle ? ASK_IDLE_MS : ASK_MS) : ASK_UNLED_MS
    if (!this.#asked && now - this.#heard > patience) {
      this.#asked = now
      this.#ask()
    } else if (this.#asked && now - this.#asked > ANSWER_MS + 500 * Math.random()) {
      this.hear()
      this.#passOver()
    }
  }
}
