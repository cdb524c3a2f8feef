// The calls between a page and its own worker, which leads: over real structured-clone ports, with
// a stand-in for the database so that each fault can be made to happen. Several tabs are
// tabs.test.js's.

import assert from 'node:assert/strict'
import { afterEach, test } from 'node:test'
import { connect } from 'tidelog/client'
import { serve } from 'tidelog/worker'
import { Disk } from './stand-in.js'
import { Browser } from './tabs.js'
import { until } from './until.js'

let browser = new Browser()
afterEach(() => {
  browser.close()
  browser = new Browser()
})

/** The only tab of a browser, and its database once it is open. */
async function tab({ disk = new Disk(), opening = (...args) => disk.open(...args) } = {}) {
  const opened = await browser.open({ opening })
  const at = { ...opened, disk, todos: opened.db.store.todos, worker: opened.workers[0] }
  return Object.defineProperty(at, 'database', { get: () => disk.owner })
}

const code = expected => error => error.code === expected

test('the status tells of every step, and of the storage once it is known', async () => {
  const roles = []
  let go
  const disk = new Disk()
  const { db } = await tab({
    opening: () => new Promise(resolve => (go = () => resolve(disk.open()))),
  })
  const off = db.on('status', status => roles.push(status.role))
  await until(() => go && db.status.role === 'opening')
  go()
  await db.log({})
  off()
  assert.equal(roles.at(-1), 'leader')
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
  await assert.rejects(db.store.constructor.get(1), {
    name: 'TypeError',
    message: /no model 'constructor'/,
  })
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
  assert.deepEqual(
    [error.code, error.message, error.row, error.fn],
    ['OUTER', 'outer', 7, undefined],
  )
  assert.ok(error.cause instanceof RangeError && error.cause.code === 'INNER')
  assert.match(error.remoteStack, /deep/)
})

test('what cannot be sent is a TypeError that names the method', async () => {
  const { todos } = await tab()
  await assert.rejects(
    todos.set({ id: 1 }, () => {}),
    { name: 'TypeError', message: /todos\.set: argument 2/ },
  )
  await assert.rejects(todos.unsendable(), {
    name: 'TypeError',
    message: /todos\.unsendable: its result/,
  })
  assert.deepEqual(await todos.set({ id: 1 }), { id: 1 })
})

test('an event is synced, or refused, after its dispatch has resolved', async () => {
  const { db, disk } = await tab()
  const kept = await db.dispatch('added', { id: 1 })
  const refused = await db.dispatch('added', { id: 2 })
  const ignored = await db.dispatch('added', { id: 3 })
  assert.deepEqual(kept, { id: 'e1', v: 1, type: 'added', data: { id: 1 } })
  disk.verdicts.get('e1').resolve()
  const verdict = Object.assign(new Error('no'), { code: 'REJECTED' })
  disk.verdicts.get('e2').reject(verdict)
  disk.verdicts.get('e3').reject(verdict)
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
  const { db, disk } = await tab()
  const events = await db.dispatch([{ type: 'added' }, { type: 'added' }])
  assert.equal(events.length, 2)
  let synced = false
  events.synced.then(() => {
    synced = true
  })
  disk.verdicts.get('e1').resolve()
  await db.log({})
  assert.equal(synced, false)
  disk.verdicts.get('e2').resolve()
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
  const at = await tab()
  const { todos } = at
  const seen = []
  for await (const rows of todos.live({})) {
    seen.push(rows.length)
    if (rows.length === 2) break
    await todos.set({ id: rows.length })
  }
  assert.deepEqual(seen, [0, 1, 2])
  await until(() => at.database.store.todos.watching === 0)
})

test('a live query that waits can be left, and restarts nothing', async () => {
  const at = await tab()
  const { todos } = at
  const live = todos.live({})
  await live.next()
  const waiting = live.next()
  await live.return()
  assert.deepEqual(await waiting, { done: true, value: undefined })
  assert.deepEqual(await live.next(), { done: true, value: undefined })
  await until(() => at.database.store.todos.watching === 0)
})

test('a slow reader gets the newest rows only', async () => {
  const { todos } = await tab()
  const live = todos.live({})
  assert.equal((await live.next()).value.length, 0)
  for (let id = 0; id < 50; id++) await todos.set({ id })
  assert.equal((await live.next()).value.length, 50)
  const more = Symbol('nothing more')
  assert.equal(
    await Promise.race([live.next(), new Promise(resolve => setTimeout(resolve, 20, more))]),
    more,
  )
  await live.return()
})

test('a subscription is called until it is ended', async () => {
  const at = await tab()
  const { todos } = at
  const seen = []
  const end = todos.live({}).subscribe(rows => seen.push(rows.length))
  await until(() => seen.length === 1)
  await todos.set({ id: 1 })
  await until(() => seen.length === 2)
  end()
  await until(() => at.database.store.todos.watching === 0)
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

test('a trap ends the worker, and a new one answers what can be sent again', async () => {
  const at = await tab()
  const { db, todos, disk, workers } = at
  const live = todos.live({})
  await live.next()
  const next = live.next()
  const event = await db.dispatch('added', {})
  const calls = [todos.never(), todos.trap()]
  // this one's leader has done it, and dies before it says so
  disk.owner.beforeAnswer = () => new Promise(() => {})
  const set = todos.set({ id: 1 })
  for (const result of await Promise.allSettled(calls))
    assert.equal(result.reason?.code, 'LEADER_LOST')
  assert.deepEqual(await set, { id: 1 })
  assert.equal(disk.effects, 2, 'one event, one document')
  assert.deepEqual((await next).value, [{ id: 1 }])
  disk.verdicts.get('e1').resolve()
  await event.synced
  assert.equal(workers.length, 2)
  assert.equal(db.status.role, 'leader')
})

test('a trap that reaches no caller is found as well', async () => {
  const { worker, todos, workers } = await tab()
  const waiting = todos.never()
  await todos.get(1)
  const reason = new WebAssembly.RuntimeError('unreachable')
  worker.port.dispatchEvent(Object.assign(new Event('unhandledrejection'), { reason }))
  await assert.rejects(waiting, code('LEADER_LOST'))
  assert.equal(await todos.get(1), undefined)
  assert.equal(workers.length, 2)
})

test('workers that die one after the other end the connection', async t => {
  // however slow the machine is, they die soon after their start
  t.mock.method(performance, 'now', () => 0)
  const disk = new Disk()
  const opening = (...args) => {
    return disk.open(...args)
  }
  const { db, todos, workers } = await tab({ disk, opening })
  const event = await db.dispatch('added', {})
  for (let i = 0; i < 3; i++) await assert.rejects(todos.trap(), code('LEADER_LOST'))
  await assert.rejects(todos.get(1), code('CRASHED'))
  await assert.rejects(event.synced, code('CRASHED'))
  assert.equal(workers.length, 3)
  assert.equal(db.status.role, 'crashed')
  await db.close()
})

test('a worker that does not start rejects the connection', async () => {
  const { port1: page } = new MessageChannel()
  const connecting = connect(() => page)
  page.dispatchEvent(Object.assign(new Event('error'), { message: 'no such file' }))
  await assert.rejects(connecting, { code: 'CRASHED', message: /no such file/ })
  page.close()
})

test('a worker that is ended from outside is missed, and another one started', async () => {
  const { todos, worker, disk, workers } = await tab()
  const waiting = todos.never()
  await todos.get(1)
  const set = todos.set({ id: 1 })
  worker.die()
  await assert.rejects(waiting, code('LEADER_LOST'))
  assert.deepEqual(await set, { id: 1 })
  assert.equal(disk.effects, 1)
  assert.equal(workers.length, 2)
})

test('workers that are ended from outside are replaced however often, once they have served', async () => {
  const { db, todos, workers } = await tab()
  for (let i = 0; i < 5; i++) {
    await todos.set({ id: i })
    workers.at(-1).die()
  }
  assert.deepEqual(await todos.set({ id: 9 }), { id: 9 })
  assert.equal(workers.length, 6)
  assert.equal(db.status.role, 'leader')
})

test('closing answers what is under way, ends live queries and refuses the rest', async () => {
  const at = await tab()
  const { db, todos, database } = at
  const live = todos.live({})
  await live.next()
  const next = live.next()
  const done = todos.set({ id: 1 })
  const never = todos.never()
  const closing = db.close()
  await assert.rejects(todos.get(1), code('CLOSED'))
  assert.deepEqual(await done, { id: 1 })
  await assert.rejects(never, code('LEADER_LOST'))
  await next
  assert.deepEqual(await live.next(), { done: true, value: undefined })
  await closing
  await db.close()
  assert.ok(database.closed && at.database === null)
  assert.equal(db.status.role, 'closed')
})

test('a failed open is the answer to every call', async () => {
  const error = Object.assign(new Error('made by a newer version'), { code: 'NEWER_FORMAT' })
  const { db, todos, worker } = await tab({ opening: () => Promise.reject(error) })
  await assert.rejects(todos.get(1), code('NEWER_FORMAT'))
  await assert.rejects(worker.served, error)
  await assert.rejects(todos.get(1), code('NEWER_FORMAT'))
  assert.equal(db.status.role, 'failed')
  assert.equal(db.status.error.code, 'NEWER_FORMAT')
})

test('options are checked by name', async () => {
  assert.throws(() => serve(), { name: 'TypeError', message: /options/ })
  assert.throws(() => serve({ models: {} }), { name: 'TypeError', message: /file/ })
  assert.throws(() => serve({ file: 'a' }), { name: 'TypeError', message: /models/ })
  assert.throws(() => serve({ file: 'a', models: {}, modles: 1 }), {
    name: 'TypeError',
    message: /'modles'/,
  })
  await assert.rejects(connect(7), { name: 'TypeError', message: /start/ })
})
