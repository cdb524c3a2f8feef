// Things that a user does to files: a server put back from a backup or emptied, a database copied
// or put back. Everything that was acknowledged is in the server's log again, and all devices
// agree.
import assert from 'node:assert/strict'
import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, afterEach, test } from 'node:test'
import { EventSourcingDB } from 'tidelog'
import { createServer } from 'tidelog/server'
import { until } from './until.js'

const dir = mkdtempSync(join(tmpdir(), 'tidelog-'))
after(() => rmSync(dir, { recursive: true, force: true }))

let count = 0
const place = () => join(dir, `place${++count}`)
const newServer = (folder, options = {}) =>
  createServer({ storage: { dir: folder }, authorize: () => 'ann', ...options })

/** A fetch to whichever server is up. */
const link = () => {
  const network = { server: null }
  network.fetch = (url, init) =>
    network.server.fetch(new Request(new URL(url, 'http://server'), init))
  return network
}

/** Closed when their test ends, however it does. */
const opened = []
afterEach(() => Promise.all(opened.splice(0).map(es => es.close())))

async function open(network, file, { online = true, ...options } = {}) {
  const sync = { url: '/sync', log: 'list', fetch: network.fetch }
  const es = new EventSourcingDB({ file, models: { todos: {} }, sync, ...options })
  opened.push(es)
  es.setOnline(online)
  await es.open()
  return es
}

const rows = async es =>
  (await es.store.todos.searchAll({}, { sort: { id: 1 } })).map(row => row.id)

/** Waits until all devices have read the same head and nothing is pending. */
async function agree(...devices) {
  const end = Date.now() + 20_000
  for (;;) {
    const seen = devices.map(es => es.status.sync)
    const same = seen.every(
      s => s.state === 'live' && s.pending === 0 && s.head === s.seq && s.seq === seen[0].seq,
    )
    if (same) break
    assert.ok(Date.now() < end, JSON.stringify(seen))
    for (const es of devices) es.sync()
    await new Promise(resolve => setTimeout(resolve, 20))
  }
  const all = await Promise.all(devices.map(rows))
  for (const one of all) assert.deepEqual(one, all[0])
  return all[0]
}

const add = (es, ...ids) => Promise.all(ids.map(id => es.store.todos.set({ id })))

test('a server put back from a backup, or emptied, gets back what its devices had', async () => {
  const [folder, backup, network] = [place(), place(), link()]
  network.server = newServer(folder)
  const [a, b] = [
    await open(network, join(place(), 'a.db')),
    await open(network, join(place(), 'b.db')),
  ]
  await add(a, 'a1', 'a2')
  await add(b, 'b1')
  await agree(a, b)
  await network.server.close()
  cpSync(folder, backup, { recursive: true })
  network.server = newServer(folder)
  await add(a, 'a3')
  const late = await b.dispatch('es/todos', [1, 'b2', {}])
  await late.synced
  await agree(a, b)
  for (const from of [backup, null, null]) {
    await network.server.close()
    rmSync(folder, { recursive: true })
    if (from) cpSync(from, folder, { recursive: true })
    network.server = newServer(folder)
    await add(b, from ? 'b3' : `b4${++count}`)
    const all = await agree(a, b)
    assert.deepEqual(all.slice(0, 6), ['a1', 'a2', 'a3', 'b1', 'b2', 'b3'])
    const fresh = await open(network, ':memory:')
    assert.deepEqual(await agree(fresh, a), all)
    await fresh.close()
  }
  assert.equal(new Set((await b.queue.search({}, { itemsOnly: true })).map(e => e.id)).size, 8)
  await Promise.all([a.close(), b.close(), network.server.close()])
})

test('a copied database and its original both go on, each under a name of its own', async () => {
  const [folder, home, network] = [place(), place(), link()]
  network.server = newServer(folder)
  let a = await open(network, join(home, 'a.db'))
  await add(a, 'a1')
  await agree(a)
  a.setOnline(false)
  await add(a, 'shared')
  await a.close()
  cpSync(join(home, 'a.db'), join(home, 'copy.db'))
  a = await open(network, join(home, 'a.db'), { online: false })
  const copy = await open(network, join(home, 'copy.db'), { online: false })
  const mine = await a.dispatch('es/todos', [1, 'mine', {}])
  const theirs = await copy.dispatch('es/todos', [1, 'theirs', {}])
  a.setOnline(true)
  await mine.synced
  copy.setOnline(true)
  await theirs.synced
  assert.deepEqual(await agree(a, copy), ['a1', 'mine', 'shared', 'theirs'])
  const events = await a.queue.search({}, { itemsOnly: true })
  assert.equal(events.filter(e => e.data?.[1] === 'shared').length, 1)
  await Promise.all([a.close(), copy.close(), network.server.close()])
})

test('a database put back to an old copy reads what it had made since', async () => {
  const [home, network] = [place(), link()]
  network.server = newServer(place())
  let a = await open(network, join(home, 'a.db'))
  await add(a, 'a1')
  await agree(a)
  await a.close()
  cpSync(join(home, 'a.db'), join(home, 'old.db'))
  a = await open(network, join(home, 'a.db'))
  await add(a, 'a2')
  await agree(a)
  await a.close()
  cpSync(join(home, 'old.db'), join(home, 'a.db'))
  a = await open(network, join(home, 'a.db'), { online: false })
  await add(a, 'a3')
  assert.deepEqual(await rows(a), ['a1', 'a3'])
  a.setOnline(true)
  await a.synced()
  assert.deepEqual(await agree(a), ['a1', 'a2', 'a3'])
  await Promise.all([a.close(), network.server.close()])
})

test('an event of a newer version holds the state until the upgrade, and the log goes on', async () => {
  const [home, network] = [place(), link()]
  network.server = newServer(place())
  const told = []
  const reducer = ({ event, model: _ }) => {
    if (event.type !== 'renamed') return undefined
    told.push(event.tv)
    return { set: [{ id: event.data.id, title: event.data.title }] }
  }
  const models = { todos: { reducer } }
  const newer = await open(network, ':memory:', { models, types: { renamed: 2 } })
  let older = await open(network, join(home, 'o.db'), { models, types: { renamed: { tv: 1 } } })
  await newer.dispatch('renamed', { id: 'n', title: 'new' })
  await newer.synced()
  const kept = await older.dispatch('es/todos', [1, 'o', {}])
  await kept.synced
  const { held, state } = older.status.sync
  assert.deepEqual({ ...held, message: 0 }, { seq: 1, type: 'renamed', tv: 2, message: 0 })
  assert.match(held.message, /'renamed' 2 is not known/)
  assert.equal(state, 'live')
  assert.deepEqual(await rows(older), ['o'])
  await assert.rejects(older.dispatch('unheard'), { code: 'BAD_VALUE', message: /'unheard'/ })
  await older.close()
  older = await open(network, join(home, 'o.db'), { models, types: { renamed: 2 } })
  assert.deepEqual(await agree(older, newer), ['n', 'o'])
  assert.equal(older.status.sync.held, null)
  assert.ok(told.every(tv => tv === 2))
  assert.throws(
    () => new EventSourcingDB({ file: 'x', models, types: { a: -1 } }),
    /version of 'a'/,
  )
  assert.throws(
    () => new EventSourcingDB({ file: 'x', models, types: { a: { v: 1 } } }),
    /'a'.*not 'v'/,
  )
  await Promise.all([older.close(), newer.close(), network.server.close()])
})

test('a validator that throws fails the push, and the event comes again', async () => {
  const network = link()
  const errors = []
  let broken = true
  const validate = () => {
    if (broken) throw new Error('the database of users is away')
  }
  network.server = newServer(place(), { validate, onError: error => errors.push(error) })
  const a = await open(network, ':memory:')
  const event = await a.dispatch('es/todos', [1, 'x', {}])
  await until(() => errors.length)
  broken = false
  assert.equal(await event.synced, 1)
  assert.match(String(errors[0]), /database of users/)
  await Promise.all([a.close(), network.server.close()])
})
