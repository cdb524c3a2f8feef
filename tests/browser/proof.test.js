// The spine's proof: two profiles on real OPFS and a real server process. They write without a
// network, one page is reloaded and one worker terminated midway; then they sync while the server
// is killed and started again.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { before, test } from 'node:test'
import { EventSourcingDB, SQLite } from 'tidelog'
import { atEnd } from './cleanup.js'
import { browsers, launch, terminateWorkers } from './harness.js'
import { buildPages, serveSite, startProgram } from './site.js'

let files
before(async () => {
  files = await buildPages()
})

/** The complaints of browsers about a server that is away. */
const AWAY = [/status of 502/, /status of 503/]

/**
 * The sync server's process, behind the site's own address; counts the requests of each profile.
 */
async function syncServer(t) {
  const data = mkdtempSync(join(tmpdir(), 'tidelog-proof-'))
  atEnd(t, () => rmSync(data, { recursive: true, force: true }))
  const start = port =>
    startProgram(t, ['tests/browser/proof.server.js'], {
      ready: /ready on (\d+)/,
      env: { PORT: port, DATA: data },
    })
  let program = await start('0')
  const port = program.match[1]
  const state = { data, requests: {}, pushes: 0, kills: 0, kill: () => program.kill() }
  state.handler = async request => {
    const { pathname } = new URL(request.url)
    if (!pathname.startsWith('/sync/')) return null
    const profile = request.headers.get('authorization').replace('Bearer ', '')
    state.requests[profile] = (state.requests[profile] ?? 0) + 1
    const { method, headers } = request
    try {
      const body = await request.arrayBuffer()
      const response = await fetch(`http://127.0.0.1:${port}${pathname}`, {
        method,
        headers,
        body,
        signal: request.signal,
      })
      const answer = new Response(await response.arrayBuffer(), {
        status: response.status,
        headers: { 'content-type': 'application/json' },
      })
      if (pathname.endsWith('/push')) state.pushes += 1
      // killed between pushes, after an answer that its client may or may not hear of
      if (pathname.endsWith('/push') && state.pushes === 2) restart()
      return answer
    } catch {
      return Response.json({ err: 'busy' }, { status: 503 })
    }
  }
  async function restart() {
    state.kills += 1
    await program.kill()
    program = await start(port)
  }
  return state
}

async function open(session, url, profile, network) {
  const page = await session.open(`${url}/proof.html#${profile}/${network}`)
  await page.waitForFunction(() => globalThis.db?.status.role === 'leader', { timeout: 30_000 })
  return page
}

const text = page => page.evaluate(() => globalThis.db.store.rows.text())
const progress = page => page.evaluate(() => globalThis.db.status.sync)

for (const kind of browsers) {
  test(`offline writes of two profiles survive a reload, a terminated worker and a killed server (${kind})`, {
    timeout: 240_000,
  }, async t => {
    const server = await syncServer(t)
    const { url } = await serveSite(t, { files, handler: server.handler })
    const acknowledged = []
    const collect = async page =>
      acknowledged.push(...(await page.evaluate(() => globalThis.ledger.splice(0))))

    const sessions = {
      ann: await launch(t, kind, { allow: AWAY }),
      bob: await launch(t, kind, { allow: AWAY }),
    }
    const ann = await open(sessions.ann, url, 'ann', 'offline')
    let bob = await open(sessions.bob, url, 'bob', 'offline')

    await Promise.all([ann, bob].map(page => page.evaluate(() => globalThis.write(0, 100))))
    await Promise.all([collect(ann), collect(bob)])
    await ann.reload()
    await ann.waitForFunction(() => globalThis.db?.status.role === 'leader', { timeout: 30_000 })
    const burst = bob.evaluate(() => globalThis.burst(0, 300))
    await bob.waitForFunction(() => globalThis.ledger.length >= 10)
    await terminateWorkers(bob)
    // a worker ended by its page tells nobody: what was acknowledged is what counts
    await Promise.race([burst, new Promise(resolve => setTimeout(resolve, 1000))]).catch(() => {})
    await collect(bob)
    await bob.close()
    bob = await open(sessions.bob, url, 'bob', 'offline')
    await Promise.all([ann, bob].map(page => page.evaluate(() => globalThis.write(100, 100))))
    await Promise.all([collect(ann), collect(bob)])
    assert.ok(acknowledged.length >= 410, `${acknowledged.length} acknowledged`)
    assert.deepEqual(server.requests, {})
    assert.equal((await progress(ann)).pending, 200)

    for (const page of [ann, bob])
      await page.evaluate(() => globalThis.db.store.rows.connect().then(() => globalThis.db.sync()))
    const done = page =>
      page.waitForFunction(
        total => {
          const { pending, seq, head } = globalThis.db.status.sync
          return pending === 0 && seq === head && seq >= total
        },
        { timeout: 60_000 },
        acknowledged.length,
      )
    await Promise.all([done(ann), done(bob)])
    const heads = (await Promise.all([progress(ann), progress(bob)])).map(p => p.head)
    await Promise.all(
      [ann, bob].map(page =>
        page.waitForFunction(head => globalThis.db.status.sync.seq >= head, {}, Math.max(...heads)),
      ),
    )
    assert.equal(server.kills, 1, 'the server was killed while they synced')

    const states = await Promise.all([text(ann), text(bob)])
    assert.equal(states[0], states[1])
    for (const [profile, requests] of Object.entries(server.requests)) {
      assert.ok(requests <= 64, `${profile} needed ${requests} requests`)
    }
    t.diagnostic(
      `requests: ${JSON.stringify(server.requests)}, events: ${Math.max(...heads)}, acknowledged: ${acknowledged.length}`,
    )

    // equal to what a replica makes of the server's log alone
    const fresh = new EventSourcingDB({
      file: ':memory:',
      models: { rows: {} },
      sync: { url: `${url}/sync`, log: 'proof', getToken: () => 'reader' },
    })
    await fresh.open()
    while (fresh.status.sync.seq < Math.max(...heads))
      await new Promise(resolve => setTimeout(resolve, 20))
    assert.equal(
      JSON.stringify(await fresh.store.rows.searchAll({}, { sort: { id: 1 } })),
      states[0],
    )
    const logged = (await fresh.queue.search()).items.map(event => event.id)
    await fresh.close()
    assert.equal(new Set(logged).size, logged.length, 'nothing is in the log twice')
    const there = new Set(logged)
    assert.deepEqual(
      acknowledged.filter(id => !there.has(id)),
      [],
      'nothing that was acknowledged is lost',
    )

    await server.kill()
    const db = new SQLite({ file: join(server.data, 'proof.db') })
    assert.equal((await db.get('PRAGMA integrity_check')).integrity_check, 'ok')
    assert.equal((await db.get('SELECT count(*) AS n FROM log')).n, logged.length)
    await db.close()
  })
}
