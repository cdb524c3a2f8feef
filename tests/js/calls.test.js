// Calls of a page whose leader dies after the commit and before the answer, on the real engine with
// real files: each write of the library takes effect once, and verdicts of the server arrive at
// whoever leads by then.

import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, afterEach, test } from 'node:test'
import { ESModel, EventSourcingDB } from 'tidelog'
import { createServer } from 'tidelog/server'
import { Browser } from './tabs.js'
import { until } from './until.js'

const dir = mkdtempSync(join(tmpdir(), 'tidelog-calls-'))
after(() => rmSync(dir, { recursive: true, force: true }))

let browser = new Browser()
afterEach(() => {
  browser.close()
  browser = new Browser()
})

class Todos extends ESModel {
  static reducer = ({ event }) => {
    if (event.type === 'fail') throw new Error('as asked')
    return event.type === 'add' && { ins: [event.data] }
  }
  /** Of the user's own, so that it is not sent again. */
  async remove(id) {
    return super.remove(id)
  }
  async kept() {
    const count = async table => (await this.db.get(`SELECT count(*) AS n FROM ${table}`)).n
    return {
      log: await count('_log'),
      pending: await count('_pending'),
      failed: await count('_failed'),
    }
  }
}

/**
 * Opens the database as `serve` does; `abandon` lets go of its files, as the death of its worker
 * would.
 */
async function opening(options) {
  const db = new EventSourcingDB(options)
  await db.open()
  db.abandon = () => db.close()
  return db
}

let files = 0

/** Two tabs, of which the first leads. */
async function two(options = {}) {
  files += 1
  const file = join(dir, `${files}.db`)
  const tabs = []
  for (const role of ['leader', 'follower']) {
    const tab = await browser.open({
      file,
      models: { todos: { Model: Todos } },
      opening,
      ...options,
    })
    await until(() => tab.db.status.role === role)
    tabs.push(tab)
  }
  return tabs
}

/** The leader dies when it is about to give its next answer to a follower. */
function dieBeforeAnswering(leader, t = 'ok') {
  const { channel } = leader.worker
  channel.send = ({ message }) => {
    // what the page itself asks, after a first write, has no value
    if (message?.t !== t || (t === 'ok' && message.value === undefined)) return true
    leader.die()
    return false
  }
}

const ways = {
  set: ({ store }) => store.todos.set({ id: 'a', n: 1 }),
  'set of a new id': ({ store }) => store.todos.set({ n: 1 }),
  'insert-only set': ({ store }) => store.todos.set({ id: 'a', n: 1 }, true),
  'set of several': ({ store }) => store.todos.set([{ n: 1 }, { n: 2 }]),
  update: ({ store }) => store.todos.update({ id: 'there', n: 2 }),
  dispatch: db => db.dispatch('add', { id: 'a' }),
}

for (const [name, write] of Object.entries(ways)) {
  test(`${name} takes effect once, though its leader died before it answered`, async () => {
    const [first, second] = await two()
    await first.db.store.todos.set({ id: 'there', n: 1 })
    const before = (await first.db.store.todos.kept()).log
    const rows = await first.db.store.todos.count()
    dieBeforeAnswering(first)
    const reply = await write(second.db)
    const events = [reply].flat().length
    assert.equal(second.db.status.role, 'leader')
    assert.equal((await second.db.store.todos.kept()).log, before + events)
    assert.equal(await second.db.store.todos.count(), name === 'update' ? rows : rows + events)
    if (reply.id && name !== 'dispatch')
      assert.deepEqual(reply, await second.db.store.todos.get(reply.id))
  })
}

test('a write that a reducer refuses is refused, and kept in the history once', async () => {
  const [first, second] = await two()
  dieBeforeAnswering(first, 'err')
  await assert.rejects(second.db.dispatch('fail'), { code: 'USER', message: /as asked/ })
  assert.equal(second.db.status.role, 'leader')
  assert.deepEqual(await second.db.store.todos.kept(), { log: 0, pending: 0, failed: 1 })
})

test("a library's method that the user's class replaces is not sent again", async () => {
  const [first, second] = await two()
  await second.db.store.todos.set({ id: 'a' })
  dieBeforeAnswering(first)
  await assert.rejects(second.db.store.todos.remove('a'), { code: 'LEADER_LOST' })
  assert.equal(await second.db.store.todos.get('a'), undefined)
})

test('the server confirms to the next leader, or has confirmed to the last one', async () => {
  const server = createServer({ storage: { dir: join(dir, 'server') }, authorize: () => 'me' })
  let online = false
  const fetch = (url, init) =>
    online
      ? server.fetch(new Request(`http://server${new URL(url, 'http://server').pathname}`, init))
      : Promise.reject(new TypeError('network'))
  const [first, second] = await two({ sync: { url: '/sync', log: 'list', fetch } })
  const [early, late] = [
    await second.db.dispatch('add', { id: 'early' }),
    await second.db.dispatch('add', { id: 'late' }),
  ]
  assert.equal((await second.db.store.todos.kept()).pending, 2)
  // the leader that hears the verdicts dies before it tells
  dieBeforeAnswering(first, 'synced')
  online = true
  await second.db.sync()
  await Promise.all([early.synced, late.synced])
  assert.equal(second.db.status.role, 'leader')
  assert.deepEqual(await second.db.store.todos.kept(), { log: 2, pending: 0, failed: 0 })

  online = false
  const third = await second.db.dispatch('add', { id: 'third' })
  online = true
  await second.db.sync()
  await third.synced
})
