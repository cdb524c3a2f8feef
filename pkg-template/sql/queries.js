// The ways to run an application's own SQL, told to listeners of `call`; and the database's
// versions. How the database opens and who may write is SQLite's.

import { Emitter } from '../language/emitter.js'
import { sql } from './sql-tag.js'
import { Statement } from './statement.js'

/** The beginning of a statement that writes: it takes its turn, also where its rows are wanted. */
const WRITES = /^\s*(insert|update|delete|replace|create|alter|drop)\b/i

/**
 * The members of SQLite that the ways to run a statement use. `_ready` and `_readyToWrite` give the
 * engine.
 * @typedef {import('../engine/tidelog.js').Engine} Engine
 * @typedef {{
 *   name: string,
 *   _options: Record<string, any>,
 *   _ready(own?: number): Engine | Promise<Engine>,
 *   _readyToWrite(own?: number): Engine | Promise<Engine>,
 *   _tokenOf(own?: number): number,
 *   _announce(anything?: boolean): void,
 * }} Beneath
 */

/** @typedef {import('../types/sql.js').SQLite} Declared */

export class Queries extends /** @type {new () => Emitter & Beneath} */ (Emitter) {
  static sql = sql
  sql = sql
  _statements = new Map()

  /** `{changes, lastID}` of a statement that writes. */
  async run(...args) {
    const [query, vars] = textOf('run', args)
    return this._call({ method: 'run', query, args: vars }, () => this._run(query, vars))
  }

  /** All rows of a statement, as objects. */
  async all(...args) {
    const [query, vars] = textOf('all', args)
    return this._call({ method: 'all', query, args: vars }, () => this._rows(query, vars))
  }

  /** The first row of a statement, or undefined. */
  async get(...args) {
    const [query, vars] = textOf('get', args)
    const first = async () => (await this._rows(query, vars, true))[0]
    return this._call({ method: 'get', query, args: vars }, first)
  }

  /**
   * Calls `fn` with every row; resolves to their number. As a template tag it gives a function that
   * takes `fn`.
   */
  each(...args) {
    const [query, vars] = textOf('each', args)
    if (Array.isArray(args[0])) return fn => this.each(query, vars, fn)
    return this._each(query, args.slice(1))
  }

  async _each(query, args) {
    const fn = args.at(-1)
    if (typeof fn !== 'function')
      throw new TypeError(
        'each: the last argument must be a function, which is called with each row',
      )
    const vars = args.length > 1 ? args[0] : undefined
    return this._call({ method: 'each', query, args: vars }, async () => {
      const rows = await this._rows(query, vars)
      for (const row of rows) fn(row)
      return rows.length
    })
  }

  /** Runs statements, one after the other; as a template tag with values, one. */
  async exec(...args) {
    const [query, vars] = textOf('exec', args)
    return this._call({ method: 'exec', query, args: vars }, async () => {
      if (valuesOf(vars)?.length) return void (await this._run(query, vars))
      const engine = await this._readyToWrite()
      const token = this._tokenOf()
      await engine.execSql(query, token)
      if (!token) this._announce(true)
    })
  }

  /** A statement to be run again and again; the same one for the same text. */
  prepare(...args) {
    const [query, vars] = textOf('prepare', args)
    const tag = Array.isArray(args[0])
    if (tag && vars.length)
      throw new TypeError(
        'prepare: a template with values cannot be prepared: write ? for them, and give the values to run, get, all and each',
      )
    const known = this._statements.get(query)
    if (known) return known
    const forget = () => this._statements.delete(query)
    const made = new Statement(this, query, tag ? undefined : args[1], forget)
    this._statements.set(query, made)
    return made
  }

  async _run(query, vars) {
    const engine = await this._readyToWrite()
    const token = this._tokenOf()
    const done = await engine.runSql(query, valuesOf(vars), token)
    if (!token) this._announce(done.changes > 0)
    return done
  }

  async _rows(query, vars, first = false) {
    const engine = await (WRITES.test(query) ? this._readyToWrite() : this._ready())
    const token = this._tokenOf()
    const rows = await engine.allSql(query, valuesOf(vars), first, token)
    if (!token) this._announce()
    return rows
  }

  /**
   * Does a call, tells listeners of `call` about it, and names connection and statement in its
   * error.
   */
  async _call({ method, isStmt = false, query, args, label = '' }, work) {
    const { verbose } = this._options
    const told = verbose || this.listenerCount('call') > 0
    const from = verbose ? new Error('called') : undefined
    const start = told ? performance.now() : 0
    let output
    let error
    try {
      output = await work()
      return output
    } catch (thrown) {
      error = named(thrown, this.name, label, from)
      throw error
    } finally {
      if (told) {
        const duration = performance.now() - start
        const line = query.replaceAll(/\s+/g, ' ')
        const call = { name: this.name, method, isStmt, query: line, args, duration, output, error }
        this.emit('call', call)
        if (verbose) console.debug(`${this.name}.${method} ${duration.toFixed(2)} ms: ${query}`)
      }
    }
  }

  /**
   * A number that changes when another connection, in this process or another, wrote to the file.
   * @type {Declared['dataVersion']}
   */
  async dataVersion() {
    return (await this._ready()).dataVersion()
  }

  /**
   * The application's own version of the database, set first if one is given.
   * @type {Declared['userVersion']}
   */
  async userVersion(version) {
    const given = version !== undefined && version !== null
    if (given && (!Number.isInteger(version) || version !== (version | 0)))
      throw new TypeError(`userVersion: version must be a whole number of 32 bits, not ${version}`)
    const engine = await (given ? this._readyToWrite() : this._ready())
    if (given) await engine.setUserVersion(version, this._tokenOf())
    return engine.userVersion(this._tokenOf())
  }
}

/**
 * @param {string} method
 * @param {any[]} args
 */
function textOf(method, [text, ...rest]) {
  if (Array.isArray(text) && 'raw' in text) return sql(text, ...rest)
  if (typeof text !== 'string')
    throw new TypeError(
      `${method}: sql must be a string, not ${text === null ? 'null' : typeof text}`,
    )
  // values one by one, as node-sqlite3 takes them
  return [text, rest.length > 1 && valuesOf(rest[0]) !== rest[0] ? rest : rest[0]]
}

/** A list or named values as they are, a single value as a list of it. */
function valuesOf(given) {
  if (given === undefined || typeof given === 'function') return given
  return typeof given !== 'object' || given instanceof Date || ArrayBuffer.isView(given)
    ? [given]
    : given
}

/** The error of the engine with the names of connection and statement in front. */
export function named(error, name, label, from) {
  if (error?.name !== 'TidelogError' || error.message.includes(name)) return error
  const code = error.code.startsWith('SQLITE_') ? `${error.code}: ` : ''
  error.message = `${name}${label ? `[${label}]` : ''}: ${code}${error.message}`
  if (from) error.stack = `${error.stack}\n${from.stack.split('\n').slice(1).join('\n')}`
  return error
}

/** The methods that models call, whose errors know a table at most. */
const OF_MODELS = [
  ...['get', 'getBy', 'getAll', 'search', 'searchOwn', 'count', 'any', 'aggregate', 'explain'],
  ...['set', 'update', 'patch', 'patched', 'remove', 'changeId'],
]

/** Has an engine's errors in models name its database. */
export function nameErrors(engine, name) {
  const failed = error => {
    throw named(error, name)
  }
  for (const method of OF_MODELS) {
    const call = engine[method]
    engine[method] = (...args) => {
      try {
        const result = call.apply(engine, args)
        return result instanceof Promise ? result.catch(failed) : result
      } catch (error) {
        return failed(error)
      }
    }
  }
}
