// Two databases and a server over real HTTP: offline and online, conflicts, refusals, a killed
// server.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer as createHttp } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, afterEach, test } from 'node:test'
import { EventSourcingDB, TidelogError } from 'tidelog'
import { createServer } from 'tidelog/server'
import { until } from './until.js'

const dir = mkdtempSync(join(tmpdir(), 'tidelog-'))
after(() => rmSync(dir, { recursive: true, force: true }))

/** A fetch handler as the client's `fetch`, with faults in between. */
function link(server) {
  const state = { server, requests: 0, drop: () => false, lose: () => false }
  state.fetch = async (url, init) => {
    state.requests += 1
    if (state.drop(state.requests)) throw new TypeError('network')
    const request = new Request(`http://server${new URL(url, 'http://server').pathname}`, init)
    const response = await state.server.fetch(request)
    if (state.lose(state.requests)) throw new TypeError('the answer was lost')
    return response
  }
  return state
}

const authorize = request => request.headers.get('authorization')?.replace('Bearer ', '') ?? null
const made = []
afterEach(() => Promise.all(made.splice(0).map(es => es.close())))
let count = 0
const newServer = (folder = `s${++count}`) =>
  createServer({ storage: { dir: join(dir, folder) }, authorize })

function replica(network, name, models = { todos: {} }, file = ':memory:') {
  const sync = { url: '/sync', log: 'list', getToken: () => name, fetch: network.fetch }
  return make({ file, models, sync })
}

/** A database that is closed when its test ends, however it does. */
function make(options) {
  const es = new EventSourcingDB(options)
  made.push(es)
  return es
}

const settled = (...replicas) => Promise.all(replicas.map(r => r.synced()))
const rows = async es => JSON.stringify(await es.store.todos.searchAll({}, { sort: { id: 1 } }))

async function equal(a, b) {
  const end = Date.now() + 10_000
  while (
    Date.now() < end &&
    ((await rows(a)) !== (await rows(b)) || a.status.sync.seq !== b.status.sync.seq)
  ) {
    await new Promise(resolve => setTimeout(resolve, 10))
  }
  assert.equal(await rows(a), await rows(b))
}

test('an event reaches the other device, and its promise resolves', async () => {
  const server = newServer()
  const [a, b] = ['a', 'b'].map(name => replica(link(server), name))
  await b.open()
  const event = await a.dispatch('es/todos', [1, 'x', { title: 'milk' }])
  await event.synced
  await equal(a, b)
  assert.deepEqual(await b.store.todos.get('x'), { id: 'x', title: 'milk' })
  assert.equal(a.status.sync.pending, 0)
  assert.equal((await b.queue.get(1)).client, (await a.queue.get(1)).client)
  await Promise.all([a.close(), b.close()])
  await server.close()
})

test('two devices write offline to the same rows and end in the same state', async () => {
  const server = newServer()
  const networks = [link(server), link(server)]
  const [a, b] = networks.map((network, i) => replica(network, `device${i}`))
  for (const es of [a, b]) {
    await es.open()
    es.setOnline(false)
  }
  for (let i = 0; i < 200; i++) {
    await a.store.todos.set({ id: i % 3 ? `a${i}` : `both${i}`, by: 'a', i })
    await b.store.todos.set({ id: i % 5 ? `b${i}` : `both${i}`, by: 'b', i })
  }
  assert.equal(a.status.sync.pending, 200)
  assert.equal((await a.queue.search({}, { sort: { v: -1 }, limit: 1 })).items[0].pending, true)
  const before = networks.map(network => network.requests)
  for (const es of [a, b]) es.setOnline(true)
  await settled(a, b)
  await equal(a, b)
  for (const [i, network] of networks.entries())
    assert.ok(network.requests - before[i] <= 64, `${network.requests} requests`)
  assert.equal(a.status.sync.seq, 400)
  assert.equal(await a.queue.count(), 400)
  await Promise.all([a.close(), b.close()])
  await server.close()
})

test('lost requests and lost answers neither lose nor double an event', async () => {
  const server = newServer()
  const network = link(server)
  network.drop = n => n % 3 === 1
  network.lose = n => n % 3 === 2
  const a = replica(network, 'a')
  const b = replica(link(server), 'b')
  await b.open()
  for (let i = 0; i < 20; i++) {
    await a.dispatch('es/todos', [1, `t${i}`, { i }])
    await new Promise(resolve => setTimeout(resolve, 5))
  }
  await settled(a)
  await equal(a, b)
  assert.equal(await b.queue.count(), 20)
  await Promise.all([a.close(), b.close()])
  await server.close()
})

test('pending events survive a restart of the device and of the server', async () => {
  const folder = `s${++count}`
  let server = newServer(folder)
  const network = link(server)
  const file = join(dir, 'restart.db')
  let a = replica(network, 'a', { todos: {} }, file)
  await a.store.todos.set({ id: 'x' })
  await settled(a)
  await a.setOnline(false)
  await a.store.todos.set({ id: 'y' })
  await a.close()
  await server.close()
  server = newServer(folder)
  network.server = server
  a = replica(network, 'a', { todos: {} }, file)
  await a.open()
  assert.equal(a.status.sync.online, false)
  assert.deepEqual(
    (await a.queue.search()).items.map(({ pending, sent }) => ({ pending, sent })),
    [
      { pending: false, sent: undefined },
      { pending: true, sent: false },
    ],
  )
  await a.setOnline(true)
  await settled(a)
  const b = replica(link(server), 'b')
  await b.open()
  await equal(a, b)
  assert.equal(await b.store.todos.count(), 2)
  await Promise.all([a.close(), b.close()])
  await server.close()
})

test('an event that loses its place keeps its queue and tells its author', async () => {
  const reducer = ({ event }) =>
    event.type === 'claim' && { ins: [{ id: event.data.id, by: event.data.by }] }
  const server = newServer()
  const [a, b] = ['a', 'b'].map(name => replica(link(server), name, { todos: { reducer } }))
  for (const es of [a, b]) {
    await es.open()
    es.setOnline(false)
  }
  const mine = await a.dispatch('claim', { id: 'seat', by: 'a' })
  const theirs = await b.dispatch('claim', { id: 'seat', by: 'b' })
  a.setOnline(true)
  await mine.synced
  b.setOnline(true)
  await assert.rejects(theirs.synced, { code: 'SQLITE_CONSTRAINT_UNIQUE' })
  await equal(a, b)
  assert.deepEqual(await b.store.todos.get('seat'), { id: 'seat', by: 'a' })
  assert.match((await b.queue.get(2)).error, /UNIQUE/)
  await Promise.all([a.close(), b.close()])
  await server.close()
})

test('a refused token fences the queue until there is another, and nothing is dropped', async () => {
  const server = createServer({
    storage: { dir: join(dir, `s${++count}`) },
    authorize: request => (request.headers.get('authorization') === 'Bearer good' ? 'me' : null),
  })
  const network = link(server)
  const reasons = []
  const a = make({
    file: ':memory:',
    models: { todos: {} },
    sync: {
      url: '/',
      log: 'list',
      getToken: ({ reason }) => {
        reasons.push(reason)
        return 'bad'
      },
      fetch: network.fetch,
    },
  })
  await a.store.todos.set({ id: 'x' })
  await until(() => a.status.sync.state === 'fenced')
  assert.deepEqual(reasons, ['first', 'refused'])
  assert.equal(a.status.sync.pending, 1)
  assert.equal(a.status.sync.error.code, 'TOKEN')
  a.setToken('good')
  await settled(a)
  assert.equal(a.status.sync.seq, 1)
  await a.close()
  await server.close()
})

test('an answer without end is cut off, and the queue is kept', async () => {
  const server = newServer()
  const network = link(server)
  const { fetch } = network
  let sent = 0
  network.fetch = async (url, init) => {
    if (sent) return fetch(url, init)
    const pull = controller => {
      sent += 65_536
      controller.enqueue(new Uint8Array(65_536))
    }
    const body = new ReadableStream({ pull })
    return new Response(body, { status: 200 })
  }
  const a = replica(network, 'a')
  const event = await a.dispatch('es/todos', [1, 'x', {}])
  await event.synced
  assert.ok(sent > 4 << 20 && sent < 5 << 20, `${sent} bytes were read`)
  await a.close()
})

test('without getToken a server that wants one fences the queue', async () => {
  const server = newServer()
  const a = make({
    file: ':memory:',
    models: { todos: {} },
    sync: { url: '/', log: 'list', fetch: link(server).fetch },
  })
  await a.store.todos.set({ id: 'x' })
  await until(() => a.status.sync.state === 'fenced')
  a.setToken('somebody')
  await settled(a)
  assert.equal(a.status.sync.seq, 1)
  await a.close()
  await server.close()
})

test('a storage that fails under the sync loop is told, and sync goes on', async () => {
  const server = newServer()
  const a = replica(link(server), 'a')
  await a.open()
  const { _engine: engine } = a.db
  const told = []
  a.on('status', ({ sync }) => told.push(sync.error?.code))
  engine.syncPoll = () => {
    delete engine.syncPoll
    throw new TidelogError('IO', 'injected')
  }
  await a.store.todos.set({ id: 'x' })
  await settled(a)
  assert.ok(told.includes('IO'), String(told))
  assert.equal(a.status.sync.error, null)
  await a.close()
  await server.close()
})

test('an event whose mark was not stored does not leave', async () => {
  const server = newServer()
  const network = link(server)
  const pushed = []
  const fetch = (url, init) => {
    if (url.endsWith('push')) pushed.push(marked)
    return network.fetch(url, init)
  }
  const a = replica({ fetch }, 'a')
  await a.open()
  const { _engine: engine } = a.db
  let marked = false
  engine.markSent = () => {
    engine.markSent = n => {
      marked = true
      return Object.getPrototypeOf(engine).markSent.call(engine, n)
    }
    throw new TidelogError('QUOTA', 'injected')
  }
  await a.store.todos.set({ id: 'x' })
  await settled(a)
  assert.deepEqual(pushed, [true])
  await a.close()
  await server.close()
})

test('it works over real HTTP, relative paths and long polls included', async () => {
  const server = newServer()
  const http = createHttp(async (req, res) => {
    const chunks = []
    for await (const chunk of req) chunks.push(chunk)
    const response = await server.fetch(
      new Request(`http://localhost${req.url}`, {
        method: req.method,
        headers: req.headers,
        body: Buffer.concat(chunks),
      }),
    )
    res.writeHead(response.status, Object.fromEntries(response.headers))
    res.end(Buffer.from(await response.arrayBuffer()))
  })
  await new Promise(resolve => http.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${http.address().port}/api`
  const options = name => ({
    file: ':memory:',
    models: { todos: {} },
    sync: { url, log: 'list', getToken: () => name },
  })
  const [a, b] = ['a', 'b'].map(name => make(options(name)))
  await b.open()
  await until(() => b.status.sync.state === 'live')
  const from = performance.now()
  await (await a.dispatch('es/todos', [1, 'x', {}])).synced
  await equal(a, b)
  assert.ok(performance.now() - from < 5000, 'a long poll hears of a push at once')
  await Promise.all([a.close(), b.close()])
  await server.close()
  http.close()
  http.closeAllConnections()
})
