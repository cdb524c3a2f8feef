// Proves the harness: what it offers really happens in both browsers, and a page's complaint really
// fails a test.
import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import { browsers, killRenderer, launch, newProfile, terminateWorkers } from './harness.js'
import { buildPages, serveSite, startProgram } from './site.js'

let files
before(async () => {
  files = await buildPages()
})

const ask = (page, request) => page.evaluate(request => globalThis.ask(request), request)
/** A page that was reloaded or killed leaves its handle behind for a while. */
async function openFile(page, name, deadline = Date.now() + 15_000) {
  for (;;) {
    try {
      return await ask(page, { open: name })
    } catch (error) {
      if (Date.now() > deadline || !/NoModificationAllowed/.test(error.message)) throw error
      await new Promise(resolve => setTimeout(resolve, 20))
    }
  }
}

for (const kind of browsers) {
  test(`${kind}: what a worker wrote to OPFS survives a reload and a killed browser`, async t => {
    const site = await serveSite(t, { files })
    const profile = newProfile(t)
    const first = await launch(t, kind, { profile })
    const page = await first.open(`${site.url}/storage.html`)
    assert.equal(await openFile(page, 'a'), 0)
    assert.equal(await ask(page, { write: 'héllo' }), 6)
    await page.reload()
    assert.equal(await openFile(page, 'a'), 6)
    assert.equal(await ask(page, { read: null }), 'héllo')
    await ask(page, { write: 'flushed before the kill' })
    await first.kill()

    const second = await launch(t, kind, { profile })
    const again = await second.open(`${site.url}/storage.html`)
    await openFile(again, 'a')
    assert.equal(await ask(again, { read: null }), 'flushed before the kill')
  })

  test(`${kind}: two profiles at once have files of their own`, async t => {
    const site = await serveSite(t, { files })
    const [one, two] = await Promise.all([launch(t, kind), launch(t, kind)])
    const [a, b] = await Promise.all(
      [one, two].map(session => session.open(`${site.url}/storage.html`)),
    )
    await openFile(a, 'same')
    await ask(a, { write: 'one' })
    assert.equal(await openFile(b, 'same'), 0)
  })

  test(`${kind}: a terminated worker lets go of its file`, async t => {
    const site = await serveSite(t, { files })
    const session = await launch(t, kind)
    const page = await session.open(`${site.url}/storage.html`)
    await openFile(page, 'a')
    const other = await session.open(`${site.url}/storage.html`)
    await assert.rejects(ask(other, { open: 'a' }), /NoModificationAllowed/)
    assert.equal(await terminateWorkers(page), 1)
    assert.equal(await openFile(other, 'a'), 0)
  })

  test(`${kind}: the process of one page is killed, with its worker, among pages that live`, async t => {
    const site = await serveSite(t, { files })
    const session = await launch(t, kind, { allow: [/the page crashed/] })
    const pages = []
    while (pages.length < 3) pages.push(await session.open(`${site.url}/storage.html`))
    const [first, second, third] = pages
    await openFile(second, 'a')
    await assert.rejects(ask(third, { open: 'a' }), /NoModificationAllowed/)
    await killRenderer(second)
    assert.equal(await openFile(third, 'a'), 0)
    assert.equal(await openFile(first, 'b'), 0)
  })

  test(`${kind}: a worker of an offline page reaches nobody, nor does one whose server is down`, async t => {
    const site = await serveSite(t, { files })
    const session = await launch(t, kind, {
      allow: [/ERR_INTERNET_DISCONNECTED|ERR_CONNECTION_REFUSED/],
    })
    const page = await session.open(`${site.url}/storage.html`)
    assert.equal(await ask(page, { fetch: '/storage.html' }), 200)
    await page.setOfflineMode(true)
    assert.equal(await page.evaluate(() => navigator.onLine), false)
    await assert.rejects(ask(page, { fetch: '/storage.html' }))
    await page.setOfflineMode(false)
    assert.equal(await ask(page, { fetch: '/storage.html' }), 200)
    await site.down()
    await assert.rejects(ask(page, { fetch: '/storage.html' }))
    await site.up()
    assert.equal(await ask(page, { fetch: '/storage.html' }), 200)
  })

  test(`${kind}: what a page or a worker does against the policy is seen`, async t => {
    const site = await serveSite(t, { files, allow: [/./] })
    const refused = [
      /img-src/,
      /Loading the image/,
      /connect-src/,
      /Refused to connect|Connecting to/,
      /NetworkError/,
    ]
    const session = await launch(t, kind, { allow: [...refused, /blocked|Fetch API/] })
    const page = await session.open(`${site.url}/storage.html`)
    assert.deepEqual(site.violations, [])
    await page.evaluate(() =>
      document.body.append(Object.assign(new Image(), { src: '/of-the-page.png' })),
    )
    await assert.rejects(ask(page, { fetch: 'http://localhost:1/of-the-worker' }))
    await assert.rejects(
      page.evaluate(() => void new Worker('http://localhost:1/foreign.js')),
      /not a script of this site/,
    )
    const expected = [/^img-src .*of-the-page/, /^connect-src .*localhost:1/]
    const missing = () =>
      expected.filter(pattern => !site.violations.some(text => pattern.test(text)))
    for (let tries = 0; missing().length > 0 && tries < 100; tries++) {
      await new Promise(resolve => setTimeout(resolve, 50))
    }
    assert.deepEqual(missing(), [])
  })

  test(`${kind}: whatever a page or a worker complains about fails the test`, async t => {
    const site = await serveSite(t, { files })
    const session = await launch(t, kind)
    const page = await session.open(`${site.url}/storage.html`)
    await page.evaluate(() => console.error('page said'))
    await page.evaluate(() => void Promise.reject(new Error('page rejected')))
    await page.evaluate(() => {
      setTimeout(() => {
        throw new Error('page threw')
      })
    })
    await ask(page, { complain: 'worker said' })
    await ask(page, { reject: 'worker rejected' })
    await ask(page, { crash: 'worker threw' })
    const expected = [
      /page said/,
      /page rejected/,
      /page threw/,
      /worker said/,
      /worker rejected/,
      /worker threw/,
    ]
    const missing = () =>
      expected.filter(pattern => !session.complaints.some(text => pattern.test(text)))
    for (let tries = 0; missing().length > 0 && tries < 100; tries++) {
      await new Promise(resolve => setTimeout(resolve, 50))
    }
    assert.deepEqual(missing(), [])
    await assert.rejects(session.close(), /the browser complained/)
  })
}

test('a program is ready when it says so, and dies when it is killed', async t => {
  const script = "setInterval(() => {}, 1000); console.log('ready at ' + process.env.WHERE)"
  const program = await startProgram(t, ['-e', script], {
    ready: /ready at (.+)/,
    env: { WHERE: 'home' },
  })
  assert.equal(program.match[1], 'home')
  assert.deepEqual(await program.kill(), { code: null, signal: 'SIGKILL' })
  await assert.rejects(
    startProgram(t, ['-e', 'console.log("oh no"); process.exit(3)'], { ready: /never/ }),
    /oh no/,
  )
})
