// The specification of tests/spec in browsers: a dedicated worker, OPFS.
import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import { browsers, launch } from './harness.js'
import { buildPages, serveSite } from './site.js'

let files
before(async () => {
  files = await buildPages()
})

for (const kind of browsers) {
  test(`the specification (${kind})`, async t => {
    const { url } = await serveSite(t, { files })
    const page = await (await launch(t, kind)).open(`${url}/spec.html`)
    await page.waitForFunction(() => globalThis.results)
    const { results, storage } = await page.evaluate(() => globalThis.results)
    assert.equal(storage, 'opfs')
    assert.ok(results.length > 20, `${results.length} tests`)
    for (const { name, error } of results) await t.test(name, () => assert.equal(error, undefined))
  })
}
