// The rules of the sync server over real HTTP: who may ask, how much, how long it waits. A stand-in
// for the engine's log makes each fault happen; what pushes and pulls mean is tested with the
// engine.

import assert from 'node:assert/strict'
import { request as httpRequest } from 'node:http'
import { afterEach, test } from 'node:test'
import { createServer } from '../../pkg-template/server/handler.js'
import { serveNode } from '../../www/node.js'
import { until } from './until.js'

/** Keeps the events it is given; a pull is empty until the first push. */
class Kept {
  events = []
  pulls = 0
  constructor(name) {
    this.name = name
  }
  push(principal, body) {
    if (body.byteLength === 0) return { status: 400, body: '{"err":"malformed"}' }
    this.events.push([principal, new TextDecoder().decode(body)])
    return { status: 200, body: '{"ok":true}' }
  }
  pull(_, body) {
    this.pulls++
    const { wait_ms: waitMs = 0, throws } = JSON.parse(new TextDecoder().decode(body))
    if (throws) throw Object.assign(new Error('secret path /data/app.db'), { code: throws })
    const { length } = this.events
    return {
      status: 200,
      body: JSON.stringify({ events: length }),
      head: length,
      empty: length === 0,
      waitMs,
    }
  }
  close() {
    this.closed = true
  }
}

const cleanups = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup()
})

async function listen(options = {}, opening = async name => new Kept(name)) {
  const opened = []
  const errors = []
  const authorize = request => request.headers.get('Authorization')?.replace('Bearer ', '') || null
  const server = createServer(
    { storage: {}, authorize, onError: error => errors.push(error), ...options },
    {
      open: async (_, name) => {
        opened.push(name)
        return opening(name, opened.length)
      },
    },
  )
  const http = await serveNode(server.fetch)
  const base = `http://localhost:${http.address().port}/sync/v1`
  cleanups.push(async () => {
    await server.close()
    http.closeAllConnections()
    await new Promise(resolve => http.close(resolve))
  })
  const post = (path, body = '{}', headers = {}, more = {}) =>
    fetch(`${base}/${path}`, {
      method: 'POST',
      headers: { Authorization: 'Bearer ann', 'Content-Type': 'application/json', ...headers },
      body: typeof body === 'string' ? body : JSON.stringify(body),
      ...more,
    })
  return { server, post, base, opened, errors }
}

const later = ms => new Promise(resolve => setTimeout(resolve, ms))

test('a push and a pull reach the log with the principal and the bytes', async () => {
  let log
  const { post } = await listen({}, async name => (log = new Kept(name)))
  const pushed = await post('app/push', '{"ä":1}')
  assert.deepEqual([pushed.status, await pushed.json()], [200, { ok: true }])
  assert.equal(pushed.headers.get('Cache-Control'), 'no-store')
  assert.equal(pushed.headers.get('Content-Type'), 'application/json')
  assert.deepEqual(log.events, [['ann', '{"ä":1}']])
  assert.deepEqual(await (await post('app/pull')).json(), { events: 1 })
})

test('who is not authorized gets nothing, not even a database', async () => {
  const { post, opened } = await listen()
  for (const verb of ['push', 'pull', 'resume']) {
    const refused = await post(`app/${verb}`, '{}', { Authorization: '' })
    assert.deepEqual([refused.status, await refused.json()], [401, { err: 'token' }])
  }
  assert.deepEqual(opened, [])
})

test('authorize is asked with log and verb, and may answer itself', async () => {
  const asked = []
  const authorize = (_, about) => {
    asked.push(about)
    return Response.json({ err: 'forbidden' }, { status: 403 })
  }
  const { post } = await listen({ authorize })
  const refused = await post('app/push')
  assert.deepEqual([refused.status, await refused.json()], [403, { err: 'forbidden' }])
  assert.equal(refused.headers.get('Cache-Control'), 'no-store')
  assert.deepEqual(asked, [{ log: 'app', verb: 'push' }])
})

test('an error of authorize or of the engine is told to the owner, not to the client', async () => {
  const authorize = () => {
    throw new Error('the password is 12345')
  }
  const first = await listen({ authorize })
  const refused = await first.post('app/push')
  assert.deepEqual([refused.status, await refused.text()], [500, '{"err":"internal"}'])
  assert.match(first.errors[0].message, /12345/)
  const second = await listen()
  assert.equal(await (await second.post('app/pull', { throws: 'IO' })).text(), '{"err":"internal"}')
  const crashed = await second.post('app/pull', { throws: 'CRASHED' })
  assert.deepEqual([crashed.status, (await crashed.json()).err], [503, 'busy'])
  assert.equal(second.errors.length, 2)
  const third = await listen({ authorize: () => 7 })
  assert.equal((await third.post('app/push')).status, 500)
})

test('what the protocol does not have is refused by name', async () => {
  const { post, base, opened } = await listen()
  const live = await post('app/live')
  assert.deepEqual([live.status, await live.json()], [501, { err: 'not_supported' }])
  assert.equal((await post('App/push')).status, 400)
  assert.equal((await post('a%2Fb/push')).status, 400)
  assert.equal((await post(`${'a'.repeat(64)}/push`)).status, 400)
  assert.equal((await fetch(`${base}/app`)).status, 404)
  const got = await fetch(`${base}/app/pull`, { headers: { Authorization: 'Bearer ann' } })
  assert.deepEqual([got.status, got.headers.get('Allow')], [405, 'POST'])
  assert.deepEqual(opened, [])
})

test('only JSON that is not compressed is read', async () => {
  const { post, opened } = await listen()
  assert.equal((await post('app/push', '{}', { 'Content-Type': 'text/plain' })).status, 415)
  assert.equal((await post('app/push', '{}', { 'Content-Encoding': 'gzip' })).status, 415)
  assert.deepEqual(opened, [])
  assert.equal(
    (await post('app/push', '{}', { 'Content-Type': 'Application/JSON; charset=utf-8' })).status,
    200,
  )
})

test('a body is counted while it is read, whatever its length is said to be', async () => {
  const { post, base, opened } = await listen()
  const big = ' '.repeat(1_400_000)
  const refused = await post('app/push', big)
  assert.deepEqual(
    [refused.status, await refused.json()],
    [413, { err: 'too_large', limit: 1_310_720 }],
  )
  const status = await new Promise((resolve, reject) => {
    const headers = { Authorization: 'Bearer ann', 'Content-Type': 'application/json' }
    const req = httpRequest(`${base}/app/push`, { method: 'POST', headers })
    // the answer comes before the end of the body, so the rest of it may break off
    req.on('error', reject)
    req.on('response', res => resolve(res.statusCode))
    for (let i = 0; i < 14; i++) req.write(' '.repeat(100_000))
  })
  assert.equal(status, 413)
  assert.deepEqual(opened, [])
})

test('first requests that come together share one database', async () => {
  const { post, opened } = await listen({}, async name => {
    await later(20)
    return new Kept(name)
  })
  const all = await Promise.all([...Array(8)].map(() => post('app/push')))
  assert.deepEqual([...new Set(all.map(({ status }) => status))], [200])
  assert.equal((await post('other/push')).status, 200)
  assert.deepEqual(opened, ['app', 'other'])
})

test('a database that did not open is tried again', async () => {
  const { post, opened } = await listen({}, async (name, attempt) => {
    if (attempt === 1) throw Object.assign(new Error('held elsewhere'), { code: 'LOCKED' })
    return new Kept(name)
  })
  assert.equal((await post('app/push')).status, 503)
  assert.equal((await post('app/push')).status, 200)
  assert.equal(opened.length, 2)
})

test('an empty pull waits for a push to its log', async () => {
  const { post } = await listen()
  const waiting = post('app/pull', { wait_ms: 20_000 })
  await later(50)
  assert.equal((await post('other/push')).status, 200)
  assert.equal(await Promise.race([waiting, later(50)]), undefined)
  assert.equal((await post('app/push')).status, 200)
  assert.deepEqual(await (await waiting).json(), { events: 1 })
})

test('a long poll ends when its time is up', async () => {
  const { post } = await listen()
  const start = performance.now()
  assert.deepEqual(await (await post('app/pull', { wait_ms: 100 })).json(), { events: 0 })
  const took = performance.now() - start
  assert.ok(took >= 99 && took < 1000, `it took ${took} ms`)
})

test('a client that goes away ends its long poll', async () => {
  let log
  const { post, server } = await listen({}, async name => (log = new Kept(name)))
  const abort = new AbortController()
  const waiting = post('app/pull', { wait_ms: 20_000 }, {}, { signal: abort.signal })
  await until(() => log?.pulls)
  abort.abort()
  await assert.rejects(waiting, { name: 'AbortError' })
  await until(() => log.pulls === 2)
  const start = performance.now()
  await server.close()
  assert.ok(performance.now() - start < 1000 && log.closed)
})

test('closing answers the long polls, closes the databases and takes nothing more', async () => {
  let log
  const { post, server } = await listen({}, async name => (log = new Kept(name)))
  const waiting = post('app/pull', { wait_ms: 20_000 })
  await until(() => log?.pulls)
  const closing = server.close()
  assert.equal((await waiting).status, 200)
  await closing
  assert.ok(log.closed)
  const refused = await post('app/push')
  assert.deepEqual([refused.status, await refused.json()], [503, { err: 'busy', retry_ms: 1000 }])
})

test('a page of another origin is answered only if it is listed', async () => {
  const origin = 'https://app.example'
  const { post, base } = await listen({ cors: { origins: [origin] } })
  const allowed = await post('app/push', '{}', { Origin: origin })
  assert.equal(allowed.headers.get('Access-Control-Allow-Origin'), origin)
  const other = await post('app/push', '{}', { Origin: 'https://evil.example' })
  assert.equal(other.headers.get('Access-Control-Allow-Origin'), null)
  const preflight = await fetch(`${base}/app/push`, {
    method: 'OPTIONS',
    headers: { Origin: origin },
  })
  assert.equal(preflight.status, 204)
  assert.match(preflight.headers.get('Access-Control-Allow-Headers'), /Authorization/)
  const closed = await listen()
  const without = await closed.post('app/push', '{}', { Origin: origin })
  assert.equal(without.headers.get('Access-Control-Allow-Origin'), null)
})

test('options are checked by name', () => {
  const authorize = () => null
  assert.throws(() => createServer(), { name: 'TypeError', message: /options/ })
  assert.throws(() => createServer({ authorize }), { name: 'TypeError', message: /storage/ })
  assert.throws(() => createServer({ storage: {} }), { name: 'TypeError', message: /authorize/ })
  assert.throws(() => createServer({ storage: {}, authorize, cors: '*' }), {
    name: 'TypeError',
    message: /cors/,
  })
  assert.throws(() => createServer({ storage: {}, authorize, stroage: 1 }), {
    message: /'stroage': use storage, authorize, /,
  })
  assert.throws(() => createServer({ storage: {}, authorize, validate: 1 }), {
    message: /validate/,
  })
})
