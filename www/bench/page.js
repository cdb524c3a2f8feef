// The benchmark's page: runs the worker's measurements, and those that need a page themselves.

import '../trusted-types.js'
import { connect } from 'tidelog/client'
import { inWorker } from './in-worker.js'

const quantile = (times, q) => times.toSorted((a, b) => a - b)[Math.floor(times.length * q)]

/**
 * Calls one after the other, timed in tens because the clock ticks in steps of 100 µs; milliseconds
 * each.
 */
async function timed(rounds, fn) {
  const times = []
  for (let i = 0; i < rounds; i += 10) {
    const from = performance.now()
    for (let k = 0; k < 10; k++) await fn(i + k)
    times.push((performance.now() - from) / 10)
  }
  return { p50: quantile(times, 0.5), p95: quantile(times, 0.95) }
}

/** Calls from the page to its own worker, beside a bare message there and back. */
async function proxy() {
  const echo = new Worker(new URL('./echo.worker.js', import.meta.url), { type: 'module' })
  const bare = await timed(
    500,
    i =>
      new Promise(resolve => {
        echo.onmessage = resolve
        echo.postMessage({ id: i, args: ['t1'] })
      }),
  )
  echo.terminate()
  const db = await connect(
    () => new Worker(new URL('./db.worker.js', import.meta.url), { type: 'module' }),
  )
  const docs = Array.from({ length: 1000 }, (_, i) => ({
    id: `t${i}`,
    list: `l${i % 20}`,
    title: `todo ${i}`,
  }))
  await db.store.todos.set(docs)
  await timed(200, i => db.store.todos.get(`t${i}`))
  const get = await timed(1000, i => db.store.todos.get(`t${i}`))
  const rows = db.store.todos.live({ list: 'l0' })[Symbol.asyncIterator]()
  await rows.next()
  const live = []
  for (let i = 0; i < 100; i++) {
    const next = rows.next().then(() => performance.now())
    await db.store.todos.update({ id: 't0', title: `again ${i}` })
    const committed = performance.now()
    live.push((await next) - committed)
  }
  await rows.return()
  const dispatch = await timed(200, i => db.dispatch('es/todos', [1, `d${i}`, { list: 'x' }]))
  await db.close()
  return { bare, get, live: { p50: quantile(live, 0.5), p95: quantile(live, 0.95) }, dispatch }
}

const measuring = () =>
  new Worker(new URL('./bench.worker.js', import.meta.url), { type: 'module' })
const working = () =>
  new Worker(new URL('./workload.worker.js', import.meta.url), { type: 'module' })

globalThis.runBenchmark = async name => (name === 'proxy' ? proxy() : inWorker(measuring(), name))
globalThis.runWorkload = system => inWorker(working(), system)
