// Pushes and pulls over real HTTP on the real engine and real files, in the protocol's own words.

import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, test } from 'node:test'
import { createServer } from 'tidelog/server'
import { serveNode } from '../../www/node.js'

const cleanups = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

async function directory() {
  const dir = await mkdtemp(join(tmpdir(), 'tidelog-server-'))
  cleanups.push(() => rm(dir, { recursive: true }))
  return dir
}

async function listen(dir, options) {
  const authorize = request => request.headers.get('Authorization')?.replace('Bearer ', '') || null
  const server = createServer({ storage: { dir }, authorize, ...options })
  const http = await serveNode(server.fetch)
  const base = `http://localhost:${http.address().port}/v1`
  const close = async () => {
    await server.close()
    http.closeAllConnections()
    await new Promise(resolve => http.close(resolve))
  }
  cleanups.push(() => http.listening && close())
  return { base, close }
}

/** RFC 4648 in lower case, without padding. */
function base32(bytes) {
  const bits = [...bytes].map(byte => byte.toString(2).padStart(8, '0')).join('')
  const digits = bits.match(/.{1,5}/g).map(five => Number.parseInt(five.padEnd(5, '0'), 2))
  return digits.map(digit => 'abcdefghijklmnopqrstuvwxyz234567'[digit]).join('')
}

const random = () => base32(randomBytes(16))
const beginning = log =>
  base32(createHash('sha256').update(`tidelog2${log}`).digest().subarray(0, 16))

/** A replica that knows just enough: its cursor and its own count. */
class Client {
  client = random()
  n = 0
  constructor({ base }, log = 'app', principal = 'ann') {
    this.url = `${base}/${log}`
    this.principal = principal
    this.at = { epoch: null, seq: 0, h: beginning(log) }
  }
  event(body) {
    return { id: random(), n: ++this.n, t: 'added', tv: 1, b: JSON.stringify(body) }
  }
  async ask(verb, message) {
    const answer = await fetch(`${this.url}/${verb}`, {
      method: 'POST',
      headers: { Authorization: `Bearer ${this.principal}`, 'Content-Type': 'application/json' },
      body: JSON.stringify({ p: 2, client: this.client, at: this.at, ...message }),
    })
    return { status: answer.status, ...(await answer.json()) }
  }
  push(...entries) {
    return this.ask('push', { entries })
  }
  pull(more) {
    return this.ask('pull', more)
  }
  /** Takes a page as read. */
  read({ epoch, to }) {
    this.at = { epoch, ...to }
  }
}

test('what one client pushes another one pulls, also after a restart', async () => {
  const dir = await directory()
  const first = await listen(dir)
  const ann = new Client(first)
  const event = ann.event({ title: 'milk – ✓' })
  const pushed = await ann.push(event)
  assert.equal(pushed.status, 200)
  assert.deepEqual(
    [pushed.segment.head, pushed.segment.entries[0].id, pushed.segment.entries[0].c],
    [1, event.id, ann.client],
  )
  await first.close()
  const page = await new Client(await listen(dir)).pull()
  assert.equal(page.status, 200)
  assert.deepEqual(
    page.entries.map(({ id, n, b }) => ({ id, n, b })),
    [{ id: event.id, n: 1, b: event.b }],
  )
  assert.equal(page.to.h, pushed.segment.to.h)
})

test('a push that is sent again is not appended again', async () => {
  const ann = new Client(await listen(await directory()))
  const event = ann.event({})
  assert.equal((await ann.push(event)).segment.head, 1)
  assert.equal((await ann.push(event)).segment.head, 1)
})

test('a gap, a stranger and bad JSON are refused in the words of the protocol', async () => {
  const server = await listen(await directory())
  const ann = new Client(server)
  await ann.push(ann.event({}))
  ann.n++
  const gap = await ann.push(ann.event({}))
  assert.deepEqual([gap.status, gap.err, gap.expect], [409, 'gap', 2])
  const thief = new Client(server, 'app', 'eve')
  thief.client = ann.client
  assert.equal((await thief.push(thief.event({}))).status, 403)
  const bad = await ann.ask('pull', { at: 7 })
  assert.deepEqual([bad.status, bad.err], [400, 'malformed'])
})

test('a long poll brings what another client pushes', async () => {
  const server = await listen(await directory())
  const ann = new Client(server)
  const bob = new Client(server, 'app', 'bob')
  ann.read((await ann.push(ann.event({}))).segment)
  const start = performance.now()
  const waiting = ann.pull({ wait_ms: 20_000 })
  await new Promise(resolve => setTimeout(resolve, 100))
  const event = bob.event({ title: 'bread' })
  await bob.push(event)
  const page = await waiting
  assert.deepEqual([page.entries.length, page.entries[0].id], [1, event.id])
  const took = performance.now() - start
  assert.ok(took >= 100 && took < 5000, `it took ${took} ms`)
})

test('a validator rejects for good, and when it fails the push fails and nothing is appended', async () => {
  const errors = []
  const validate = ({ type, data: { title } }, about) => {
    assert.deepEqual([type, about], ['added', { log: 'app', principal: 'ann' }])
    return { milk: undefined, bread: 'NO_BREAD', promise: Promise.resolve(), long: 'x'.repeat(65) }[
      title
    ]
  }
  const ann = new Client(
    await listen(await directory(), { validate, onError: error => errors.push(error) }),
  )
  const [milk, bread, promise] = ['milk', 'bread', 'promise'].map(title => ann.event({ title }))
  assert.equal((await ann.push(milk, bread, promise)).status, 500)
  assert.equal((await ann.push(milk, bread, { ...promise, b: '{"title":"long"}' })).status, 500)
  const { status, segment } = await ann.push(milk, bread)
  assert.equal(status, 200)
  assert.deepEqual(
    segment.entries.map(({ k = 'e', code }) => [k, code]),
    [
      ['e', undefined],
      ['rej', 'NO_BREAD'],
    ],
  )
  assert.equal(errors.length, 2)
  assert.match(String(errors[0]), /validate must return/)
})

test('logs are apart', async () => {
  const server = await listen(await directory())
  const ann = new Client(server, 'one')
  await ann.push(ann.event({}))
  assert.equal((await new Client(server, 'two').pull()).head, 0)
  assert.equal((await new Client(server, 'one').pull()).head, 1)
})

test('64 writers at once on a new log are all taken, in the order of their own', async () => {
  const server = await listen(await directory())
  const writers = [...Array(64)].map((_, i) => new Client(server, 'app', `writer-${i}`))
  const write = async writer => {
    const statuses = []
    for (let i = 0; i < 3; i++) statuses.push((await writer.push(writer.event({ i }))).status)
    return statuses
  }
  const statuses = (await Promise.all(writers.map(write))).flat()
  assert.deepEqual([...new Set(statuses)], [200])
  const page = await writers[0].pull()
  assert.equal(page.head, 192)
  for (const { client } of writers) {
    assert.deepEqual(
      page.entries.filter(({ c }) => c === client).map(({ n }) => n),
      [1, 2, 3],
    )
  }
})

test('a body above the limit of the server is refused, and the limit is told', async () => {
  const ann = new Client(await listen(await directory(), { limits: { body: 100 } }))
  const told = await ann.pull({ limits: true })
  assert.equal(told.limits.body, 100)
  assert.equal((await ann.pull()).limits, undefined, 'only when asked for')
  const small = ann.event({ title: 'x' })
  assert.equal((await ann.push(small)).segment.head, 1)
  const large = await ann.push(ann.event({ title: 'x'.repeat(100) }))
  assert.deepEqual([large.status, large.err], [413, 'too_large'])
  for (const limits of [null, 7, { depth: 3 }, { body: 0 }, { body: 262_145 }, { body: '9' }]) {
    const options = { storage: { dir: '.' }, authorize: () => 'ann', limits }
    assert.throws(() => createServer(options), TypeError, JSON.stringify(limits))
  }
})

test('a request of another version, or with a field nobody knows, is refused', async () => {
  const ann = new Client(await listen(await directory()))
  const old = await ann.pull({ p: 1 })
  assert.deepEqual([old.status, old.err, old.min, old.max], [426, 'upgrade', 2, 2])
  const odd = await ann.pull({ more: true })
  assert.deepEqual([odd.status, odd.err], [400, 'malformed'])
  assert.match(odd.msg, /more/)
})
