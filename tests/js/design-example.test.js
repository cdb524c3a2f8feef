// README.md's example in one process, in Node, on a file; tests/browser/examples.test.js runs it in
// workers.
import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { example } from './design-example.js'

test('the first example of the design runs as written, on a file', async t => {
  const [home, dir] = [process.cwd(), mkdtempSync(join(tmpdir(), 'tidelog-'))]
  t.after(() => {
    process.chdir(home)
    rmSync(dir, { recursive: true, force: true })
  })
  process.chdir(dir)
  for (const round of [1, 2]) {
    const { set, found } = await example()
    assert.deepEqual(set, { id: 5, name: 'hi', count: 3 }, `round ${round}`)
    assert.deepEqual(found, { items: [{ id: 5, name: 'hi', count: 3 }], total: 1 })
  }
  assert.ok(existsSync(join(dir, 'data', 'my.db')))
})
