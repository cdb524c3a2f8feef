// The calls between page and worker, over real structured-clone ports, with an in-memory stand-in for the database so
// that each fault can be made to happen. What the real database does is not tested here.

import assert from 'node:assert/strict'
import { afterEach, test } from 'node:test'
import { connect } from '../../pkg-template/client.js'
import { serve } from '../../pkg-template/worker.js'

/** Web Locks for one name at a time, exclusive and in order. */
class Locks {
  #tails = new Map()
  request(name, held) {
    const turn = (this.#tails.get(name) ?? Promise.resolve()).then(() => held({ name }))
    this.#tails.set(
      name,
      turn.catch(() => {}),
    )
    return turn
  }
}

class Todos {
  rows = new Map()
  watching = 0
  #wake = []
  async set(doc) {
    this.rows.set(doc.id, doc)
    for (const wake of this.#wake.splice(0)) wake()
    return doc
  }
  async get(id) {
    return this.rows.get(id)
  }
  async rename(id, title) {
    if (!this.rows.has(id)) throw Object.assign(new Error(`todos.rename ${id}: ENOENT`), { code: 'ENOENT' })
    return this.set({ ...this.rows.get(id), title })
  }
  async typed() {
    throw new TypeError('typed: id must be a number')
  }
  async deep() {
    const cause = Object.assign(new RangeError('too far'), { code: 'INNER' })
    throw Object.assign(new Error('outer', { cause }), { code: 'OUTER', row: 7, fn: () => {} })
  }
  async unsendable() {
    return { callback() {} }
  }
  trap() {
    throw new WebAssembly.RuntimeError('unreachable')
  }
  never() {
    return new Promise(() => {})
  }
  live() {
    let seen = null
    this.watching++
    const self = this
    return {
      [Symbol.asyncIterator]() {
        return this
      },
      async next() {
        while (seen === JSON.stringify([...self.rows])) await new Promise(wake => self.#wake.push(wake))
        seen = JSON.stringify([...self.rows])
        return { done: false, value: [...self.rows.values()] }
      },
      async return() {
        self.watching--
        return { done: true }
      },
    }
  }
}

class Database {
  store = { todos: new Todos() }
  status = { storage: 'memory', persistence: 'none', sync: { state: 'live', pending: 0 } }
  listeners = []
  events = []
  verdicts = []
  queue = { search: async (_, { limit }) => ({ items: this.events.toReversed().slice(0, limit) }) }
  on(_, fn) {
    this.listeners.push(fn)
  }
  async dispatch(type, data) {
    if (Array.isArray(type)) return Promise.all(type.map(draft => this.dispatch(draft.type, draft.data)))
    const event = { v: this.events.length + 1, type, data }
    this.events.push(event)
    this.status = { ...this.status, sync: { state: 'live', pending: this.events.length } }
    for (const fn of this.listeners) fn()
    const synced = new Promise((resolve, reject) => this.verdicts.push({ resolve, reject }))
    synced.catch(() => {})
    return Object.defineProperty({ ...event }, 'synced', { value: synced })
  }
  async setOnline(online) {
    return online
  }
  async close() {
    this.closed = true
  }
}

const open = []
afterEach(async () => {
  for (const end of open.splice(0)) await end()
})

/** One tab: a page and its worker; `worker.died()` is what the browser does when a worker ends. */
async function tab({ locks = new Locks(), database = new Database(), opening = async () => database } = {}) {
  const { port1: page, port2: worker } = new MessageChannel()
  const served = serve({ file: 'app.db', models: {} }, { port: worker, locks, open: opening })
  served.catch(() => {})
  const db = await connect(() => page)
  open.push(async () => {
    page.close()
    worker.close()
  })
  return { db, database, served, page, worker, todos: db.store.todos }
}

const code = expected => error => error.code === expected
const until = async check => {
  while (!check()) await new Promise(resolve => setTimeout(resolve, 1))
}

test('a second tab says that it waits, and its calls are answered when its turn comes', async () => {
  const locks = new Locks()
  const first = await tab({ locks })
  await first.served
  const second = await tab({ locks })
  const answer = second.todos.set({ id: 1 })
  assert.equal((await first.todos.set({ id: 9 })).id, 9)
  assert.equal(first.db.status.role, 'leader')
  assert.equal(second.db.status.role, 'waiting')
  await first.db.close()
  assert.deepEqual(await answer, { id: 1 })
  assert.equal(second.db.status.role, 'leader')
})

test('the status tells of every step, and of the storage once it is known', async () => {
  const roles = []
  let go
  const { db, served } = await tab({
    opening: () => new Promise(resolve => (go = () => resolve(new Database()))),
  })
  const off = db.on('status', status => roles.push(status.role))
  await until(() => go)
  go()
  await served
  await db.log({})
  off()
  assert.deepEqual(roles, ['opening', 'leader'])
  assert.equal(db.status.storage, 'memory')
  assert.equal(db.status.persistence, 'none')
})

test("a model's own methods are called on the model", async () => {
  const { todos } = await tab()
  await todos.set({ id: 1, title: 'milk' })
  assert.deepEqual(await todos.rename(1, 'oat milk'), { id: 1, title: 'oat milk' })
  assert.deepEqual(await todos.get(1), { id: 1, title: 'oat milk' })
})

test('what is missing is named', async () => {
  const { db, todos } = await tab()
  await assert.rejects(todos.nope(), { name: 'TypeError', message: /todos\.nope is not a method/ })
  await assert.rejects(todos.valueOf(), { name: 'TypeError', message: /todos\.valueOf/ })
  await assert.rejects(db.store.nope.get(1), { name: 'TypeError', message: /no model 'nope'/ })
  await assert.rejects(db.store.constructor.get(1), { name: 'TypeError', message: /no model 'constructor'/ })
  assert.throws(() => db.on('nope', () => {}), { name: 'TypeError', message: /'nope'/ })
})

test('a proxy is no thenable and keeps its identity', async () => {
  const { db, todos } = await tab()
  assert.equal(await todos, todos)
  assert.equal(await db.store, db.store)
  assert.equal(db.store.todos, todos)
  assert.equal(JSON.stringify({ todos }), '{"todos":{}}')
})

test('errors cross whole', async () => {
  const { todos } = await tab()
  await assert.rejects(
    todos.typed(),
    error => error instanceof TypeError && /must be a number/.test(error.message),
  )
  await assert.rejects(todos.rename(5, 'x'), code('ENOENT'))
  const error = await todos.deep().catch(error => error)
  assert.deepEqual([error.code, error.message, error.row, error.fn], ['OUTER', 'outer', 7, undefined])
  assert.ok(error.cause instanceof RangeError && error.cause.code === 'INNER')
  assert.match(error.remoteStack, /deep/)
})

test('what cannot be sent is a TypeError that names the method', async () => {
  const { todos } = await tab()
  await assert.rejects(
    todos.set({ id: 1 }, () => {}),
    { name: 'TypeError', message: /todos\.set: argument 2/ },
  )
  await assert.rejects(todos.unsendable(), { name: 'TypeError', message: /todos\.unsendable: its result/ })
  assert.deepEqual(await todos.set({ id: 1 }), { id: 1 })
})

test('an event is synced, or refused, after its dispatch has resolved', async () => {
  const { db, database } = await tab()
  const kept = await db.dispatch('added', { id: 1 })
  const refused = await db.dispatch('added', { id: 2 })
  const ignored = await db.dispatch('added', { id: 3 })
  assert.deepEqual(kept, { v: 1, type: 'added', data: { id: 1 } })
  database.verdicts[0].resolve()
  const verdict = Object.assign(new Error('no'), { code: 'REJECTED' })
  database.verdicts[1].reject(verdict)
  database.verdicts[2].reject(verdict)
  assert.equal(await kept.synced, undefined)
  await assert.rejects(refused.synced, code('REJECTED'))
  await new Promise(resolve => setImmediate(resolve))
  assert.ok(ignored.synced instanceof Promise)
  assert.deepEqual(
    (await db.log({ limit: 2 })).map(event => event.v),
    [3, 2],
  )
})

test('several events dispatched at once are synced when all of them are', async () => {
  const { db, database } = await tab()
  const events = await db.dispatch([{ type: 'added' }, { type: 'added' }])
  assert.equal(events.length, 2)
  let synced = false
  events.synced.then(() => {
    synced = true
  })
  database.verdicts[0].resolve()
  await db.log({})
  assert.equal(synced, false)
  database.verdicts[1].resolve()
  await events.synced
})

test('who has an answer has the status that goes with it', async () => {
  const { db } = await tab()
  for (let i = 1; i <= 3; i++) {
    await db.dispatch('added', {})
    assert.equal(db.status.sync.pending, i)
  }
})

test('a live query gives rows until it is left', async () => {
  const { todos, database } = await tab()
  const seen = []
  for await (const rows of todos.live({})) {
    seen.push(rows.length)
    if (rows.length === 2) break
    await todos.set({ id: rows.length })
  }
  assert.deepEqual(seen, [0, 1, 2])
  await until(() => database.store.todos.watching === 0)
})

test('a live query that waits can be left, and restarts nothing', async () => {
  const { todos, database } = await tab()
  const live = todos.live({})
  await live.next()
  const waiting = live.next()
  await live.return()
  assert.deepEqual(await waiting, { done: true, value: undefined })
  assert.deepEqual(await live.next(), { done: true, value: undefined })
  await until(() => database.store.todos.watching === 0)
})

test('a slow reader gets the newest rows only', async () => {
  const { todos } = await tab()
  const live = todos.live({})
  assert.equal((await live.next()).value.length, 0)
  for (let id = 0; id < 50; id++) await todos.set({ id })
  assert.equal((await live.next()).value.length, 50)
  const more = Symbol('nothing more')
  assert.equal(await Promise.race([live.next(), new Promise(resolve => setTimeout(resolve, 20, more))]), more)
  await live.return()
})

test('a subscription is called until it is ended', async () => {
  const { todos, database } = await tab()
  const seen = []
  const end = todos.live({}).subscribe(rows => seen.push(rows.length))
  await until(() => seen.length === 1)
  await todos.set({ id: 1 })
  await until(() => seen.length === 2)
  end()
  await until(() => database.store.todos.watching === 0)
  await todos.set({ id: 2 })
  assert.deepEqual(seen, [0, 1])
})

test('an error ends a live query', async () => {
  const { db } = await tab()
  await assert.rejects(db.store.nope.live({}).next(), { name: 'TypeError', message: /'nope'/ })
  await assert.rejects(db.store.todos.live(() => {}).next(), {
    name: 'TypeError',
    message: /todos\.live: argument 1/,
  })
})

test('a trap rejects every waiting call and ends the worker', async () => {
  const { db, todos, worker } = await tab()
  const ended = new Promise(resolve => worker.addEventListener('close', resolve))
  const waiting = todos.never()
  const live = todos.live({})
  await live.next()
  const next = live.next()
  const event = await db.dispatch('added', {})
  const results = await Promise.allSettled([waiting, next, event.synced, todos.trap()])
  assert.deepEqual(
    results.map(({ reason }) => reason?.code),
    ['CRASHED', 'CRASHED', 'CRASHED', 'CRASHED'],
  )
  await ended
  await assert.rejects(todos.get(1), code('CRASHED'))
  assert.equal(db.status.role, 'crashed')
  await db.close()
})

test('a trap that reaches no caller is found as well', async () => {
  const { worker, todos } = await tab()
  const waiting = todos.never()
  await todos.get(1)
  const reason = new WebAssembly.RuntimeError('unreachable')
  worker.dispatchEvent(Object.assign(new Event('unhandledrejection'), { reason }))
  await assert.rejects(waiting, code('CRASHED'))
})

test('a worker that does not start rejects the connection', async () => {
  const { port1: page } = new MessageChannel()
  const connecting = connect(() => page)
  page.dispatchEvent(Object.assign(new Event('error'), { message: 'no such file' }))
  await assert.rejects(connecting, { code: 'CRASHED', message: /no such file/ })
  page.close()
})

test('a worker that is ended from outside is missed', async () => {
  const locks = new Locks()
  Object.defineProperty(globalThis, 'navigator', { value: { locks }, configurable: true })
  try {
    const gone = []
    const dying = {
      request: (name, held) =>
        locks.request(name, () => Promise.race([held(), new Promise(end => gone.push(end))])),
    }
    const { todos } = await tab({ locks: dying })
    const waiting = todos.never()
    await todos.get(1)
    for (const end of gone) end()
    await assert.rejects(waiting, { code: 'CRASHED', message: /was ended/ })
  } finally {
    delete globalThis.navigator
  }
})

test('closing answers what is under way, ends live queries and refuses the rest', async () => {
  const { db, todos, database } = await tab()
  const live = todos.live({})
  await live.next()
  const next = live.next()
  const done = todos.set({ id: 1 })
  const never = todos.never()
  const closing = db.close()
  await assert.rejects(todos.get(1), code('CLOSED'))
  assert.deepEqual(await done, { id: 1 })
  await assert.rejects(never, code('CRASHED'))
  assert.deepEqual(await next, { done: true, value: undefined })
  await closing
  await db.close()
  assert.ok(database.closed)
  assert.equal(db.status.role, 'closed')
})

test('a failed open is the answer to every call, and lets the next tab try', async () => {
  const locks = new Locks()
  const error = Object.assign(new Error('made by a newer version'), { code: 'NEWER_FORMAT' })
  const first = await tab({ locks, opening: () => Promise.reject(error) })
  await assert.rejects(first.todos.get(1), code('NEWER_FORMAT'))
  await assert.rejects(first.served, error)
  assert.equal(first.db.status.role, 'failed')
  assert.equal(first.db.status.error.code, 'NEWER_FORMAT')
  const second = await tab({ locks })
  assert.equal(await second.todos.get(1), undefined)
})

test('options are checked by name', async () => {
  assert.throws(() => serve(), { name: 'TypeError', message: /options/ })
  assert.throws(() => serve({ models: {} }), { name: 'TypeError', message: /file/ })
  assert.throws(() => serve({ file: 'a' }), { name: 'TypeError', message: /models/ })
  assert.throws(() => serve({ file: 'a', models: {}, modles: 1 }), { name: 'TypeError', message: /'modles'/ })
  await assert.rejects(connect(7), { name: 'TypeError', message: /start/ })
})
