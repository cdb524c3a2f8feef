// A page's note about a database, kept in localStorage: that the database was written to, and that
// the browser was asked to keep it. By this note a later visit notices that the browser has cleared
// the storage.

export class Marker {
  /** The database was made anew since this profile last wrote to it. */
  evicted = false
  #kept

  /**
   * Takes what the leader says of the database: `{file, birth, written}`; `ask` asks for
   * persistence, once per profile.
   */
  hear(kept, ask) {
    // without a birth there is nothing that a browser could clear
    if (!kept?.birth) return
    this.#kept = kept
    const known = this.#read()
    this.evicted = known !== undefined && known.birth !== kept.birth
    if (!kept.written) return
    if (!known?.asked) ask()
    this.#write({ birth: known?.birth ?? kept.birth, asked: true })
  }

  /** The user knows of the eviction. */
  acknowledge() {
    if (this.#kept) this.#write({ birth: this.#kept.birth, asked: true })
    this.evicted = false
  }

  get #key() {
    return `tidelog:${this.#kept.file}`
  }

  #read() {
    try {
      return JSON.parse(globalThis.localStorage.getItem(this.#key) ?? 'null') ?? undefined
    } catch {
      // no localStorage, or somebody else's value: nothing is known
      return undefined
    }
  }

  #write(value) {
    try {
      globalThis.localStorage.setItem(this.#key, JSON.stringify(value))
    } catch {
      // no localStorage, or no room in it: an eviction will go unnoticed
    }
  }
}
