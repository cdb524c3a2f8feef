// Events of several actions, and actions that fail at their place: what a caller is told, here and
// on other devices.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, afterEach, test } from 'node:test'
import { ESModel, EventSourcingDB } from 'tidelog'
import { createServer } from 'tidelog/server'
import { until } from './until.js'

const dir = mkdtempSync(join(tmpdir(), 'tidelog-actions-'))
after(() => rmSync(dir, { recursive: true, force: true }))
const made = []
afterEach(() => Promise.all(made.splice(0).map(es => es.close())))

const models = {
  todos: {},
  named: { columns: { name: { type: 'TEXT', unique: true, index: true } } },
}

function open(options = {}) {
  const es = new EventSourcingDB({ file: ':memory:', models, ...options })
  made.push(es)
  return es
}

/** Devices of one log, which sync when they are online. */
function devices(count) {
  const server = createServer({
    storage: { dir: join(dir, `${Math.random()}`) },
    authorize: () => 'me',
  })
  return Array.from({ length: count }, () => {
    const link = { online: true }
    const fetch = (url, init) =>
      link.online
        ? server.fetch(new Request(`http://server${new URL(url, 'http://server').pathname}`, init))
        : Promise.reject(new TypeError('network'))
    const es = open({ sync: { url: '/sync', log: 'list', fetch } })
    return { es, link }
  })
}

test('an event of several actions is one event, and its result is a list', async () => {
  const seen = []
  const es = open({
    models: {
      todos: {
        reducer: ({ event }) => {
          seen.push(['reduce', ...event.data])
        },
        deriver: ({ event, result }) => {
          seen.push(['derive', event.data[0], Object.keys(result)])
        },
      },
    },
  })
  const { SET, REMOVE, MANY, INSERT } = ESModel
  const event = await es.dispatch('es/todos', [
    MANY,
    null,
    [
      [SET, 'a', { n: 1 }],
      [REMOVE, 'a'],
      [INSERT, 'a', { n: 2 }],
    ],
    { by: 'me' },
  ])
  assert.equal(event.v, 1)
  assert.deepEqual(
    event.result.map(({ todos }) => todos),
    [{ set: [{ id: 'a', n: 1 }] }, { rm: ['a'] }, { set: [{ id: 'a', n: 2 }] }],
  )
  assert.deepEqual(await es.store.todos.all(), [{ id: 'a', n: 2 }])
  assert.deepEqual(seen, [
    ['reduce', SET, 'a', { n: 1 }, { by: 'me' }],
    ['derive', SET, ['set']],
    ['reduce', REMOVE, 'a', null, { by: 'me' }],
    ['derive', REMOVE, ['rm']],
    ['reduce', INSERT, 'a', { n: 2 }, { by: 'me' }],
    ['derive', INSERT, ['set']],
  ])
})

test('the codes of actions are those of the engine', () => {
  const { REMOVE, SET, INSERT, UPDATE, SAVE, PATCH, MANY } = ESModel
  assert.deepEqual([REMOVE, SET, INSERT, UPDATE, SAVE, PATCH, MANY], [0, 1, 2, 3, 4, 5, 6])
})

test('a preprocessor sees each action alone, and may change no type or action', async () => {
  const es = open({
    models: {
      todos: {
        preprocessor: ({ event }) => {
          const [action, id, doc] = event.data
          if (id === 'bad') return { ...event, data: [ESModel.REMOVE, id] }
          return { ...event, data: [action, id, { ...doc, at: event.v }] }
        },
      },
    },
  })
  await es.dispatch('es/todos', [
    6,
    null,
    [
      [1, 'a', {}],
      [1, 'b', {}],
    ],
  ])
  assert.deepEqual(await es.store.todos.all(), [
    { id: 'a', at: 1 },
    { id: 'b', at: 1 },
  ])
  await assert.rejects(
    es.dispatch('es/todos', [
      6,
      null,
      [
        [1, 'c', {}],
        [1, 'bad', {}],
      ],
    ]),
    {
      code: 'BAD_VALUE',
      message: /not its type or action/,
    },
  )
})

test('a refused write leaves nothing, not even a failed event', async () => {
  const es = open()
  const { named } = es.store
  await named.set({ id: 'a', name: 'Ann' })
  await assert.rejects(named.set({ id: 'a' }, true), { code: 'EEXIST' })
  await assert.rejects(named.update({ id: 'b', name: 'Bob' }), { code: 'ENOENT' })
  await assert.rejects(named.update('b', { $set: { name: 'Bob' } }), { code: 'ENOENT' })
  await assert.rejects(named.set({ id: 'b', name: 'Ann' }), { code: 'SQLITE_CONSTRAINT_UNIQUE' })
  await assert.rejects(named.set([{ id: 'new' }, { id: 'a' }], true), { code: 'EEXIST' })
  assert.deepEqual(await named.all(), [{ id: 'a', name: 'Ann' }])
  assert.equal(await es.getVersion(), 1)
  assert.equal((await es.db.get('SELECT count(*) AS n FROM _failed')).n, 0)
})

test('a write that came too late rejects synced, and every device tells of it', async () => {
  const [a, b] = devices(2)
  const { es, link } = a
  await b.es.store.todos.set({ id: 'gone' })
  await b.es.synced()
  await es.open()
  await until(() => es.status.sync.seq === 1)
  link.online = false
  const told = { a: [], b: [] }
  es.on('noop', noop => told.a.push(noop))
  b.es.on('noop', noop => told.b.push(noop))
  const late = [
    [await es.dispatch('es/todos', [2, 'x', { by: 'a' }]), 'EEXIST'],
    [await es.dispatch('es/todos', [3, 'gone', { by: 'a' }]), 'ENOENT'],
    [await es.dispatch('es/named', [1, 'n', { name: 'Ann' }]), 'SQLITE_CONSTRAINT_UNIQUE'],
    [
      await es.dispatch('es/todos', [
        6,
        null,
        [
          [1, 'y', {}],
          [2, 'z', {}],
        ],
      ]),
      'EEXIST',
    ],
  ]
  await b.es.store.todos.set({ id: 'x', by: 'b' }, true)
  await b.es.store.todos.set({ id: 'z', by: 'b' }, true)
  await b.es.store.todos.remove('gone')
  await b.es.store.named.set({ id: 'm', name: 'Ann' })
  await b.es.synced()
  link.online = true
  es.sync()
  for (const [event, code] of late) await assert.rejects(event.synced, { code })
  assert.deepEqual(await es.store.todos.all(), [
    { id: 'x', by: 'b' },
    { id: 'z', by: 'b' },
  ])
  await until(() => b.es.status.sync.seq === es.status.sync.seq)
  assert.deepEqual(told.a, told.b)
  assert.deepEqual(
    told.a.map(({ id, code }) => [id, code]),
    late.map(([event, code]) => [event.id, code]),
  )
  const last = told.a.at(-1)
  assert.deepEqual([last.v, last.type], [9, 'es/todos'])
  assert.match(last.message, /todos\.set "z": EEXIST/)
  for (const { status, queue } of [es, b.es]) {
    assert.deepEqual(status.sync.noops, { count: 4, last })
    assert.match((await queue.get(last.v)).error, /^EEXIST: /)
  }
})
