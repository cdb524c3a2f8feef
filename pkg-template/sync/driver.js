// Carries out the actions of the engine's sync machine: requests, timers, tokens. It decides
// nothing, keeps nothing that a restart would miss, and calls no function of the application but
// `fetch` and `getToken`.

/** For clocks and dice of a machine: ms that never run backwards, and 32 random bits. */
const now = () => performance.now()
const random = () => crypto.getRandomValues(new Uint32Array(1))[0]

/** More bytes than any answer of the protocol has: 1 MiB of bodies in JSON, and their names. */
const MOST_BYTES = 4 * 1024 * 1024

export class Driver {
  #server
  #token
  /** The request under way: `{id, abort}`. */
  #flight
  /** Something happened since the last look: an answer, a timer, a new event. */
  #rung = false
  #wake

  /** Drives the started machine of `engine`. `base` is `<url>/v1/<log>`. */
  constructor(engine, { base, fetch, getToken }) {
    this.engine = engine
    this.stopped = false
    this.#server = { base, fetch, getToken }
  }

  /**
   * Works until there is something to tell: `{status, verdicts, noops}`, as the engine gives them.
   */
  async step() {
    let told
    while (!this.stopped) {
      const action = this.engine.syncPoll(now(), random())
      if (action.act === 'apply') {
        told = await this.#apply()
        break
      }
      if (action.act !== 'wait') await this.#carryOut(action)
      else if (this.engine.syncChanged()) break
      else await this.#sleep(action.until)
    }
    const [verdicts, noops] = told ?? [[], []]
    return { status: this.engine.syncStatus(), verdicts, noops }
  }

  /** Ends the loop; a request in flight is aborted. */
  stop() {
    this.stopped = true
    this.#flight?.abort.abort()
    this.#flight = undefined
    this.ring()
  }

  /** Has the loop look again. */
  ring() {
    this.#rung = true
    this.#wake?.()
  }

  wake() {
    this.engine.wakeSync()
    this.ring()
  }

  setOnline(online) {
    const kept = this.engine.setOnline(online)
    this.ring()
    return kept
  }

  setToken(token) {
    this.#token = token
    this.engine.syncToken()
    this.ring()
  }

  async #apply() {
    try {
      return await this.engine.syncApply(now(), random())
    } catch (error) {
      if (error.code !== 'CLOSED') throw error
      this.stop()
      return undefined
    }
  }

  async #carryOut(action) {
    if (action.act === 'send') {
      if (action.sent === undefined || (await this.#marked(action))) this.#send(action)
    } else if (action.act === 'token') {
      this.#askToken(action.refused)
    } else if (this.#flight?.id === action.id) {
      this.#flight.abort.abort()
      this.#flight = undefined
    }
  }

  /** Commits that the events are on their way; what is not marked must not leave. */
  async #marked({ id, sent }) {
    try {
      await this.engine.markSent(sent)
      return !this.stopped
    } catch (error) {
      // a trap has no code and ends the engine
      if (!error.code) throw error
      this.engine.syncFailed(now(), random(), id)
      return false
    }
  }

  /** Sends a request and gives the machine its answer, in the background. */
  async #send({ id, verb, body }) {
    const abort = new AbortController()
    this.#flight = { id, abort }
    const answer = await this.#post(verb, body, abort.signal).catch(() => undefined)
    if (this.#flight?.id === id) this.#flight = undefined
    if (this.stopped) return
    if (answer) this.engine.syncHandle(now(), random(), id, answer.status, answer.body)
    else this.engine.syncFailed(now(), random(), id)
    this.ring()
  }

  async #post(verb, body, signal) {
    const { base, fetch } = this.#server
    const headers = { 'content-type': 'application/json' }
    if (this.#token !== undefined) headers.authorization = `Bearer ${this.#token}`
    // answers are for this client alone and never a second time
    const response = await fetch(`${base}/${verb}`, {
      method: 'POST',
      headers,
      body,
      signal,
      cache: 'no-store',
    })
    return { status: response.status, body: await read(response) }
  }

  /** Asks the application for a token, in the background. */
  async #askToken(refused) {
    const { getToken } = this.#server
    if (!getToken) {
      // a token given by setToken stays; when it is refused, only the application can give another
      if (refused) this.engine.syncNoToken()
      else this.engine.syncToken()
      return
    }
    let token
    try {
      token = await getToken({ reason: refused ? 'refused' : 'first' })
    } catch {
      if (this.stopped) return
      this.engine.syncFailedToken(now(), random())
      return this.ring()
    }
    if (this.stopped) return
    this.setToken(typeof token === 'string' ? token : undefined)
  }

  /** Waits until the bell rings, or until a time of the machine's clock. */
  async #sleep(until) {
    const timer = until && setTimeout(() => this.ring(), Math.max(until - now(), 0))
    await new Promise((/** @type {(value?: unknown) => void} */ go) => {
      this.#wake = go
      if (this.#rung) go()
    })
    this.#rung = false
    clearTimeout(timer)
  }
}

/**
 * The text of an answer. One that has no end is cut off, which leaves no JSON and counts as a
 * failure.
 */
async function read(response) {
  // a runtime may give no stream for an empty body; Safari's cannot be iterated
  const reader = response.body?.getReader()
  const parts = []
  let size = 0
  for (;;) {
    const { done, value } = (await reader?.read()) ?? { done: true }
    if (done) return new Blob(parts).text()
    size += value.byteLength
    if (size > MOST_BYTES) {
      await reader.cancel()
      throw new RangeError(
        `the server's answer has more than ${MOST_BYTES} bytes, which none of the protocol has`,
      )
    }
    parts.push(value)
  }
}
