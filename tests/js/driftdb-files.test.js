// Files that driftdb made: what is taken over from them beside the tables.
import assert from 'node:assert/strict'
import { rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { DB } from 'tidelog'

test("a file of driftdb's keeps the name that it has there", async () => {
  const sqlitePath = join(tmpdir(), `tidelog-theirs-${process.pid}.db`)
  const name = async (nodeId, before) => {
    const db = new DB({ sqlitePath, ...(nodeId && { nodeId }) })
    if (before) await db.exec(before)
    const id = await db.getNodeId()
    await db.close()
    return id
  }
  rmSync(sqlitePath, { force: true, recursive: true })
  const theirs = 'CREATE TABLE _driftdb_meta (key TEXT PRIMARY KEY, value TEXT NOT NULL)'
  const insert = "INSERT INTO _driftdb_meta VALUES ('nodeId', '0123456789ab')"
  assert.equal(await name(undefined, `${theirs};${insert}`), '0123456789ab')
  assert.equal(await name(), '0123456789ab')
  assert.equal(await name('mine'), 'mine')
  assert.equal(await name(), 'mine', 'a given one overwrites it')
  rmSync(sqlitePath, { force: true, recursive: true })
  assert.match(await name(undefined, theirs), /^[0-9a-f]{12}$/, 'they have none yet')
  rmSync(sqlitePath, { force: true, recursive: true })
})
