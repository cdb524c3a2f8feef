// Databases in files: reopening, durability across processes, locks, and sync between two
// processes' databases.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import {
  DB,
  deleteDatabase,
  EventSourcingDB,
  exportDatabase,
  importDatabase,
  JsonModel,
  listDatabases,
  renameDatabase,
} from 'tidelog'

const dir = mkdtempSync(join(tmpdir(), 'tidelog-'))
after(() => rmSync(dir, { recursive: true, force: true }))

const open = name => {
  const db = new DB({ file: join(dir, name) })
  return [db, db.addModel(JsonModel, { name: 'notes' })]
}

test('what was written is there after reopening', async () => {
  const [db, notes] = open('deep/er/a.db')
  await notes.set({ id: 'x', n: 1 })
  await db.close()
  const [again, same] = open('deep/er/a.db')
  assert.deepEqual(await same.all(), [{ id: 'x', n: 1 }])
  await again.close()
})

test('a second opener is told that the database is locked, and gets in afterwards', async () => {
  const [db, notes] = open('b.db')
  await notes.set({ id: 'x' })
  const [second, same] = open('b.db')
  await assert.rejects(same.all(), { code: 'LOCKED' })
  await db.close()
  assert.equal(await same.count(), 1)
  await second.close()
})

test('databases are listed, exported, imported, renamed and deleted', async () => {
  const folder = join(dir, 'many')
  const [db, notes] = open('many/a.db')
  await notes.set({ id: 'x' })
  await assert.rejects(exportDatabase(join(folder, 'a.db')), { code: 'LOCKED' })
  await db.close()
  const bytes = await exportDatabase(join(folder, 'a.db'))
  await importDatabase(join(folder, 'b.db'), bytes)
  await assert.rejects(importDatabase(join(folder, 'b.db'), bytes), { code: 'EXISTS' })
  await assert.rejects(importDatabase(join(folder, 'c.db'), new Uint8Array(4096)), {
    code: 'CORRUPT',
  })
  await renameDatabase(join(folder, 'b.db'), join(folder, 'd.db'))
  assert.deepEqual((await listDatabases(folder)).sort(), ['a.db', 'd.db'])
  const [copy, same] = open('many/d.db')
  assert.deepEqual(await same.all(), [{ id: 'x' }])
  await copy.close()
  await deleteDatabase(join(folder, 'a.db'))
  await assert.rejects(exportDatabase(join(folder, 'a.db')), { code: 'NOT_FOUND' })
  assert.deepEqual(await listDatabases(folder), ['d.db'])
})

const WRITER = `
  import { EventSourcingDB } from 'tidelog'
  const es = new EventSourcingDB({ file: process.argv[1], models: { todos: {} } })
  for (let i = 1; ; i++) {
    await es.store.todos.set({ id: 't' + i }, false, true)
    process.stdout.write(i + '\\n')
  }`

test('every write that was acknowledged survives SIGKILL', async () => {
  const file = join(dir, 'killed.db')
  let floor = 0
  for (let round = 0; round < 5; round++) {
    const child = spawn(process.execPath, ['--input-type=module', '-e', WRITER, file], {
      cwd: import.meta.dirname,
    })
    let told = ''
    let errors = ''
    child.stdout.on('data', data => (told += data))
    child.stderr.on('data', data => (errors += data))
    const ended = new Promise(resolve => child.on('exit', resolve))
    const from = Date.now()
    while (told.split('\n').length < 40 + round * 13) {
      assert.ok(Date.now() - from < 60_000 && child.exitCode === null, errors)
      await new Promise(resolve => setTimeout(resolve, 5))
    }
    child.kill('SIGKILL')
    await ended
    const acknowledged = Number(told.slice(0, told.lastIndexOf('\n')).split('\n').at(-1))
    floor = Math.max(floor, acknowledged)
    const es = new EventSourcingDB({ file, models: { todos: {} } })
    const there = new Set((await es.store.todos.all()).map(t => t.id))
    for (let i = 1; i <= floor; i++) assert(there.has(`t${i}`), `t${i} of ${floor} is lost`)
    assert.equal((await es.db.get('PRAGMA integrity_check')).integrity_check, 'ok')
    await es.close()
  }
})
