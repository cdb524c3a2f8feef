// Several tabs of one browser, with a stand-in for the database: who leads, and what becomes of
// calls, live queries and verdicts when a leader dies, sleeps or is outdated. The real thing is
// tests/browser/tabs.test.js's.

import assert from 'node:assert/strict'
import { afterEach, test } from 'node:test'
import { Disk } from './stand-in.js'
import { Browser } from './tabs.js'
import { until } from './until.js'

let browser = new Browser()
afterEach(() => {
  browser.close()
  browser = new Browser()
})

const code = expected => error => error.code === expected
/** Resolves when another leader serves the tab. */
const handedOver = ({ db }) =>
  new Promise(resolve => {
    let alone = false
    const off = db.on('status', ({ role }) => {
      alone ||= role === 'waiting'
      if (!alone || (role !== 'follower' && role !== 'leader')) return
      off()
      resolve()
    })
  })
const role = (tab, expected) => until(() => tab.db.status.role === expected)

/** Tabs of one disk, the first of which leads. */
async function tabs(count, { disk = new Disk(), ...options } = {}) {
  const opening = (...args) => disk.open(...args)
  const all = []
  for (let i = 0; i < count; i++) {
    const tab = await browser.open({ opening, ...options })
    tab.todos = tab.db.store.todos
    all.push(tab)
    await role(tab, i ? 'follower' : 'leader')
  }
  return { disk, opening, all }
}

test('a second tab follows the first, whose database answers it', async () => {
  const { all, disk } = await tabs(2)
  const [first, second] = all
  const live = second.todos.live({})
  assert.deepEqual((await live.next()).value, [])
  assert.deepEqual(await second.todos.set({ id: 1 }), { id: 1 })
  assert.deepEqual(await first.todos.get(1), { id: 1 })
  assert.deepEqual((await live.next()).value, [{ id: 1 }])
  await assert.rejects(second.todos.rename(5, 'x'), code('ENOENT'))
  await first.db.dispatch('added', {})
  await until(() => second.db.status.sync.pending === 1)
  assert.equal(second.db.status.storage, 'memory')
  await live.return()
  await until(() => disk.owner.store.todos.watching === 0)
})

test('a tab that missed the answer who leads asks again', async () => {
  const { all, opening } = await tabs(1)
  let missed = 0
  all[0].worker.channel.send = ({ t }) => {
    if (t !== 'lead' || missed > 0) return true
    missed += 1
    return false
  }
  const second = await browser.open({ opening })
  await role(second, 'follower')
  assert.equal(missed, 1)
})

test('what was under way when the leader died takes effect once, by whoever leads next', async () => {
  const { all, disk } = await tabs(3)
  const [first, second, third] = all
  disk.owner.beforeAnswer = () => new Promise(() => {})
  const sent = [
    second.todos.set({ id: 2 }),
    third.db.dispatch('added', { id: 3 }),
    second.todos.get(2),
  ]
  await until(() => disk.effects === 2)
  first.die()
  const waited = third.todos.set({ id: 4 })
  const [doc, event] = await Promise.all(sent)
  assert.deepEqual([doc, event], [{ id: 2 }, { id: 'e1', v: 1, type: 'added', data: { id: 3 } }])
  await waited
  assert.equal(disk.effects, 3)
  assert.equal(disk.events.length, 1)
  assert.deepEqual([second.db.status.role, third.db.status.role], ['leader', 'follower'])
})

test("a method of the user's own that was cut off is lost, and one called between leaders waits", async () => {
  const { all, disk } = await tabs(2)
  const [first, second] = all
  await second.todos.set({ id: 1 })
  const never = second.todos.never()
  await second.todos.get(1)
  first.die()
  await assert.rejects(never, { code: 'LEADER_LOST', message: /todos\.never was cut off/ })
  assert.deepEqual(await second.todos.rename(1, 'later'), { id: 1, title: 'later' })
  assert.equal(disk.effects, 2)
})

test('live queries go on at the next leader, without a gap and without telling the same twice', async () => {
  const { all } = await tabs(3)
  const [first, second, third] = all
  const seen = []
  third.todos.live({}).subscribe(rows => seen.push(rows.length))
  const slow = third.todos.live({})
  assert.equal((await slow.next()).value.length, 0)
  await second.todos.set({ id: 1 })
  await until(() => seen.length === 2)
  const other = handedOver(third)
  first.die()
  await other
  await third.todos.get(1)
  assert.deepEqual(seen, [0, 1])
  await second.todos.set({ id: 2 })
  await until(() => seen.length === 3)
  assert.deepEqual(seen, [0, 1, 2])
  assert.equal((await slow.next()).value.length, 2, 'the newest rows, when it asks')
})

test('an event is synced, or refused, whoever leads by then', async () => {
  const { all, disk } = await tabs(2)
  const [first, second] = all
  const kept = await second.db.dispatch('added', {})
  const both = await second.db.dispatch([{ type: 'added' }, { type: 'added' }])
  first.die()
  await role(second, 'leader')
  disk.verdicts.get('e1').resolve()
  await kept.synced
  disk.verdicts.get('e2').resolve()
  disk.verdicts.get('e3').reject(Object.assign(new Error('no'), { code: 'REJECTED' }))
  await assert.rejects(both.synced, code('REJECTED'))
})

test("a follower's worker that dies is replaced, and what its leader was doing is not done twice", async () => {
  const { all, disk } = await tabs(2)
  const [first, second] = all
  const go = []
  disk.owner.beforeEffect = () => new Promise(resolve => go.push(resolve))
  const running = second.todos.set({ id: 1 })
  await until(() => go.length === 1)
  const own = second.todos.never()
  await second.todos.get(1)
  second.worker.die()
  await assert.rejects(own, code('LEADER_LOST'))
  await role(second, 'follower')
  assert.equal(second.workers.length, 2)
  await second.todos.get(1)
  for (const run of go) run()
  assert.deepEqual(await running, { id: 1 })
  assert.deepEqual(
    [go.length, disk.effects],
    [1, 1],
    'it was still running, so that it was not begun again',
  )
  assert.deepEqual(await first.todos.get(1), { id: 1 })
})

test('a leader that is closed hands over', async () => {
  const { all, disk } = await tabs(2)
  const [first, second] = all
  let go
  disk.owner.beforeEffect = () => new Promise(resolve => (go = resolve))
  const cutOff = second.todos.set({ id: 1 })
  await until(() => go)
  const closing = first.db.close()
  const writes = [cutOff, ...[2, 3].map(id => second.todos.set({ id }))]
  await closing
  go()
  assert.equal((await Promise.all(writes)).length, 3)
  assert.equal(disk.effects, 3)
  assert.equal(second.db.status.role, 'leader')
})

test('the calls and live queries of a page that is gone are dropped', async () => {
  const { all, disk } = await tabs(3)
  const [first, second, third] = all
  await Promise.all([first, second, third].map(({ todos }, id) => todos.set({ id })))
  await third.todos.live({}).next()
  assert.equal(disk.owner._callTabs().length, 3)
  third.die()
  await until(() => disk.owner._callTabs().length === 2)
  assert.equal(disk.owner.store.todos.watching, 0)
  // a page whose leader was the same tab is nobody's to watch: the next leader looks
  first.die()
  await role(second, 'leader')
  await until(() => disk.owner._callTabs().length === 1)
})

test('a leader that says nothing is passed over once its files are free, and follows when it wakes', async () => {
  const { all, disk } = await tabs(2)
  const [first, second] = all
  const before = disk.owner
  first.worker.sleep()
  const set = second.todos.set({ id: 1 })
  await until(
    () => second.db.status.role === 'opening' && second.db.status.error?.code === 'LOCKED',
  )
  assert.equal(disk.owner, before, 'nobody writes beside it')
  first.worker.wake()
  assert.deepEqual(await set, { id: 1 })
  assert.ok(before.closed)
  assert.equal(disk.effects, 1)
  assert.equal(second.db.status.role, 'leader')
  await role(first, 'follower')
  assert.deepEqual(await first.todos.get(1), { id: 1 })
})

test('a leader that is about to be frozen hands over, and follows when it is woken', async () => {
  const { all } = await tabs(2)
  const [first, second] = all
  first.worker.page.postMessage({ t: 'freeze' })
  await role(second, 'leader')
  const waiting = first.todos.set({ id: 1 })
  assert.equal(first.db.status.role, 'waiting')
  first.worker.page.postMessage({ t: 'resume' })
  assert.deepEqual(await waiting, { id: 1 })
  assert.equal(first.db.status.role, 'follower')
})

test('storage that comes free later than the lock is waited for', async () => {
  const disk = new Disk()
  disk.owner = 'a worker that is not quite dead'
  const opening = (...args) => disk.open(...args)
  const { db } = await browser.open({ opening })
  const got = db.store.todos.get(1)
  await until(() => db.status.error?.code === 'LOCKED')
  disk.owner = null
  assert.equal(await got, undefined)
  assert.equal(db.status.error, undefined)
})

test('a tab with a newer version leads; the older ones finish, say so and refuse', async () => {
  const { all, disk, opening } = await tabs(2)
  const [first, second] = all
  let go
  disk.owner.beforeAnswer = () => new Promise(resolve => (go = resolve))
  const running = first.todos.set({ id: 1 })
  await until(() => go)
  const newer = await browser.open({ opening, package: '1.10.0' })
  setTimeout(go, 20)
  assert.deepEqual(await running, { id: 1 })
  await role(newer, 'leader')
  for (const { db } of [first, second]) {
    await until(() => db.status.error?.code === 'VERSION_SKEW')
    await assert.rejects(db.store.todos.get(1), {
      code: 'VERSION_SKEW',
      message: /1\.10\.0.*reload/,
    })
    assert.equal(db.status.role, 'failed')
  }
  assert.deepEqual(await newer.db.store.todos.get(1), { id: 1 })
})

test('a tab with an older version, or older models, cannot follow', async () => {
  const { opening } = await tabs(1, { package: '1.2.0', version: 3 })
  for (const older of [
    { package: '1.1.9', version: 4 },
    { package: '1.2.0', version: 2 },
  ]) {
    const tab = await browser.open({ opening, ...older })
    await assert.rejects(tab.db.store.todos.get(1), code('VERSION_SKEW'))
  }
  const same = await browser.open({ opening, package: '1.2.0', version: 3 })
  assert.equal(await same.db.store.todos.get(1), undefined)
})

test('a tab that cannot open the database lets the next one try, and follows it', async () => {
  const error = Object.assign(new Error('no room'), { code: 'QUOTA' })
  const first = await browser.open({ opening: () => Promise.reject(error) })
  await assert.rejects(first.db.store.todos.get(1), code('QUOTA'))
  await tabs(1)
  await role(first, 'follower')
  assert.equal(await first.db.store.todos.get(1), undefined)
  assert.equal(first.db.status.error, undefined)
})

test('a call that no leader survives is given up, and the tabs go on', async () => {
  const { all } = await tabs(2)
  const [first, second] = all
  await assert.rejects(second.todos.count(), code('LEADER_LOST'))
  assert.deepEqual(await first.todos.set({ id: 1 }), { id: 1 })
  assert.deepEqual(await second.todos.get(1), { id: 1 })
})
