// Adapters: a host's own SQLite by the four methods `exec`, `iterate`, `transaction`, `close` that
// the engine asks for. They own the host's database: closing one closes it. No host's module is
// imported here.

/** The number of prepared statements that an adapter keeps. */
const KEPT = 64

/**
 * Prepared statements by their text. One that is in use is not in here, so the same text can run
 * inside itself.
 */
class Statements {
  #kept = new Map()
  #prepare

  constructor(prepare) {
    this.#prepare = prepare
  }

  /** Calls `use` with the statement of a text. */
  run(sql, use) {
    const statement = this.#take(sql)
    try {
      use(statement)
    } finally {
      this.#give(sql, statement)
    }
  }

  /** Iterates over `rows` of the statement of a text; leaving early ends the statement. */
  *iterate(sql, rows) {
    const statement = this.#take(sql)
    try {
      yield* rows(statement)
    } finally {
      this.#give(sql, statement)
    }
  }

  /** @param {(statement: any) => void} [finalize] */
  clear(finalize = () => {}) {
    for (const statement of this.#kept.values()) finalize(statement)
    this.#kept.clear()
  }

  #take(sql) {
    const kept = this.#kept.get(sql)
    this.#kept.delete(sql)
    return kept ?? this.#prepare(sql)
  }

  #give(sql, statement) {
    this.#kept.set(sql, statement)
    if (this.#kept.size > KEPT) this.#kept.delete(this.#kept.keys().next().value)
  }
}

/** BEGIN, COMMIT and ROLLBACK as statements; a savepoint inside an open transaction. */
function transaction(adapter, fn) {
  const [begin, commit, rollback] = adapter.inTransaction
    ? ['SAVEPOINT tidelog', 'RELEASE tidelog', 'ROLLBACK TO tidelog; RELEASE tidelog']
    : ['BEGIN IMMEDIATE', 'COMMIT', 'ROLLBACK']
  adapter.exec(begin)
  try {
    const value = fn()
    adapter.exec(commit)
    return value
  } catch (error) {
    // SQLite itself ends the transaction on some errors
    if (adapter.inTransaction) adapter.exec(rollback)
    throw error
  }
}

/** The part that the three hosts with statements and BEGIN share. */
class Prepared {
  #statements
  #closed = false

  constructor(database, prepare) {
    this.database = database
    this.#statements = new Statements(prepare)
  }

  exec(sql, ...params) {
    if (params.length) this.#statements.run(sql, statement => this.runOne(statement, params))
    else this.database.exec(sql)
  }

  runOne(statement, params) {
    statement.run(...params)
  }

  iterate(sql, ...params) {
    return this.#statements.iterate(sql, statement => this.rowsOf(statement, params))
  }

  rowsOf(statement, params) {
    return statement.iterate(...params)
  }

  transaction(fn) {
    return transaction(this, fn)
  }

  close() {
    if (this.#closed) return
    this.#closed = true
    this.#statements.clear(statement => statement.finalize?.())
    this.database.close()
  }
}

class NodeSqlite extends Prepared {
  constructor(database) {
    super(database, sql => {
      const statement = database.prepare(sql)
      statement.setReadBigInts(true)
      return statement
    })
  }

  get inTransaction() {
    return this.database.isTransaction
  }
}

class BetterSqlite3 extends Prepared {
  constructor(database) {
    super(database, sql => database.prepare(sql).safeIntegers(true))
  }

  /** `run` is refused to statements that give rows, `iterate` to those that give none. */
  runOne(statement, params) {
    if (statement.reader) statement.all(...params)
    else statement.run(...params)
  }

  rowsOf(statement, params) {
    if (statement.reader) return statement.iterate(...params)
    statement.run(...params)
    return []
  }

  get inTransaction() {
    return this.database.inTransaction
  }
}

class BunSqlite extends Prepared {
  constructor(database) {
    super(database, sql => {
      const statement = database.prepare(sql)
      statement.safeIntegers(true)
      return statement
    })
  }

  get inTransaction() {
    return this.database.inTransaction
  }
}

class DurableObjectSqlite {
  /** Every number is bound as a double there, and BigInt refused: the engine casts integers. */
  bigint = false
  #storage

  constructor(storage) {
    this.#storage = storage
  }

  exec(sql, ...params) {
    this.#storage.sql.exec(sql, ...params).toArray()
  }

  /** All rows are read at once: a cursor that is left early keeps its tables locked. */
  iterate(sql, ...params) {
    return this.#storage.sql.exec(sql, ...params).toArray()
  }

  transaction(fn) {
    return this.#storage.transactionSync(fn)
  }

  transactionAsync(fn) {
    return this.#storage.transaction(fn)
  }

  /** A Durable Object's database lives as long as the object. */
  close() {}
}

const given = (what, value, ...methods) => {
  if (methods.every(name => typeof value?.[name] === 'function')) return value
  throw new TypeError(`${what} expects a database with the methods ${methods.join(', ')}`)
}

/** The adapter of a `DatabaseSync` of `node:sqlite`. */
export const fromNodeSqlite = database =>
  new NodeSqlite(given('fromNodeSqlite', database, 'prepare', 'exec', 'close'))

/** The adapter of a `Database` of better-sqlite3. */
export const fromBetterSqlite3 = database =>
  new BetterSqlite3(given('fromBetterSqlite3', database, 'prepare', 'exec', 'close', 'pragma'))

/** The adapter of a `Database` of `bun:sqlite`. */
export const fromBunSqlite = database =>
  new BunSqlite(given('fromBunSqlite', database, 'prepare', 'exec', 'close', 'query'))

/** The adapter of a Durable Object's `ctx`, or of its `ctx.storage`. */
export function fromDurableObject(ctx) {
  const storage = ctx?.storage ?? ctx
  given('fromDurableObject', storage, 'transactionSync', 'transaction')
  given('fromDurableObject', storage.sql, 'exec')
  return new DurableObjectSqlite(storage)
}
