// A full disk in Node, by a limit on the size of files: QUOTA, reads go on, and everything
// acknowledged is there.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { DB, JsonModel } from 'tidelog'

/** Writes until it fails, tries twice more, reads, and prints what it saw. */
const child = `
import { DB, JsonModel } from 'tidelog'
class Rows extends JsonModel {
  constructor(options) {
    super({ ...options, name: 'rows' })
  }
}
const db = new DB({ file: process.env.FILE })
db.addModel(Rows)
const seen = { written: 0, codes: [], full: [] }
for (const tries of [1000, 1, 1]) {
  try {
    for (let n = 0; n < tries; n++) {
      await db.store.rows.set({ id: 'r' + seen.written, filler: 'x'.repeat(50_000) })
      seen.written += 1
    }
  } catch (error) {
    seen.codes.push(error.code)
    seen.message = error.message
  }
  seen.full.push(db.status.full)
}
seen.count = await db.store.rows.count()
seen.verdict = await db.get('PRAGMA integrity_check')
console.log(JSON.stringify(seen))
await db.close()
`

class Rows extends JsonModel {
  constructor(options) {
    super({ ...options, name: 'rows' })
  }
}

test('a write that finds no room rejects with QUOTA and leaves nothing, reads go on, and room ends it', async t => {
  const directory = mkdtempSync(join(tmpdir(), 'tidelog-full-'))
  t.after(() => rmSync(directory, { recursive: true }))
  const file = join(directory, 'full.db')
  // 512-byte blocks in sh: 1 MiB for the WAL, whose frames come first
  const limited = `ulimit -f 2048; exec ${process.execPath} --input-type=module -e "$CHILD"`
  const env = { ...process.env, FILE: file, CHILD: child }
  const root = join(import.meta.dirname, '..', '..')
  const seen = JSON.parse(execFileSync('sh', ['-c', limited], { env, cwd: root, encoding: 'utf8' }))
  assert.deepEqual(seen.codes, ['QUOTA', 'QUOTA', 'QUOTA'])
  assert.match(seen.message, /no room left \(.*\): free some storage/)
  assert.deepEqual(seen.full, [true, true, true])
  assert.ok(seen.written > 5, `${seen.written} rows were written`)
  assert.equal(seen.count, seen.written)
  assert.equal(seen.verdict.integrity_check, 'ok')

  const db = new DB({ file })
  db.addModel(Rows)
  assert.equal(await db.store.rows.count(), seen.written)
  await db.store.rows.set({ id: 'more' })
  assert.equal(db.status.full, false)
  assert.deepEqual([db.status.storage, db.status.persistence], ['file', 'persistent'])
  await db.close()
})
