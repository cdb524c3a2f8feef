// Kills the whole browser while a page commits and syncs, again and again on one profile: what was
// acknowledged is there once, what was not is there whole or not at all. The ledger is kept here,
// outside of the browser.
//
//   KILLS=200 (10 unless given) rounds per browser, KILL_SEED=n repeats the moments of a run
//
// A killed browser leaves the system's page cache behind, so this does not tell `strict` from
// `relaxed`: that a promise waits for the flush is proved where the power goes (tests/crash).
import assert from 'node:assert/strict'
import { randomInt } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import { createServer } from 'tidelog/server'
import { atEnd } from './cleanup.js'
import { browsers, launch, newProfile } from './harness.js'
import { buildPages, serveSite } from './site.js'

const ROUNDS = Number(process.env.KILLS ?? 10)
const SEED = Number(process.env.KILL_SEED ?? randomInt(2 ** 31))
/** A killed database opens within this, on a machine that does other things too. */
const OPEN_MS = 15_000

let files
before(async () => {
  files = await buildPages()
})

/** The server of the page, its log, and the ledger of what the page says it has. */
async function world(t) {
  const dir = mkdtempSync(join(tmpdir(), 'tidelog-kill-'))
  atEnd(t, () => rmSync(dir, { recursive: true, force: true }))
  const sync = createServer({ storage: { dir }, authorize: () => 'anybody' })
  atEnd(t, () => sync.close())
  const ledger = new Set()
  let heard = () => {}
  const handler = async request => {
    const { pathname } = new URL(request.url)
    if (pathname.startsWith('/sync/')) return sync.fetch(request)
    if (pathname !== '/acknowledged') return null
    for (const key of (await request.text()).split('\n')) ledger.add(key)
    heard()
    return new Response(null, { status: 204 })
  }
  const { url } = await serveSite(t, { files, handler })
  const nextAck = () =>
    new Promise(resolve => {
      heard = resolve
    })
  return { url, ledger, nextAck }
}

async function open(session, url) {
  const page = await session.open(`${url}/kill.html`)
  await page.waitForFunction(() => globalThis.openMs, { timeout: 30_000 })
  return page
}

/** `key/place/size` of an event. */
const markOf = ({ type, data }) => (type === 'counted' ? data.w : data[2].w)

/**
 * Compares the database with the ledger, and its documents with a replay of its events that is this
 * test's own.
 */
function check({ integrity, events, rows, count }, ledger) {
  assert.equal(integrity, 'ok')
  const writes = new Map()
  const replayed = new Map()
  let counted = 0
  for (const [i, event] of events.entries()) {
    assert.equal(event.v, i + 1)
    const [key] = markOf(event).split('/')
    writes.set(key, [...(writes.get(key) ?? []), event])
    const { type, data } = event
    if (type === 'counted') counted++
    else
      replayed.set(data[1], {
        ...(data[0] === 3 ? replayed.get(data[1]) : {}),
        ...data[2],
        id: data[1],
      })
  }
  assert.deepEqual(
    [...ledger].filter(key => !writes.has(key)),
    [],
    'acknowledged, and not there',
  )
  for (const [key, made] of writes) {
    const size = Number(markOf(made[0]).split('/')[2])
    const whole = Array.from(
      { length: size },
      (_, i) => `${key}/${i + 1}/${size} at ${made[0].v + i}`,
    )
    const there = made.map(event => `${markOf(event)} at ${event.v}`)
    assert.equal(there.join(), whole.join(), 'a write is there once, whole and in one piece')
  }
  assert.equal(count, counted)
  assert.equal(rows.length, replayed.size)
  for (const row of rows) {
    if (!isDeepStrictEqual(row, replayed.get(row.id))) assert.deepEqual(row, replayed.get(row.id))
  }
}

/** Numbers in [0, 1) that a seed repeats (mulberry32). */
function random(seed) {
  let a = seed
  return () => {
    a = (a + 0x6d2b79f5) | 0
    let t = Math.imul(a ^ (a >>> 15), 1 | a)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}

const percentile = (values, p) =>
  values.toSorted((a, b) => a - b)[Math.ceil(values.length * p) - 1].toFixed(0)

for (const kind of browsers) {
  test(`what was acknowledged is there after ${ROUNDS} kills of the browser (${kind})`, {
    timeout: 60_000 + ROUNDS * 15_000,
  }, async t => {
    t.diagnostic(`KILL_SEED=${SEED}`)
    const next = random(SEED)
    const { url, ledger, nextAck } = await world(t)
    const profile = newProfile(t)
    const opened = []
    /** Kills before which further writes were acknowledged than the first. */
    let amid = 0
    for (let round = 0; round < ROUNDS; round++) {
      const session = await launch(t, kind, { profile })
      const page = await open(session, url)
      if (round > 0) opened.push(await page.evaluate(() => globalThis.openMs))
      check(await page.evaluate(() => globalThis.db.store.rows.everything()), ledger)
      const first = nextAck()
      await page.evaluate(round => globalThis.write(round), round)
      await first
      const already = ledger.size
      await sleep(20 + next() * 380)
      await session.kill()
      amid += ledger.size > already
    }
    assert.ok(amid > ROUNDS / 4, `only ${amid} of ${ROUNDS} kills came amid writes`)
    const page = await open(await launch(t, kind, { profile }), url)
    opened.push(await page.evaluate(() => globalThis.openMs))
    await page.waitForFunction(() => globalThis.db.status.sync.pending === 0, { timeout: 60_000 })
    const all = await page.evaluate(() => globalThis.db.store.rows.everything())
    check(all, ledger)
    const { rows, count } = await page.evaluate(() => globalThis.db.store.rows.rebuilt())
    assert.deepEqual({ rows, count }, { rows: all.rows, count: all.count })
    const figures = `opened in ${percentile(opened, 0.5)} ms (p50), ${percentile(opened, 0.95)} ms (p95)`
    t.diagnostic(
      `${ROUNDS} kills, ${ledger.size} writes acknowledged, ${all.events.length} events; ${figures}`,
    )
    assert.ok(Math.max(...opened) < OPEN_MS, `${figures}, at most ${Math.max(...opened)} ms`)
  })
}
