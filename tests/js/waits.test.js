// A write made inside the transaction, or the phase of an event, that it would have to wait for:
// refused where the runtime follows asynchronous calls, told of where it does not.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { DB, EventSourcingDB, JsonModel } from 'tidelog'

const USE_TX = { code: 'BAD_VALUE', message: /use tx/ }

test('a write past tx is refused inside withTransaction, reads see the last commit, and all goes on', async () => {
  const db = new DB()
  const things = db.addModel(JsonModel, {
    name: 'things',
    columns: { slug: { slugValue: o => o.id, index: true } },
  })
  await things.set({ id: 'before' })
  await db.withTransaction(async tx => {
    await tx.store.things.set({ id: 'in' })
    const calls = {
      run: () => db.run('DELETE FROM things'),
      exec: () => db.exec('DELETE FROM things'),
      all: () => db.all('DELETE FROM things RETURNING id'),
      statement: () => db.prepare('DELETE FROM things').run(),
      userVersion: () => db.userVersion(7),
      set: () => things.set({ id: 'out' }),
      update: () => things.update({ id: 'before', a: 1 }),
      patch: () => things.update('before', { $set: { a: 1 } }),
      remove: () => things.remove('before'),
      updateWhere: () => things.updateWhere({ id: 'before' }, { a: 1 }),
      removeWhere: () => things.removeWhere({ id: 'before' }),
      changeId: () => things.changeId('before', 'after'),
    }
    for (const [name, call] of Object.entries(calls)) await assert.rejects(call(), USE_TX, name)
    assert.equal(await things.count(), 1)
    assert.equal((await db.get('SELECT count(*) AS n FROM things')).n, 1)
    await db.withTransaction(async inner => inner.store.things.set({ id: 'nested' }))
  })
  assert.deepEqual((await things.all()).map(thing => thing.id).sort(), ['before', 'in', 'nested'])
  await things.set({ id: 'later' })
  await db.close()
})

test('another database, and what was only started outside, is not refused', async () => {
  const [a, b] = [new DB(), new DB()]
  const [as, bs] = [a, b].map(db => db.addModel(JsonModel, { name: 'things' }))
  await as.set({ id: 1 })
  let write
  const asked = new Promise(go => {
    write = go
  })
  const outside = asked.then(() => as.set({ id: 'outside' }))
  let late
  await a.withTransaction(async tx => {
    write()
    await bs.set({ id: 'b' })
    await tx.store.things.set({ id: 'a' })
    late = new Promise(go => setTimeout(go, 10)).then(() => as.set({ id: 'late' }))
  })
  await Promise.all([outside, late])
  assert.deepEqual((await as.all()).map(thing => thing.id).sort(), ['1', 'a', 'late', 'outside'])
  await Promise.all([a.close(), b.close()])
})

test('a migration that uses the database instead of what it is given is refused, and the next open works', async () => {
  let wrong = db => db.get('SELECT 1')
  const db = new DB({ migrations: [{ runKey: '1', up: () => wrong(db) }] })
  await assert.rejects(db.open(), USE_TX)
  wrong = db => db.run('CREATE TABLE x(a)')
  await assert.rejects(db.open(), USE_TX)
  wrong = () => {}
  await db.open()
  await db.close()
})

for (const kind of ['preprocessor', 'reducer', 'deriver']) {
  test(`an async ${kind} that writes past its event is refused, and events go on`, async () => {
    const tries = []
    const db = new EventSourcingDB({
      types: { go: 1 },
      models: {
        things: {
          [kind]: async ({ event }) => {
            if (event.type !== 'go') return
            for (const [name, call] of Object.entries(event.data ? calls : {}))
              tries.push(
                await call().then(
                  () => name,
                  error => error.message,
                ),
              )
          },
        },
        slugs: { columns: { slug: { slugValue: o => o.id, index: true } } },
      },
    })
    const { things, slugs } = db.store
    const calls = {
      set: () => things.set({ id: 'a' }),
      slug: () => slugs.set({ id: 'a' }),
      dispatch: () => db.dispatch('go'),
      run: () => db.db.run('DELETE FROM things'),
      transaction: () => db.db.withTransaction(async () => {}),
      rebuild: () => db.rebuild(),
    }
    await db.dispatch('go', true)
    assert.equal(tries.length, 6)
    for (const message of tries)
      assert.match(message, new RegExp(`a ${kind} cannot write outside of its event`))
    await things.set({ id: 'b' })
    assert.equal(await things.count(), 1)
    await db.close()
  })
}

test('what a phase that does not wait has started comes after its event', async () => {
  let after
  const db = new EventSourcingDB({
    types: { go: 1 },
    models: {
      things: {
        deriver: ({ event }) => {
          if (event.type === 'go') after = db.store.things.set({ id: 'after' })
        },
      },
    },
  })
  await db.dispatch('go')
  await after
  assert.equal(await db.store.things.count(), 1)
  await db.close()
})

test('where nobody can tell who calls, a write that waits for long is told of once', () => {
  const script = `
    process.getBuiltinModule = undefined
    const { DB } = await import('tidelog')
    const db = new DB()
    await db.exec('CREATE TABLE t(a)')
    await db.withTransaction(async tx => {
      db.run('INSERT INTO t VALUES (1)')
      db.run('INSERT INTO t VALUES (2)')
      await new Promise(go => setTimeout(go, 5200))
    })
    await db.withTransaction(async tx => { db.run('INSERT INTO t VALUES (3)') })
    console.log((await db.all('SELECT a FROM t')).length)
    await db.close()
  `
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
    encoding: 'utf8',
    cwd: import.meta.dirname,
  })
  assert.equal(stdout, '3\n', stderr)
  assert.equal(stderr.match(/have waited for a transaction for 5 s/g)?.length, 1, stderr)
})

test('the specification of transactions holds where nobody can tell who calls', () => {
  const script = `
    process.getBuiltinModule = undefined
    const { tests } = await import('../spec/index.js')
    for (const { name, run } of tests({ place: () => ({}) })) {
      if (!name.startsWith('transactions: ')) continue
      console.log(name, await run().then(() => 'held', error => error.stack))
    }
  `
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
    encoding: 'utf8',
    cwd: import.meta.dirname,
    timeout: 60_000,
  })
  const lines = stdout.trim().split('\n')
  for (const line of lines) assert.match(line, / held$/, stdout + stderr)
  assert.equal(lines.filter(line => line.includes('overlap undo the whole')).length, 3, stdout)
})

test('a transaction of the application writes no model of events, and says what does', async () => {
  const events = { code: 'BAD_VALUE', message: /dispatch events outside of transactions/ }
  const es = new EventSourcingDB({
    types: { go: 1 },
    models: {
      k: {
        deriver: async ({ event, model }) => event.type === 'go' && model.set({ id: 'derived' }),
      },
      s: { columns: { slug: { slugValue: o => o.id, index: true } } },
    },
  })
  const plain = es.db.addModel(JsonModel, { name: 'plain' })
  await es.store.k.set({ id: 'a' })
  for (const name of ['k', 's']) {
    const calls = {
      set: model => model.set({ id: 'b' }),
      update: model => model.update({ id: 'a', n: 1 }, true),
      patch: model => model.update('a', { $set: { n: 1 } }),
      remove: model => model.remove('a'),
      changeId: model => model.changeId('a', 'b'),
      updateWhere: model => model.updateWhere({ id: 'a' }, { n: 1 }),
      removeWhere: model => model.removeWhere({ id: 'a' }),
    }
    for (const [call, fn] of Object.entries(calls)) {
      await es.db.withTransaction(async tx => {
        await assert.rejects(fn(tx.store[name]), events, `tx ${name}.${call}`)
        await tx.withTransaction(inner =>
          assert.rejects(fn(inner.store[name]), events, `nested ${name}.${call}`),
        )
      })
    }
    await es.db.withTransaction(() =>
      assert.rejects(calls.set(es.store[name]), events, `joined ${name}`),
    )
  }
  await es.db.withTransaction(async tx => {
    await assert.rejects(es.dispatch('go'), events)
    await tx.store.plain.set({ id: 'p' })
    assert.equal(await tx.store.k.count(), 1)
  })
  await es.dispatch('go')
  await es.rebuild()
  assert.deepEqual((await es.store.k.all()).map(doc => doc.id).sort(), ['a', 'derived'])
  assert.equal(await plain.count(), 1)
  await es.close()
})

test('onDidOpen makes no events: it is told so, and does not wait for ever', async () => {
  const opening = { code: 'BAD_VALUE', message: /no event can be made while the database opens/ }
  const es = new EventSourcingDB({
    models: { k: {} },
    onDidOpen: db => db.store.k.set({ id: 'h' }),
  })
  await assert.rejects(es.open(), opening)
  const other = new EventSourcingDB({
    models: { k: {} },
    onDidOpen: db => assert.rejects(db.store.k.set({ id: 'h' }), opening),
  })
  await other.store.k.set({ id: 'a' })
  assert.equal(await other.store.k.count(), 1)
  await Promise.all([es.close(), other.close()])
})

test('a database is not closed from inside its transaction', async () => {
  const db = new DB()
  await db.withTransaction(async tx => {
    await tx.exec('CREATE TABLE t(a)')
    await assert.rejects(db.close(), USE_TX)
  })
  assert.deepEqual(await db.all('SELECT a FROM t'), [])
  await db.close()
})

test('hooks and transactions neither close their database nor give it models', async () => {
  const refused = what => ({
    code: 'BAD_VALUE',
    message: new RegExp(`${what} .*: do so`),
  })
  let tried = 0
  const hook = async db => {
    await assert.rejects(db.close(), refused('the database cannot be closed'))
    assert.throws(() => db.addModel(JsonModel, { name: 'late' }), refused('no model can be added'))
    assert.throws(() => db.define('late', {}), refused('no model can be added'))
    assert.throws(() => new JsonModel({ db, name: 'late' }), refused('no model can be added'))
    tried++
  }
  const db = new DB({ onDidOpen: hook, onBeforeMigrations: hook })
  db.registerMigrations('own', { 1: hook })
  db.runOnceOnOpen(hook)
  await db.exec('CREATE TABLE t(a)')
  await db.withTransaction(async tx => {
    await tx.run('INSERT INTO t VALUES (1)')
    await hook(tx)
    await tx.withTransaction(async part => hook(part))
  })
  assert.equal(tried, 6)
  assert.deepEqual(await db.all('SELECT a FROM t'), [{ a: 1 }])
  const late = db.addModel(JsonModel, { name: 'late' })
  assert.deepEqual(await late.set({ id: 'a' }), { id: 'a' })
  await db.close()
})

test('the database itself takes a model while it opens, and has it afterwards', async () => {
  let late
  const db = new DB({
    onDidOpen: () => {
      late = db.addModel(JsonModel, { name: 'late' })
    },
  })
  await db.open()
  assert.deepEqual(await late.set({ id: 'a' }), { id: 'a' })
  assert.equal(db.store.late, late)
  await db.close()
})
