// The right to lead: a Web Lock that one worker of a database holds, that comes free when its
// worker ends in whatever way, and that can be taken from a worker that does not answer. tab.js
// acts on it.

/**
 * A request for the lock; it has `release` once it is granted.
 * @typedef {{abort: AbortController, stole: boolean, release?: (value?: unknown) => void}} Grant
 */

export class Leadership {
  #locks
  #name
  #on
  /** @type {Grant | null} */
  #request = null

  /**
   * @param {{granted: (grant: Grant) => void, lost: () => void, failed: (error: Error) => void}}
   * on
   */
  constructor(locks, name, on) {
    this.#locks = locks
    this.#name = name
    this.#on = on
  }

  /** Whether it waits for the lock. */
  get waiting() {
    return this.#request !== null && !this.held
  }

  get held() {
    return Boolean(this.#request?.release)
  }

  /** Whether this grant is the one that counts now. */
  is(grant) {
    return this.#request === grant
  }

  /**
   * Queues for the lock, or takes it from whoever has it. Without Web Locks there is nobody else.
   */
  ask(steal = false) {
    this.end()
    /** @type {Grant} */
    const request = { abort: new AbortController(), stole: steal }
    this.#request = request
    const granted = () => {
      // given up meanwhile
      if (this.#request !== request) return
      return new Promise(release => {
        request.release = release
        this.#on.granted(request)
      })
    }
    if (!this.#locks) return void granted()
    const options = steal ? { steal } : { signal: request.abort.signal }
    this.#locks.request(this.#name, options, granted).catch(error => {
      if (this.#request === request && request.release) this.#on.lost()
      else if (error?.name !== 'AbortError') this.#on.failed(error)
    })
  }

  /** Stops waiting for it. What holds it is returned, to be called when the files are closed. */
  give() {
    const request = this.#request
    this.#request = null
    request?.abort.abort()
    return request?.release ?? (() => {})
  }

  /** Gives it back, or stops waiting for it. */
  end() {
    this.give()()
  }
}
