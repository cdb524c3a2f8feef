// A page of tabs.test.js: writes random things without end and tells the test's server at once what
// was acknowledged, so that nothing but a resolved promise counts and a dead page has spoken.
import '../../../www/trusted-types.js'
import { connect } from 'tidelog/client'

// a page that is given no time when it is frozen
if (location.hash.endsWith('!'))
  document.addEventListener('freeze', event => event.stopImmediatePropagation())

const name = `${location.hash.slice(1)}-${Math.random().toString(36).slice(2, 8)}`
let count = 0
/** The number of times a leader began to serve this page. */
let served = 0
let led = false
let stopped = false
const acks = []
const refused = []
/** The last result of a live query, and how often it gave the same twice. */
globalThis.live = { last: '[]', repeated: 0 }
const newest = { limit: 100, sort: { id: -1 } }

const db = await connect(
  () => new Worker(new URL('./tabs.worker.js', import.meta.url), { type: 'module' }),
)
globalThis.db = db

const ways = [
  id => db.dispatch('add', { id, way: 'dispatch' }),
  id => db.store.rows.set({ id, way: 'set' }),
  id => db.store.rows.set({ id, way: 'insert' }, true),
  id => db.store.rows.update({ id, way: 'save' }, true),
]

function follow({ role }) {
  const now = role === 'leader' || role === 'follower'
  if (now && !led) served += 1
  led = now
}
db.on('status', follow)
follow(db.status)

async function write() {
  while (!stopped) {
    count += 1
    const id = `${name}-${count}`
    try {
      await ways[Math.floor(Math.random() * ways.length)](id)
      acks.push([id, Date.now(), served])
    } catch (error) {
      refused.push([id, `${error.code ?? error.name}: ${error.message}`])
    }
    await new Promise(resolve => setTimeout(resolve, Math.random() * 100))
  }
}

async function tell() {
  if (acks.length + refused.length === 0) return
  const body = JSON.stringify({ name, acks: acks.splice(0), refused: refused.splice(0) })
  await fetch('/told', { method: 'POST', body, keepalive: true })
}

/** One at a time: a page must not use up the connections that the others speak through. */
async function telling() {
  for (;;) {
    await tell().catch(() => {})
    await new Promise(resolve => setTimeout(resolve, 25))
  }
}
telling()

async function watch() {
  for await (const rows of db.store.rows.live({}, newest)) {
    const text = JSON.stringify(rows)
    if (text === live.last) live.repeated += 1
    live.last = text
  }
}
watch().catch(error => refused.push(['live', String(error)]))

/** Whether the live query has told how things are. */
globalThis.current = async () =>
  live.last === JSON.stringify(await db.store.rows.searchAll({}, newest))

const writers = [write(), write()]

/** Resolves when everything that was begun has its answer. */
globalThis.stop = async () => {
  stopped = true
  await Promise.all(writers)
  await tell()
}
globalThis.tabName = name
globalThis.served = () => served
