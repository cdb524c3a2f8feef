// README.md's examples, in one process and in a page, as written, in real workers on real OPFS; the
// second syncs with a real server.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { before, test } from 'node:test'
import { createServer } from 'tidelog/server'
import { atEnd } from './cleanup.js'
import { browsers, launch } from './harness.js'
import { buildPages, serveSite } from './site.js'

let files
before(async () => {
  files = await buildPages()
})

for (const kind of browsers) {
  test(`the examples of the design run as written (${kind})`, async t => {
    const dir = mkdtempSync(join(tmpdir(), 'tidelog-examples-'))
    atEnd(t, () => rmSync(dir, { recursive: true, force: true }))
    const server = createServer({ storage: { dir }, authorize: () => 'anybody' })
    atEnd(t, () => server.close())
    const handler = request =>
      new URL(request.url).pathname.startsWith('/sync/') ? server.fetch(request) : null
    const { url } = await serveSite(t, { files, handler: async request => handler(request) })
    const page = await (await launch(t, kind)).open(`${url}/examples.html`)
    await page.waitForFunction(() => globalThis.second)

    const { set, found, classes } = await page.evaluate(() => globalThis.first())
    assert.deepEqual(set, { id: 5, name: 'hi', count: 3 })
    assert.deepEqual(found, { items: [{ id: 5, name: 'hi', count: 3 }], total: 1 })
    assert.equal(classes.length, 3)

    const { rendered, storage, sync } = await page.evaluate(() => globalThis.second())
    assert.deepEqual(rendered[0], [{ title: 'milk', done: false }])
    assert.deepEqual(
      rendered
        .at(-1)
        .map(row => row.title)
        .sort(),
      ['bread', 'milk'],
    )
    assert.equal(storage, 'opfs')
    assert.deepEqual(
      { pending: sync.pending, seq: sync.seq, error: sync.error },
      { pending: 0, seq: 3, error: null },
    )
  })
}
