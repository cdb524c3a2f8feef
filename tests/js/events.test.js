// EventSourcingDB, ESModel and EventQueue in one process, without a server.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DB, ESModel, EventQueue, EventSourcingDB } from 'tidelog'

const todos = { columns: { done: { index: true } } }

function open(models = { todos }, options = {}) {
  return new EventSourcingDB({ file: ':memory:', models, ...options })
}

test('a write of a model is an event, and the event is in the queue', async () => {
  const es = open()
  const made = await es.store.todos.set({ title: 'milk' })
  assert.equal(made.title, 'milk')
  assert.deepEqual(await es.store.todos.update({ id: made.id, done: true }), {
    ...made,
    done: true,
  })
  assert.deepEqual(await es.store.todos.searchAll({ done: true }), [{ ...made, done: true }])
  assert.equal(await es.store.todos.remove(made.id), true)
  assert.equal(await es.store.todos.remove('nobody'), true)
  assert.deepEqual(
    (await es.queue.search()).items.map(e => [e.v, e.type, e.data[0]]),
    [
      [1, 'es/todos', 1],
      [2, 'es/todos', 3],
      [3, 'es/todos', 0],
      [4, 'es/todos', 0],
    ],
  )
  assert.equal(await es.getVersion(), 4)
  await es.close()
})

test('inserting twice is EEXIST, updating nothing is ENOENT', async () => {
  const es = open()
  await es.store.todos.set({ id: 'a' }, true)
  await assert.rejects(es.store.todos.set({ id: 'a' }, true), {
    code: 'EEXIST',
    message: /todos\.set "a": EEXIST: a document with this id is there already: give another id/,
  })
  await assert.rejects(es.store.todos.update({ id: 'b' }), {
    code: 'ENOENT',
    message: /todos\.update "b": ENOENT: there is no such document: give the id of one/,
  })
  await assert.rejects(es.store.todos.changeId('b', 'c'), {
    code: 'ENOENT',
    message: /todos\.changeId b: ENOENT: there is no such document: give the id of one/,
  })
  await es.store.todos.set({ id: 'c' })
  await assert.rejects(es.store.todos.changeId('a', 'c'), {
    code: 'EEXIST',
    message: /todos\.changeId c: EEXIST: a document with this id is there already: give another/,
  })
  await assert.rejects(es.queue.set(), { message: /^queue\.set: an event is never edited/ })
  await assert.rejects(es.queue.add(''), { message: /^queue\.add: type must be/ })
  await assert.rejects(es.store.todos.update({}), {
    name: 'TypeError',
    message: /obj has no id: say which/,
  })
  assert.deepEqual(await es.store.todos.update({ id: 'b', n: 1 }, true), { id: 'b', n: 1 })
  await es.close()
})

test('preprocess, reduce and derive run in order, sync or async, and see what they should', async () => {
  const seen = []
  const es = open({
    sums: {
      preprocessor: async ({ event }) => {
        if (event.type !== 'add') return
        await new Promise(resolve => setTimeout(resolve, 1))
        return { ...event, data: { ...event.data, at: 7 } }
      },
      reducer: async ({ event, model }) => {
        if (event.type !== 'add') return false
        assert.throws(() => {
          event.data.n = 9
        }, TypeError)
        const old = (await model.get('all')) ?? { total: 0 }
        return { set: [{ id: 'all', total: old.total + event.data.n, at: event.data.at }] }
      },
      deriver: async ({ event, store, result }) => {
        if (event.type !== 'add') return
        seen.push([(await store.sums.get('all')).total, result.set.length])
        await store.log.set({ id: `v${event.v}`, total: (await store.sums.get('all')).total })
      },
    },
    log: {},
  })
  const one = await es.dispatch('add', { n: 2 })
  assert.deepEqual(
    { v: one.v, type: one.type, data: one.data },
    { v: 1, type: 'add', data: { n: 2, at: 7 } },
  )
  await Promise.all([es.dispatch({ type: 'add', data: { n: 3 } }), es.dispatch('other')])
  assert.deepEqual(await es.store.sums.get('all'), { id: 'all', total: 5, at: 7 })
  assert.deepEqual(await es.store.log.all(), [
    { id: 'v1', total: 2 },
    { id: 'v2', total: 5 },
  ])
  assert.deepEqual(seen, [
    [2, 1],
    [5, 1],
  ])
  assert.equal(await one.synced, undefined)
  await es.close()
})

test('a failing event rejects with its cause, leaves nothing, and the next goes on', async () => {
  const cause = new RangeError('too much')
  const es = open({
    todos: {
      reducer: ({ event }) => {
        if (event.type === 'throw') throw cause
        if (event.type === 'error') return { error: 'said so' }
        if (event.type === 'half') return { set: [{ id: 'x' }], ins: [{ id: 'y' }, { id: 'y' }] }
      },
    },
  })
  await assert.rejects(
    es.dispatch('throw'),
    error => error.code === 'USER' && error.cause === cause,
  )
  await assert.rejects(es.dispatch('error'), { code: 'USER', message: /said so/ })
  await assert.rejects(es.dispatch('half'), { code: 'SQLITE_CONSTRAINT_UNIQUE' })
  assert.deepEqual(await es.store.todos.all(), [])
  assert.equal((await es.dispatch('fine')).v, 1)
  const failed = await es.db.all('SELECT t, err FROM _failed ORDER BY lo')
  assert.deepEqual(
    failed.map(f => f.t),
    ['throw', 'error', 'half'],
  )
  await es.close()
})

test('a batch of events is one transaction, all or none', async () => {
  const es = open({ todos: { reducer: ({ event }) => event.type === 'bad' && { error: 'bad' } } })
  const events = Array.from({ length: 100 }, (_, i) => ({
    type: 'es/todos',
    data: [1, `t${i}`, { i }],
  }))
  assert.equal((await es.dispatch(events)).at(-1).v, 100)
  await assert.rejects(es.dispatch([{ type: 'es/todos', data: [1, 'no', {}] }, { type: 'bad' }]))
  assert.equal(await es.store.todos.count(), 100)
  assert.equal(await es.getVersion(), 100)
  await es.store.todos.set([{ id: 'a' }, { id: 'b' }])
  assert.equal(await es.store.todos.count(), 102)
  await es.close()
})

test('dispatches keep their order, and each promise settles', async () => {
  const es = open({ todos: { reducer: async ({ event }) => event.data?.fail && { error: 'x' } } })
  const all = Array.from({ length: 50 }, (_, i) => es.dispatch('n', { i, fail: i % 7 === 3 }))
  const done = await Promise.allSettled(all)
  assert.deepEqual(
    done.map(d => d.status === 'rejected'),
    all.map((_, i) => i % 7 === 3),
  )
  const order = (await es.queue.search()).items.map(e => e.data.i)
  assert.deepEqual(
    order,
    order.toSorted((a, b) => a - b),
  )
  await es.close()
})

test('reducers cannot write, and nothing writes while they run', async () => {
  let release
  const gate = new Promise(resolve => (release = resolve))
  const es = open({
    todos: {
      reducer: async ({ event, model }) => {
        if (event.type === 'write') await model.set({ id: 'x' })
        if (event.type === 'slow') await gate
      },
    },
  })
  await assert.rejects(es.dispatch('write'), { code: 'USER', message: /reducers only read/ })
  const order = []
  const slow = es.dispatch('slow').then(() => order.push('slow'))
  const set = es.store.todos.set({ id: 'a' }).then(() => order.push('set'))
  await new Promise(resolve => setTimeout(resolve, 5))
  assert.deepEqual(order, [])
  assert.equal(await es.store.todos.count(), 0, 'readers do not wait')
  release()
  await Promise.all([slow, set])
  assert.deepEqual(order, ['slow', 'set'])
  await es.close()
})

test('models have their own methods, columns and searches; live queries hear of events', async () => {
  class Todos extends ESModel {
    open() {
      return this.searchAll({ done: false })
    }
  }
  const es = open({ todos: { Model: Todos, columns: { done: { default: false } } } })
  const live = es.store.todos.live({ done: false })[Symbol.asyncIterator]()
  assert.deepEqual((await live.next()).value, [])
  const next = live.next()
  await es.store.todos.set({ id: 'a' })
  assert.deepEqual((await next).value, [{ id: 'a', done: false }])
  assert.deepEqual(await es.store.todos.open(), [{ id: 'a', done: false }])
  await live.return()
  await es.close()
})

test('misuse is a TypeError that names the argument', async () => {
  assert.throws(() => new EventSourcingDB({ modles: {} }), { name: 'TypeError', message: /modles/ })
  assert.throws(() => open({ a: { transact: () => {} } }), {
    name: 'TypeError',
    message: /'transact' is not supported yet/,
  })
  assert.throws(() => open({ a: { reducer: 1 } }), { name: 'TypeError', message: /a\.reducer/ })
  const es = open()
  await assert.rejects(es.dispatch(''), {
    name: 'TypeError',
    message: /type must be a non-empty string/,
  })
  await assert.rejects(es.dispatch({ type: 'a' }, 1), { name: 'TypeError', message: /belong into/ })
  await assert.rejects(es.dispatch('a', {}, 1.5), { name: 'TypeError', message: /ts must be/ })
  await assert.rejects(es.queue.set({ v: 1 }), { code: 'NOT_SUPPORTED' })
  await es.close()
})

test('a queue reads and adds, and has nothing else that writes', async () => {
  const es = new EventSourcingDB({ models: { todos: {} } })
  const writes = ['update', 'updateNoTrans', 'updateWhere', 'remove', 'removeWhere', 'delete']
  for (const name of [...writes, 'changeId', 'makeSelect', 'numAggOp', 'each'])
    assert.equal(es.queue[name], undefined, name)
  await assert.rejects(es.queue.set({ v: 1 }), { code: 'NOT_SUPPORTED', message: /never edited/ })
  await es.close()
})

test('a queue counts its events in SQL, all or those of a type', async () => {
  const es = new EventSourcingDB({ models: { todos: {} } })
  for (let i = 0; i < 5; i++) await es.dispatch(i % 2 ? 'odd' : 'even', { i })
  // what counting reads is no event
  es.db._engine.history = () => assert.fail('events were read')
  assert.deepEqual(
    [await es.queue.count(), await es.queue.count({ type: 'odd' }), await es.queue.count({})],
    [5, 2, 5],
  )
  assert.equal(await es.queue.count({ type: 'none' }), 0)
  await assert.rejects(es.queue.count({ kind: 1 }), { name: 'TypeError', message: /by 'kind'/ })
  await es.close()
})

test('a queue works without models', async () => {
  const db = new DB()
  const queue = db.addModel(EventQueue, { name: 'history' })
  const next = queue.getNext(0)
  assert.equal((await queue.add('hello', { a: 1 }, 123)).v, 1)
  assert.deepEqual(await next, await queue.get(1))
  const { id, client, ...event } = await queue.get(1)
  assert.deepEqual(event, { v: 1, type: 'hello', data: { a: 1 }, ts: 123, pending: false })
  assert.equal(await queue.getNext(1, true), undefined)
  await queue.add('bye')
  assert.deepEqual(
    (await queue.search({ type: 'bye' })).items.map(e => e.v),
    [2],
  )
  assert.equal(await queue.getMaxV(), 2)
  await db.close()
})
