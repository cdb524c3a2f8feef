// `Statement`: one SQL text of one connection, to be run again and again. Calls run strictly in
// their order. The engine keeps what SQLite prepared, so there is nothing to lose when the database
// is closed and opened again.

export class Statement {
  /** @type {true} */
  isStatement = true
  #last = Promise.resolve()
  #forget

  /** Made by `db.prepare`. */
  constructor(db, sql, name, forget) {
    this.db = db
    this.sql = sql
    this.name = name
    this.#forget = forget
  }

  /** `{changes, lastID}`. */
  run(vars) {
    return this.#next('run', vars, () => this.db._run(this.sql, vars))
  }

  /** The first row, or undefined. */
  get(vars) {
    return this.#next('get', vars, async () => (await this.db._rows(this.sql, vars, true))[0])
  }

  /** All rows. */
  all(vars) {
    return this.#next('all', vars, () => this.db._rows(this.sql, vars))
  }

  /** Calls `fn` with every row; resolves to their number. */
  async each(vars, fn = vars) {
    if (typeof fn !== 'function')
      throw new TypeError(
        'each: the last argument must be a function, which is called with each row',
      )
    const given = fn === vars ? undefined : vars
    return this.#next('each', given, async () => {
      const rows = await this.db._rows(this.sql, given)
      for (const row of rows) fn(row)
      return rows.length
    })
  }

  /**
   * Waits for what was called and lets the connection forget it. It can be used afterwards
   * nevertheless.
   */
  async finalize() {
    await this.#last
    this.#forget()
  }

  #next(method, args, work) {
    const label = this.name ?? 'stmt'
    const call = () => this.db._call({ method, isStmt: true, query: this.sql, args, label }, work)
    return this.db._now.running.of(() => {
      const done = this.#last.then(call)
      this.#last = done.then(
        () => {},
        () => {},
      )
      return done
    })
  }
}
