// Hooks of the opening that use the database itself: whoever would wait for ever is told so at
// once, and what is only started comes when it is open.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { DB, EventSourcingDB, JsonModel } from 'tidelog'

/** Calls of the database that a hook might make, and must not. */
const CALLS = {
  get: db => db.get('SELECT 1'),
  run: db => db.run('CREATE TABLE t (a)'),
  open: db => db.open(),
  close: db => db.close(),
  transaction: db => db.withTransaction(async () => {}),
  model: db => db.store.k.count(),
  set: db => db.store.k.set({ id: 'a' }),
  live: db => db.store.k.live()[Symbol.asyncIterator]().next(),
  later: async db => {
    await new Promise(go => setTimeout(go, 5))
    await db.store.k.all()
  },
}
const HOOKS = ['onWillOpen', 'onDidOpen', 'runOnceOnOpen']

for (const hook of HOOKS) {
  for (const [name, call] of Object.entries(CALLS)) {
    test(`${hook} that waits for the database itself (${name}) fails the opening, and the next one goes on`, async () => {
      let wrong = true
      const fn = () => (wrong ? call(db) : undefined)
      const db = new DB(hook === 'runOnceOnOpen' ? {} : { [hook]: fn })
      if (hook === 'runOnceOnOpen') db.runOnceOnOpen(fn)
      const model = db.addModel(JsonModel, { name: 'k' })
      await assert.rejects(db.open(), {
        code: 'BAD_VALUE',
        message: new RegExp(`${hook} uses the database itself`),
      })
      wrong = false
      assert.equal(await model.count(), 0)
      await db.close()
    })
  }
}

test('what a hook only starts is done when the database is open, and what it is given works at once', async () => {
  let started
  const db = new DB({
    onDidOpen(child) {
      started = [db.store.k.set({ id: 'a' }), db.get('SELECT count(*) AS n FROM k')]
      db.runOnceOnOpen(other => other.store.k.set({ id: 'queued' }))
      child.runOnceOnOpen(() => {})
    },
  })
  db.addModel(JsonModel, { name: 'k' })
  db.runOnceOnOpen(async child => {
    await child.withTransaction(async tx => tx.store.k.set({ id: 'b' }))
    await child.store.k.updateWhere({ id: 'b' }, { n: 1 })
  })
  await db.open()
  assert.deepEqual((await Promise.all(started))[0], { id: 'a' })
  assert.deepEqual(await db.store.k.all(), [{ id: 'a' }, { id: 'b', n: 1 }, { id: 'queued' }])
  await db.close()
})

test('a hook of one database may use another, and one of events is told, too', async () => {
  const other = new DB()
  const notes = other.addModel(JsonModel, { name: 'notes' })
  const db = new DB({ onDidOpen: () => notes.set({ id: 'a' }), onWillOpen: () => other.open() })
  await db.open()
  assert.equal(await notes.count(), 1)
  let calls = [
    () => es.store.k.get('a'),
    () => es.queue.getMaxV(),
    () => es.dispatch('x'),
    () => es.open(),
  ]
  const es = new EventSourcingDB({ models: { k: {} }, onDidOpen: () => calls[0]?.() })
  for (; calls.length; calls = calls.slice(1))
    await assert.rejects(es.open(), { code: 'BAD_VALUE' }, String(calls[0]))
  await es.store.k.set({ id: 'a' })
  await Promise.all([db.close(), other.close(), es.close()])
})

test('where calls cannot be followed the first turn is known, and of the rest a warning tells', () => {
  const program = `
    process.getBuiltinModule = undefined
    const { DB } = await import('tidelog')
    const atOnce = new DB({ onDidOpen: () => atOnce.get('SELECT 1') })
    await atOnce.open().catch(error => console.log(error.message))
    const will = new DB({ onWillOpen: async () => { await will.get('SELECT 1') } })
    await will.open().catch(error => console.log(error.message))
    globalThis.setTimeout = (fn, ms) => { queueMicrotask(() => queueMicrotask(fn)); return { unref() {} } }
    const later = new DB({ onDidOpen: async () => { await null; await later.get('SELECT 1') } })
    console.warn = text => { console.log(text); process.exit() }
    await later.open()
  `
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', program], {
    cwd: new URL('../..', import.meta.url),
    encoding: 'utf8',
    timeout: 60_000,
  })
  const [atOnce, will, later] = stdout.split('\n')
  assert.match(atOnce, /onDidOpen uses the database itself/, stderr)
  assert.match(will, /onWillOpen uses the database itself/)
  assert.match(later, /the opening has waited for onDidOpen for 5 s: use the database/)
})
