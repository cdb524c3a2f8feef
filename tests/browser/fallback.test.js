// Where a database is kept when a browser gives less than OPFS: chosen by trying, kept through
// kills, and never lost from sight; what the status says of it.
import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'
import { browsers, launch, newProfile, terminateWorkers } from './harness.js'
import { buildPages, serveSite } from './site.js'

let files
before(async () => {
  files = await buildPages()
})

/** A site whose worker gets `options`; `told` is what pages had acknowledged. */
async function site(t) {
  const here = { options: {}, told: new Set() }
  const handler = async request => {
    const { pathname } = new URL(request.url)
    if (pathname === '/options') return Response.json(here.options)
    if (pathname !== '/told') return null
    here.told.add(await request.text())
    return new Response(null, { status: 204 })
  }
  const { url } = await serveSite(t, { files, handler })
  return Object.assign(here, { url: `${url}/fallback.html`, origin: url })
}

async function visit(session, { url }) {
  const page = await session.open(url)
  const status = await page.evaluate(() => settled())
  return { page, status, audit: () => page.evaluate(() => db.store.rows.audit()) }
}

/** Waits until `look` gives something. */
async function until(look, what) {
  for (const end = Date.now() + 15_000; Date.now() < end; ) {
    const found = await look()
    if (found) return found
    await new Promise(resolve => setTimeout(resolve, 20))
  }
  throw new Error(`still not: ${what}`)
}

for (const kind of browsers) {
  describe(kind, () => {
    test('the best storage there is keeps a database, and what lacks is passed over', async t => {
      const session = await launch(t, kind)
      const cases = [
        [[], 'opfs', 'best-effort'],
        [['handles'], 'indexeddb', 'best-effort'],
        [['opfs'], 'indexeddb', 'best-effort'],
        [['opfs', 'indexeddb'], 'memory', 'none'],
      ]
      for (const [without, storage, persistence] of cases) {
        const here = await site(t)
        here.options = { without }
        const { page, status } = await visit(session, here)
        assert.deepEqual(
          [status.storage, status.persistence, status.full],
          [storage, persistence, false],
        )
        await page.evaluate(() => db.store.rows.set({ id: 'a' }))
        await page.reload()
        await page.evaluate(() => settled())
        const ids = await page.evaluate(async () => (await db.store.rows.all()).map(row => row.id))
        assert.deepEqual(ids, storage === 'memory' ? [] : ['a'], storage)
        await page.close()
      }
    })

    test('a database stays where it is when other storages come or go', async t => {
      const session = await launch(t, kind)
      const here = await site(t)
      const write =
        id =>
        ({ page }) =>
          page.evaluate(id => db.store.rows.set({ id }), id)
      here.options = { file: 'a.db', without: ['opfs'] }
      const first = await visit(session, here)
      await write('in idb')(first)
      await first.page.close()
      here.options = { file: 'a.db' }
      const second = await visit(session, here)
      assert.equal(second.status.storage, 'indexeddb')
      assert.deepEqual((await second.audit()).ids, ['in idb'])
      await second.page.close()
      here.options = { file: 'b.db' }
      const third = await visit(session, here)
      assert.equal(third.status.storage, 'opfs')
      await write('in opfs')(third)
      await third.page.close()
      here.options = { file: 'b.db', without: ['handles'] }
      const fourth = await visit(session, here)
      assert.equal(
        fourth.status.role,
        'failed',
        'an empty database was opened in place of one in OPFS',
      )
      assert.equal(fourth.status.error.code, 'NOT_SUPPORTED')
      await fourth.page.close()
      for (const storage of ['opfs', 'indexeddb', 'memory']) {
        here.options = { file: 'c.db', storage }
        const forced = await visit(session, here)
        assert.equal(forced.status.storage, storage)
        await forced.page.close()
      }
    })

    test('in a window there are no handles: IndexedDB', async t => {
      const session = await launch(t, kind)
      const page = await session.open((await site(t)).url)
      const made = await page.evaluate(() => inWindow('window.db'))
      assert.deepEqual(made, { storage: 'indexeddb', doc: { id: '1', text: 'here' } })
    })

    test('what IndexedDB was said to hold survives reloads, ended workers and a killed browser', async t => {
      const profile = newProfile(t)
      const here = await site(t)
      here.options = { storage: 'indexeddb' }
      let session = await launch(t, kind, { profile })
      for (let round = 0; round < 12; round++) {
        const { page, status, audit } = await visit(session, here)
        assert.equal(status.storage, 'indexeddb')
        const { integrity_check, ids } = await audit()
        assert.equal(integrity_check, 'ok')
        const there = new Set(ids)
        assert.deepEqual(
          [...here.told].filter(id => !there.has(id)),
          [],
          `lost in round ${round}`,
        )
        const told = here.told.size
        page.evaluate(round => write(`r${round}`), round).catch(() => {})
        await until(() => here.told.size > told + 10, 'ten acknowledged writes')
        const end = round % 4
        if (end === 0) await page.reload()
        if (end === 1) await terminateWorkers(page)
        if (end === 2) await page.close()
        if (end === 3) {
          await session.kill()
          session = await launch(t, kind, { profile })
        }
        if (end < 2) await page.close()
      }
    })
  })
}

test('a private window of Firefox has some storage, and says which', async t => {
  const session = await launch(t, 'firefox', {
    prefs: { 'browser.privatebrowsing.autostart': true },
  })
  const here = await site(t)
  const { page, status } = await visit(session, here)
  t.diagnostic(`storage in a private window: ${status.storage}, ${status.persistence}`)
  assert.ok(['opfs', 'indexeddb'].includes(status.storage))
  await page.evaluate(() => db.store.rows.set({ id: 'a' }))
  await page.reload()
  await page.evaluate(() => settled())
  assert.equal(await page.evaluate(() => db.store.rows.count()), 1)
})

for (const storage of ['opfs', 'indexeddb']) {
  test(`a full disk under ${storage}: QUOTA, reads go on, nothing is half-written, and it ends with the lack`, async t => {
    const session = await launch(t, 'chromium')
    const here = await site(t)
    here.options = { storage }
    const page = await session.open('about:blank')
    const audit = () => page.evaluate(() => db.store.rows.audit())
    const cdp = await page.createCDPSession()
    const room = quotaSize =>
      cdp.send('Storage.overrideQuotaForOrigin', { origin: here.origin, quotaSize })
    // before anything is written: IndexedDB remembers for a while how much room there is
    await room(6_000_000)
    await page.goto(here.url)
    assert.equal((await page.evaluate(() => settled())).full, false)
    const filled = await page.evaluate(() => fill(0, 100_000))
    t.diagnostic(`${storage}: ${filled.written} rows of 100 kB, then: ${filled.error?.message}`)
    assert.equal(filled.error.code, 'QUOTA')
    // Chromium never tells a page the real quota
    assert.match(filled.error.message, /[\d.]+ of [\d.]+ MB are used/)
    assert.ok(filled.written > 2)
    await until(() => page.evaluate(() => db.status.full), 'a status that says full')
    for (let tries = 0; tries < 3; tries++) {
      const { error } = await page.evaluate(from => fill(from, 100_000, 1), filled.written)
      assert.equal(error.code, 'QUOTA')
      const { integrity_check, ids } = await audit()
      assert.equal(integrity_check, 'ok')
      assert.equal(ids.length, filled.written)
    }
    const quota = await until(() => page.evaluate(() => db.status.quota), 'a status with the room')
    assert.ok(quota.usage > 100_000 && quota.quota > quota.usage)
    await room(60_000_000)
    const more = await page.evaluate(from => fill(from, 100_000, 30), filled.written)
    assert.deepEqual(more, { written: filled.written + 30, error: null })
    await until(() => page.evaluate(() => !db.status.full), 'a status that is not full')
    await page.reload()
    await page.evaluate(() => settled())
    const { integrity_check, ids } = await audit()
    assert.equal(integrity_check, 'ok')
    const expected = Array.from({ length: filled.written + 30 }, (_, n) => `r${n}`)
    assert.deepEqual(ids.toSorted(), expected.toSorted())
  })

  test(`a browser that has cleared ${storage} is noticed until somebody says so`, async t => {
    const session = await launch(t, 'chromium')
    const here = await site(t)
    here.options = { storage }
    const { page, status } = await visit(session, here)
    assert.equal(status.evicted, undefined)
    await page.evaluate(() => db.store.rows.set({ id: 'a' }))
    await until(() => page.evaluate(() => localStorage.length === 1), 'a marker')
    await page.reload()
    assert.equal((await page.evaluate(() => settled())).evicted, undefined)
    await page.evaluate(() => db.close())
    await page.goto('about:blank')
    const cdp = await page.createCDPSession()
    const storageTypes = 'file_systems,indexeddb,cache_storage'
    await cdp.send('Storage.clearDataForOrigin', { origin: here.origin, storageTypes })
    for (let visits = 0; visits < 2; visits++) {
      await page.goto(here.url)
      const status = await page.evaluate(() => settled())
      assert.deepEqual([status.role, status.error, status.evicted], ['leader', undefined, true])
      await page.evaluate(() => db.store.rows.set({ id: 'b' }))
      assert.equal(await page.evaluate(() => db.status.evicted), true)
    }
    await page.evaluate(() => db.acknowledgeEviction())
    assert.equal(await page.evaluate(() => db.status.evicted), undefined)
    await page.reload()
    assert.equal((await page.evaluate(() => settled())).evicted, undefined)
  })
}

test('persistence is asked for once, after the first write, and its answer is in the status', async t => {
  const session = await launch(t, 'chromium')
  const here = await site(t)
  const page = await session.open('about:blank')
  const cdp = await page.createCDPSession()
  const permission = { name: 'persistent-storage' }
  await cdp.send('Browser.setPermission', { permission, setting: 'granted', origin: here.origin })
  await page.evaluateOnNewDocument(() => {
    globalThis.asked = 0
    const persist = StorageManager.prototype.persist
    StorageManager.prototype.persist = function () {
      globalThis.asked += 1
      return persist.call(this)
    }
  })
  await page.goto(here.url)
  const status = await page.evaluate(() => settled())
  await page.evaluate(() => db.store.rows.count())
  assert.deepEqual([status.persistence, await page.evaluate(() => asked)], ['best-effort', 0])
  await page.evaluate(async () => {
    for (let n = 0; n < 3; n++) await db.store.rows.set({ id: `${n}` })
  })
  await until(() => page.evaluate(() => db.status.persistence === 'persistent'), 'persistent')
  assert.equal(await page.evaluate(() => asked), 1)
  await page.reload()
  await page.evaluate(() => settled())
  await page.evaluate(() => db.store.rows.set({ id: 'again' }))
  await until(() => page.evaluate(() => db.status.persistence === 'persistent'), 'still persistent')
  assert.equal(await page.evaluate(() => asked), 0, 'asked again')
})
