// Definitions that change while events are pending, over a real server: the device that made them
// offline in the old version ends up as one that never was in it, and the server has all it was
// told of.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { EventSourcingDB } from 'tidelog'
import { createServer } from 'tidelog/server'

const dir = mkdtempSync(join(tmpdir(), 'tidelog-reshape-'))
after(() => rmSync(dir, { recursive: true, force: true }))

const authorize = request => request.headers.get('authorization')?.replace('Bearer ', '') ?? null
const OLD = { n: { type: 'INTEGER', index: true }, title: {}, gone: { type: 'TEXT' } }
/** The definitions of the next version, by their difference. */
const NEXT = {
  'a column added': { ...OLD, extra: { type: 'TEXT', index: true } },
  'a column dropped': { n: OLD.n, title: {} },
  'a column of another type': { ...OLD, n: { type: 'TEXT' } },
  'a type that not every value has': { ...OLD, title: { type: 'INTEGER' } },
  'a virtual column turned real': { ...OLD, title: { type: 'TEXT' } },
  'full text': { ...OLD, title: { type: 'TEXT', fts: true }, gone: { type: 'TEXT', fts: true } },
  'an index': { ...OLD, title: { index: true } },
  'a unique index that rows break': { ...OLD, title: { index: 'SPARSE', unique: true } },
}

function device(server, name, columns, file = ':memory:') {
  const network = { on: true }
  const fetch = async (url, init) => {
    if (!network.on) throw new TypeError('offline')
    return server.fetch(new Request(`http://server${new URL(url, 'http://server').pathname}`, init))
  }
  const es = new EventSourcingDB({
    file,
    models: { todos: { columns } },
    sync: { url: '/sync', log: 'list', getToken: () => name, fetch },
  })
  return { es, todos: es.store.todos, network }
}

async function seen({ es, todos }, columns) {
  const found = [await todos.searchAll({}, { sort: { id: 1 } })]
  for (const name of Object.keys(columns))
    found.push(await todos.searchAll({}, { sort: { [name]: 1, id: 1 } }))
  if (columns.title?.fts) {
    await es.db.run("INSERT INTO todos_fts(todos_fts, rank) VALUES ('integrity-check', 1)")
    for (const word of ['milk', 'bread', 'late'])
      found.push(await todos.searchAll({ title: { $match: word } }))
  }
  return found
}

async function sameHead(...devices) {
  const end = Date.now() + 10_000
  const same = () =>
    new Set(devices.map(({ es }) => `${es.status.sync.seq} ${es.status.sync.pending}`)).size === 1
  while (!same() && Date.now() < end) await new Promise(go => setTimeout(go, 10))
  assert.ok(same(), JSON.stringify(devices.map(({ es }) => es.status.sync)))
}

let n = 0
for (const [what, columns] of Object.entries(NEXT)) {
  test(`${what} while events are pending: a fresh replica has the same, and nothing is lost`, async () => {
    n += 1
    const server = createServer({ storage: { dir: join(dir, `server${n}`) }, authorize })
    const file = join(dir, `device${n}.db`)
    const other = device(server, 'other', OLD)
    await other.todos.set({ id: 'a', title: 'milk', n: 1, gone: 'x' })
    await other.es.synced()

    let mine = device(server, 'mine', OLD, file)
    await mine.es.open()
    await sameHead(other, mine)
    mine.network.on = false
    await mine.todos.set({ id: 'b', title: 'bread', n: 2, gone: 'late', extra: 'e' })
    await mine.todos.update({ id: 'a', n: 7 })
    await mine.todos.set({ id: 'c', title: '5', n: 3 })
    await mine.todos.remove('c')
    await mine.todos.update('a', { $set: { title: 'late milk' } })
    // these must come first
    await other.todos.set({ id: 'c', title: 'bread', n: 30 })
    await other.todos.update({ id: 'a', n: 5, gone: null })
    await other.es.synced()
    await mine.es.close()

    // the new version, the old one and the new one again, all offline; more is made in each
    for (const [i, version] of [columns, OLD, columns].entries()) {
      mine = device(server, 'mine', version, file)
      mine.network.on = false
      await mine.todos.set({ id: `v${i}`, title: `${i}`, n: i })
      await mine.es.close()
    }
    mine = device(server, 'mine', columns, file)
    await mine.es.open()
    await mine.es.synced()
    await sameHead(other, mine)
    const fresh = device(server, 'fresh', columns)
    await fresh.es.open()
    await sameHead(other, mine, fresh)
    assert.deepEqual(await seen(mine, columns), await seen(fresh, columns))
    // 3 of the other's, 5 and 3 of mine
    assert.equal(await mine.es.queue.getMaxV(), 11)
    assert.equal(await fresh.es.queue.getMaxV(), 11)
    await Promise.all([mine, other, fresh].map(({ es }) => es.close()))
    await server.close()
  })
}
