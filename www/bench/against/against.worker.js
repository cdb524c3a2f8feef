// The measurements that two builds are compared by: single writes, dispatches, batches and the
// workload, in milliseconds of this worker's CPU time, which the server reads from the operating
// system.

import { DB, deleteDatabase, EventSourcingDB, JsonModel } from 'tidelog'
import { model } from '../ours.js'
import { doc, run } from '../workload.js'

const SINGLES = 2000
const BATCH = 10_000
const columns = { list: { type: 'TEXT', index: true } }
const reducer = ({ event }) => event.type === 'add' && { set: [event.data] }

/** This thread's CPU time so far. */
function cpu() {
  const request = new XMLHttpRequest()
  request.open('GET', '/cpu', false)
  request.send()
  if (request.status !== 200) throw new Error(request.responseText)
  return Number(request.responseText)
}

async function taken(fn) {
  const from = cpu()
  await fn()
  return cpu() - from
}

async function withEvents(models, durability, fn) {
  await deleteDatabase('against-es.db').catch(() => {})
  const es = new EventSourcingDB({ file: 'against-es.db', models, durability })
  await es.open()
  try {
    return await fn(es)
  } finally {
    await es.close()
  }
}

async function singles(fn) {
  for (let i = 0; i < 50; i++) await fn(-1 - i)
  return taken(async () => {
    for (let i = 0; i < SINGLES; i++) await fn(i)
  })
}

async function sets(durability) {
  await deleteDatabase('against-set.db').catch(() => {})
  const db = new DB({ file: 'against-set.db', durability })
  const docs = db.addModel(JsonModel, { name: 'docs', columns })
  await db.open()
  const ms = await singles(i => docs.set(doc(i)))
  await db.close()
  return ms
}

const dispatches = durability =>
  withEvents({ docs: { columns, reducer } }, durability, es =>
    singles(i => es.dispatch('add', doc(i))),
  )

const batch = (definition, event) =>
  withEvents({ docs: definition }, 'strict', es => {
    const events = Array.from({ length: BATCH }, (_, i) => event(doc(i)))
    return taken(() => es.dispatch(events))
  })

const operations = async durability => ({
  [`${SINGLES} sets`]: await sets(durability),
  [`${SINGLES} dispatches`]: await dispatches(durability),
})

const measurements = {
  'strict operations': () => operations('strict'),
  'relaxed operations': () => operations('relaxed'),
  batches: async () => ({
    [`${BATCH} by a reducer`]: await batch({ columns, reducer }, data => ({ type: 'add', data })),
    [`${BATCH} by ESModel`]: await batch({ columns }, data => ({
      type: 'es/docs',
      data: [1, data.id, data],
    })),
  }),
  'strict workload': async () => workload('strict'),
  'relaxed workload': async () => workload('relaxed'),
}

async function workload(durability) {
  const { p50, p95, ...rows } = await run(await model(durability), cpu)
  return rows
}

addEventListener('message', async ({ data }) => {
  try {
    postMessage({ result: await measurements[data]() })
  } catch (error) {
    postMessage({ error: error.stack })
  }
})
