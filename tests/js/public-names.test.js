// A name that begins without `_` is public: what the classes have under such names is what the
// types declare, no more and no less. Read by reflection from live objects.
import assert from 'node:assert/strict'
import { afterEach, test } from 'node:test'
import * as api from 'tidelog'
import { instanceMembers, staticMembers } from './declared.js'
import { Disk } from './stand-in.js'
import { Browser } from './tabs.js'

const { DB, ESModel, EventQueue, EventSourcingDB, JsonModel, Model, Repository, SQLite } = api
const { getPrototypeOf } = Object
const Queries = getPrototypeOf(SQLite)
const Emitter = getPrototypeOf(Queries)
const browser = new Browser()
afterEach(() => browser.close())

const isPublic = name => !name.startsWith('_') && name !== 'constructor'

/** The public names of an object and of what it inherits from. */
function namesOf(object, end = Object.prototype) {
  const found = new Set()
  for (let at = object; at && at !== end; at = Object.getPrototypeOf(at))
    for (const name of Object.getOwnPropertyNames(at)) if (isPublic(name)) found.add(name)
  return [...found].sort()
}

/** The public static names that a class has itself. */
const staticNamesOf = Class =>
  Object.getOwnPropertyNames(Class)
    .filter(name => isPublic(name) && !['length', 'name', 'prototype'].includes(name))
    .sort()

const declared = (...lists) => [...new Set(lists.flat())].sort()

const EMITTER = instanceMembers('types/emitter.d.ts', 'Emitter')
const SQLITE = declared(EMITTER, instanceMembers('types/sql.d.ts', 'SQLite'))
const DATABASE = declared(SQLITE, instanceMembers('types/db.d.ts', 'DB'))
const MODEL = instanceMembers('types/model.d.ts', 'JsonModel')

const openAll = () => {
  const db = new DB()
  return { db, model: db.addModel(JsonModel, { name: 'm' }), es: openEvents() }
}
const openEvents = () => new EventSourcingDB({ models: { things: {} } })

const of = {
  // `on` is declared by those who emit, with their events
  Emitter: () => [Emitter.prototype, declared(EMITTER, ['on'])],
  SQLite: () => [new SQLite(), SQLITE],
  DB: ({ db }) => [db, DATABASE],
  JsonModel: ({ model }) => [model, declared(MODEL)],
  ESModel: ({ es }) => [
    es.store.things,
    declared(MODEL, instanceMembers('types/events.d.ts', 'ESModel')),
  ],
  EventQueue: ({ es }) => [es.queue, instanceMembers('types/events.d.ts', 'EventQueue')],
  EventSourcingDB: ({ es }) => [
    es,
    declared(EMITTER, instanceMembers('types/events.d.ts', 'EventSourcingDB')),
  ],
  Statement: ({ db }) => [db.prepare('SELECT 1'), instanceMembers('types/sql.d.ts', 'Statement')],
  Repository: ({ model }) => [
    new Repository(model),
    instanceMembers('types/define.d.ts', 'Repository'),
  ],
  ColumnBuilder: () => [api.Column.text(), instanceMembers('types/define.d.ts', 'ColumnBuilder')],
  Loader: ({ model }) => [model.clearCache({}), instanceMembers('types/model.d.ts', 'Loader')],
}

for (const [name, make] of Object.entries(of))
  test(`${name} has the public members that its type declares, and no others`, () => {
    const [object, wanted] = make(openAll())
    assert.ok(wanted.length > 3, `only ${wanted} are declared`)
    assert.deepEqual(namesOf(object), [...wanted].sort())
  })

for (const [name, file, Class] of [
  ['SQLite', 'types/sql.d.ts', Queries],
  ['ESModel', 'types/events.d.ts', ESModel],
  ['EventQueue', 'types/events.d.ts', EventQueue],
  ['Model', 'types/define.d.ts', Model],
])
  test(`${name} has the static members that its type declares, and no others`, () => {
    assert.deepEqual(staticNamesOf(Class), staticMembers(file, name).sort())
  })

test('in a transaction there is nothing more, in a migration what the types say of it', async () => {
  const { db, es } = openAll()
  await db.withTransaction(tx => {
    assert.deepEqual(namesOf(tx), DATABASE)
    assert.deepEqual(namesOf(tx.store.m), declared(MODEL, ['store']))
  })
  await db.close()
  const seen = []
  const up = ({ db, model }) => seen.push(namesOf(db), namesOf(model))
  const other = new DB()
  other.addModel(JsonModel, { name: 'm', migrations: { 1: up } })
  await other.open()
  assert.deepEqual(seen, [
    declared(DATABASE, instanceMembers('types/db.d.ts', 'MigrationDB'), ['db']),
    declared(MODEL, instanceMembers('types/model.d.ts', 'MigrationModel'), ['store']),
  ])
  await other.close()
  await es.close()
})

test('what a page has of a database is what the types of tidelog/client declare', async () => {
  const disk = new Disk()
  const { db } = await browser.open({ opening: (...args) => disk.open(...args) })
  assert.deepEqual(namesOf(db), instanceMembers('client.d.ts', 'Connection').sort())
  const live = db.store.todos.live({})
  const iterator = ['next', 'return']
  assert.deepEqual(namesOf(live), declared(iterator, instanceMembers('client.d.ts', 'Live')))
  await live.return()
})

test('what a page may call of a model is there in the worker', () => {
  const there = namesOf(openEvents().store.things)
  const remote = instanceMembers('client.d.ts', 'RemoteModel')
  assert.ok(remote.length > 15, String(remote))
  assert.deepEqual(
    remote.filter(name => !there.includes(name)),
    [],
  )
})
