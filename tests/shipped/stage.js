// The stage of tests/sim/stage.rs: replicas and servers of the package in pkg/, over files in
// memory and chance that is given to them. Decides nothing; what an answer means is for the world
// in tests/sim.
import assert from 'node:assert/strict'
import { loadEngine } from '../../pkg/platform/engine.js'
import { Files } from './files.js'

/**
 * The bytes that the platform's generator gives to the actor at work: the draws of one engine at a
 * time.
 */
let given = null

Object.defineProperty(globalThis.crypto, 'getRandomValues', {
  value(bytes) {
    // SQLite's own generator wants 44: they make salts of a WAL, which nobody sees
    if (bytes.length < 4096) return bytes.fill(7)
    if (given?.length !== bytes.length)
      throw new Error(`${bytes.length} random bytes are not at hand`)
    bytes.set(given)
    given = null
    return bytes
  },
})

/** Nothing here ever waits: a promise would mean that the engine left the world's time. */
function atOnce(value) {
  if (value instanceof Promise) throw new Error('the engine waits for something')
  return value
}

/** The workload's reducer, as in tests/sim/workload.rs. */
const functions = {
  preprocesses: false,
  reduces: true,
  derives: false,
  reduce(_type, body, v) {
    const { verb, id, field, value } = JSON.parse(body)
    if (verb === 'rm') return JSON.stringify({ docs: { rm: [id] } })
    const written = { neg: -value, pos: v }[verb] ?? value
    const how = verb === 'neg' || verb === 'pos' ? 'set' : verb
    return JSON.stringify({ docs: { [how]: [{ id, [field]: written }] } })
  },
}

/** A participant that dies and comes back with its files. */
class Actor {
  constructor(engine, files, random, version = 1) {
    this.engine = engine
    this.files = files
    this.version = version
    this.random = random.slice() // what comes from wasm is a view of its memory
    this.own = this.working(() => this.open())
  }

  /** Does something in which the engine may draw. */
  working(act) {
    given = this.random
    try {
      return act()
    } finally {
      this.random = given
      given = null
    }
  }

  reopen(random) {
    const old = this.own
    this.files = this.files.fork()
    this.random = random.slice()
    this.own = this.working(() => this.open())
    old.free()
  }

  copy(random) {
    return new this.constructor(this.engine, this.files.fork(), random, this.version)
  }

  arm(k) {
    this.files.arm(k)
  }

  breakWrite(k) {
    this.files.breakWrite(k)
  }

  caught() {
    return this.files.caught()
  }

  free() {
    this.own.free()
  }
}

class Replica extends Actor {
  open() {
    const { Engine } = this.engine
    const own = atOnce(Engine.open({ storage: 'file', file: 'replica.db' }, this.files, functions))
    atOnce(own.addModel({ name: 'docs', columns: [{ name: 'a', real: true }] }, true))
    const types = { change: { tv: this.version, optional: false } }
    atOnce(own.openEvents({ log: 'sim', version: 1, types }))
    own.startSync()
    this.flight = undefined
    return own
  }

  #all(sql) {
    return this.own.allSql(sql, undefined, 0)
  }

  setVersion(version) {
    this.version = version
  }

  held() {
    return this.own.held()?.[0]
  }

  rebuild() {
    atOnce(this.working(() => this.own.rebuild()))
    assert.deepEqual(this.#all('PRAGMA integrity_check'), [{ integrity_check: 'ok' }])
  }

  dispatch(id, hex, tv, body, ts, x) {
    // what a follower tab's retry asks first
    const known = table => this.#all(`SELECT 1 FROM ${table} WHERE id = x'${hex}'`).length > 0
    if (known('_pending') || known('_log')) return true
    const condition = x === undefined ? '' : `,"x":${JSON.stringify(x)}`
    const draft = `[{"type":"change","tv":${tv},"id":"${id}","data":${body}${condition}}]`
    const now = Date.now
    Date.now = () => ts
    try {
      atOnce(this.working(() => this.own.dispatch(draft)))
      return true
    } catch (error) {
      if (['IO', 'QUOTA', 'CORRUPT', undefined].includes(error.code)) throw error
      return false
    } finally {
      Date.now = now
    }
  }

  poll(now, random) {
    const action = this.own.syncPoll(now, random)
    if (action.act === 'send') this.flight = action.id
    if (action.act === 'abort') this.flight = undefined
    return action
  }

  markSent(n) {
    atOnce(this.own.markSent(n))
  }

  apply(now, random) {
    atOnce(this.working(() => this.own.syncApply(now, random)))
  }

  handle(now, random, request, status, body) {
    if (this.flight === request) this.flight = undefined
    this.own.syncHandle(now, random, request, status, body)
  }

  failed(now, random, request) {
    if (this.flight === request) this.flight = undefined
    this.own.syncFailed(now, random, request)
  }

  inFlight() {
    return this.flight
  }

  token() {
    this.own.syncToken()
  }

  failedToken(now, random) {
    this.own.syncFailedToken(now, random)
  }

  setOnline(online) {
    this.own.setOnline(online)
  }

  wake() {
    this.own.wakeSync()
  }

  status() {
    return JSON.stringify(this.own.syncStatus())
  }

  me() {
    return this.own.client
  }

  cursor() {
    const rows = this.#all(
      "SELECT k, CASE typeof(v) WHEN 'blob' THEN hex(v) ELSE v END AS v FROM _meta",
    )
    const stored = Object.fromEntries(rows.map(({ k, v }) => [k, v]))
    return [stored.seq, stored.h, stored.epoch].map(value => `${value ?? ''}`)
  }

  docs() {
    return JSON.stringify(JSON.parse(this.own.search('docs', '{}', 0)).items)
  }

  queued() {
    return this.#all('SELECT hex(id) AS id, b FROM _pending WHERE seq IS NULL ORDER BY lo').flatMap(
      ({ id, b }) => [id, b],
    )
  }

  sent() {
    return Number(this.#all('SELECT count(*) AS n FROM _pending WHERE sent AND seq IS NULL')[0].n)
  }

  dead() {
    return this.#all('SELECT seq FROM _dead ORDER BY seq').map(({ seq }) => Number(seq))
  }
}

class Server extends Actor {
  open() {
    return atOnce(
      this.engine.ServerLog.open({ storage: 'file', file: 'log.db' }, this.files, 'sim'),
    )
  }

  ask(verb, principal, text, life) {
    const body = new TextEncoder().encode(text)
    return verb === 'push'
      ? this.own.push(principal, body, life === undefined ? undefined : seventh(life))
      : this.own[verb](principal, body)
  }

  operate(kind, about) {
    return this.own.operate(kind, about)
  }

  /** A copy under another epoch, as somebody who restores a backup leaves it. */
  renamed(epoch, random) {
    const files = this.files.fork()
    const db = atOnce(this.engine.Engine.open({ storage: 'file', file: 'log.db' }, files))
    atOnce(db.runSql(`UPDATE meta SET v = x'${epoch}' WHERE k = 'epoch'`, undefined, 0))
    const server = new Server(this.engine, files.fork(), random)
    db.free()
    return server
  }
}

const DIGITS = 'abcdefghijklmnopqrstuvwxyz234567'

/** Says no to about one event in seven, by the last byte of its id and the server's life. */
const seventh = life => (_type, _body, id) => {
  const [high, low] = [...id.slice(-2)].map(digit => DIGITS.indexOf(digit))
  const last = (high << 3) | (low >> 2)
  return ((last + life) & 255) % 7 === 0 ? 'SEVENTH' : undefined
}

/** A stage in this realm. */
export async function openStage() {
  const engine = await loadEngine()
  return {
    replica: random => new Replica(engine, new Files(), random),
    server: random => new Server(engine, new Files(), random),
  }
}
