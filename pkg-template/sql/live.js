// Live queries: a query that runs again when a commit touched its table. One slow consumer gets
// only the newest rows.

export class LiveHub {
  #db
  #queries = new Set()

  constructor(db) {
    this.#db = db
  }

  /** A commit changed these tables; without a list, nobody knows which. */
  changed(tables) {
    for (const query of this.#queries) {
      if (!tables || !query.table || tables.includes(query.table)) query.wake()
    }
  }

  /** The database is closed: all queries end. */
  end() {
    for (const query of this.#queries) query.stop()
  }

  /**
   * An async iterable over the results of `read`, as JSON text parsed by `parse`. The first comes
   * at once, further ones when a commit to `table`, or to any table if it is undefined, changed the
   * result.
   * @returns {AsyncIterable<any>}
   */
  query(table, read, parse) {
    return { [Symbol.asyncIterator]: () => this.#start(new Query(table, read, parse)) }
  }

  #start(query) {
    const queries = this.#queries
    queries.add(query)
    return {
      next: () => query.next(this.#db),
      async return() {
        queries.delete(query)
        query.stop()
        return { done: true, value: undefined }
      },
      [Symbol.asyncIterator]() {
        return this
      },
    }
  }
}

class Query {
  #read
  #parse
  #last
  #stale = true
  #stopped = false
  #waiting = []

  constructor(table, read, parse) {
    this.table = table
    this.#read = read
    this.#parse = parse
  }

  wake() {
    this.#stale = true
    for (const go of this.#waiting.splice(0)) go()
  }

  stop() {
    this.#stopped = true
    this.wake()
  }

  async next(db) {
    while (!this.#stopped) {
      if (!this.#stale) {
        await new Promise(go => this.#waiting.push(go))
        continue
      }
      this.#stale = false
      const text = await db._now.running.of(async () => this.#read(await db._ready()))
      if (text === this.#last) continue
      this.#last = text
      return { done: false, value: this.#parse(text) }
    }
    return { done: true, value: undefined }
  }
}
