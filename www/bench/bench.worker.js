// Measurements inside one worker: the floor (OPFS itself), bare SQLite on our own VFS, and ours, in
// the same run. Every figure is microseconds per operation unless it says otherwise.

import { DB, deleteDatabase, EventSourcingDB, JsonModel, SQLite } from 'tidelog'

const ROUNDS = 2000
const doc = i => ({
  id: `key-${i}`,
  list: `l${i % 20}`,
  title: 'buy milk and bread '.repeat(4),
  n: i,
  done: false,
})
const columns = { list: { type: 'TEXT', index: true } }

/** Counts what goes to OPFS, below everything. */
const disk = { writes: 0, bytes: 0, flushes: 0 }
const { write, flush } = FileSystemSyncAccessHandle.prototype
FileSystemSyncAccessHandle.prototype.write = function (view, options) {
  disk.writes += 1
  disk.bytes += view.byteLength
  return write.call(this, view, options)
}
FileSystemSyncAccessHandle.prototype.flush = function () {
  disk.flushes += 1
  return flush.call(this)
}

const quantile = (times, q) => times.toSorted((a, b) => a - b)[Math.floor(times.length * q)]

/** Operations timed together: the clock of a page ticks in steps of 100 µs. */
const TOGETHER = 50

/**
 * Of `rounds` operations, one after the other: median, 95th percentile and mean of fifties, and
 * what each wrote.
 */
async function each(rounds, fn) {
  for (let i = 0; i < 50; i++) await fn(-1 - i)
  const before = { ...disk }
  const times = []
  for (let i = 0; i < rounds; i += TOGETHER) {
    const from = performance.now()
    for (let k = 0; k < TOGETHER; k++) await fn(i + k)
    times.push(((performance.now() - from) * 1000) / TOGETHER)
  }
  return {
    p50: quantile(times, 0.5),
    p95: quantile(times, 0.95),
    mean: times.reduce((a, b) => a + b) / times.length,
    writes: (disk.writes - before.writes) / rounds,
    bytes: (disk.bytes - before.bytes) / rounds,
    flushes: (disk.flushes - before.flushes) / rounds,
  }
}

/** One OPFS write of so many bytes, appended within a WAL's size, with and without a flush. */
async function floor(bytes) {
  const root = await navigator.storage.getDirectory()
  const file = await root.getFileHandle('bench-floor', { create: true })
  const handle = await file.createSyncAccessHandle()
  const data = new Uint8Array(Math.round(bytes)).fill(7)
  let at = 0
  const next = () => {
    at = at > 4_000_000 ? 0 : at + data.length
    handle.write(data, { at })
  }
  const relaxed = await each(ROUNDS, next)
  const strict = await each(ROUNDS, () => {
    next()
    handle.flush()
  })
  handle.close()
  await root.removeEntry('bench-floor')
  return { relaxed, strict }
}

async function fresh(file) {
  await deleteDatabase(file).catch(() => {})
  return file
}

/** Bare SQLite on our VFS: one prepared INSERT of the same text per transaction. */
async function bare(durability) {
  const db = new SQLite({ file: await fresh('bench-bare.db'), durability })
  await db.exec(
    'CREATE TABLE t(id TEXT PRIMARY KEY, list TEXT, json TEXT); CREATE INDEX t_list ON t(list)',
  )
  const sql = 'INSERT INTO t VALUES (?, ?, ?)'
  const result = await each(ROUNDS, i =>
    db.run(sql, [`key-${i}`, `l${i % 20}`, JSON.stringify(doc(i))]),
  )
  await db.close()
  return result
}

async function set(durability) {
  const db = new DB({ file: await fresh('bench-set.db'), durability })
  const model = db.addModel(JsonModel, { name: 'docs', columns })
  await db.open()
  const result = await each(ROUNDS, i => model.set(doc(i)))
  await db.close()
  return result
}

const reducer = ({ event }) => event.type === 'add' && { set: [event.data] }

async function dispatch(durability) {
  const models = { docs: { columns, reducer } }
  const es = new EventSourcingDB({ file: await fresh('bench-es.db'), models, durability })
  await es.open()
  const result = await each(ROUNDS, i => es.dispatch('add', doc(i)))
  await es.close()
  return result
}

/** Events per second in one batch of 10,000, through a reducer in JS and through ESModel's own. */
async function batch() {
  const rates = {}
  for (const [name, event] of Object.entries({
    reducer: i => ({ type: 'add', data: doc(i) }),
    esModel: i => ({ type: 'es/docs', data: [1, `key-${i}`, doc(i)] }),
  })) {
    const models = { docs: name === 'reducer' ? { columns, reducer } : { columns } }
    const es = new EventSourcingDB({ file: await fresh('bench-batch.db'), models })
    await es.open()
    const events = Array.from({ length: 10_000 }, (_, i) => event(i))
    const from = performance.now()
    await es.dispatch(events)
    rates[name] = Math.round(10_000 / ((performance.now() - from) / 1000))
    await es.close()
  }
  return rates
}

/** A set and a dispatch in each durability, with the floor of the very bytes it wrote. */
async function writes(durability) {
  const result = {
    bare: await bare(durability),
    set: await set(durability),
    dispatch: await dispatch(durability),
  }
  result.floor = (await floor(result.set.bytes))[durability]
  return result
}

const measurements = { strict: () => writes('strict'), relaxed: () => writes('relaxed'), batch }

addEventListener('message', async ({ data }) => {
  try {
    postMessage({ result: await measurements[data]() })
  } catch (error) {
    postMessage({ error: error.stack })
  }
})
