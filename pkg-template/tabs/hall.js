// The meeting place of the workers of one database's tabs: a BroadcastChannel that all of them
// hear, and one for each that it alone listens to, so that no worker unpacks messages for others.
// It understands no message.

export class Hall {
  #name
  #make
  #all
  #own
  #others = new Map()

  /**
   * @param {string} name the database's
   * @param {string} id this worker's
   * @param {(name: string) => BroadcastChannel} make
   */
  constructor(name, id, make) {
    this.#name = `tidelog:${name}`
    this.#make = make
    this.#all = make(this.#name)
    this.#own = make(`${this.#name}:${id}`)
  }

  /**
   * Calls `hear(message, own)` with what others say; `own` when it was said to this worker alone.
   */
  listen(hear) {
    this.#all.addEventListener('message', ({ data }) => hear(data, false))
    this.#own.addEventListener('message', ({ data }) => hear(data, true))
  }

  /** Says something to all others. */
  tell(message) {
    this.#all?.postMessage(message)
  }

  /** Says something to one. */
  to(id, message) {
    if (!this.#all) return
    if (!this.#others.has(id)) this.#others.set(id, this.#make(`${this.#name}:${id}`))
    this.#others.get(id).postMessage(message)
  }

  /** One who is not spoken to any more. */
  forget(id) {
    this.#others.get(id)?.close()
    this.#others.delete(id)
  }

  /** Leaves: nothing is heard or said from here on. */
  close() {
    for (const channel of [this.#all, this.#own, ...this.#others.values()]) channel?.close()
    this.#all = this.#own = undefined
    this.#others.clear()
  }
}
