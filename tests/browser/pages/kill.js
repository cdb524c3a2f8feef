// The page of kill.test.js: writes as fast as it can and tells the test of each write that
// resolved, until the browser is killed. A write has a key `round.number`; each event of it carries
// `key/place/size`, so that one sees which are whole.
import '../../../www/trusted-types.js'
import { connect } from 'tidelog/client'

const WRITERS = 4
const start = performance.now()
const db = await connect(
  () => new Worker(new URL('./kill.worker.js', import.meta.url), { type: 'module' }),
)
db.on('status', ({ role }) => {
  if (role === 'leader') globalThis.openMs ??= performance.now() - start
})
globalThis.db = db

const acknowledged = []
/** Tells the test, one request after the other: it counts what reached it. */
async function tell() {
  for (;;) {
    const body = acknowledged.splice(0).join('\n')
    if (body) await fetch('/acknowledged', { method: 'POST', body })
    else await new Promise(resolve => setTimeout(resolve))
  }
}

/** A few bytes, sometimes several pages of SQLite. */
const text = i => `${i} `.repeat(i % 17 ? 10 + (i % 50) : 4000)

/** The ways to write; each is given its number, a maker of marks and an id of its own. */
const ways = [
  (i, mark, id) => db.store.rows.set({ id, w: mark(1, 1), text: text(i) }),
  (_, mark) => db.dispatch('counted', { w: mark(1, 1) }),
  (i, mark, id) => db.dispatch('es/rows', [2, id, { w: mark(1, 1), text: text(i) }]),
  (i, mark, id) =>
    db.store.rows.set(
      Array.from({ length: 5 }, (_, k) => ({ id: `${id}-${k}`, w: mark(k + 1, 5), text: text(i) })),
    ),
  (i, mark, id) =>
    db.dispatch([
      { type: 'es/rows', data: [1, id, { w: mark(1, 3), text: text(i) }] },
      { type: 'counted', data: { w: mark(2, 3) } },
      { type: 'es/rows', data: [3, id, { w: mark(3, 3), more: i }] },
    ]),
]

async function writer(round, first) {
  let mine
  for (let i = first; ; i += WRITERS) {
    const key = `${round}.${i}`
    const mark = (place, size) => `${key}/${place}/${size}`
    const way = ((i / WRITERS) % (ways.length + 1)) | 0
    if (way < ways.length) await ways[way](i, mark, `row-${key}`)
    else await db.store.rows.update({ id: mine, w: mark(1, 1), more: -i })
    if (way === 0) mine = `row-${key}`
    acknowledged.push(key)
  }
}

globalThis.write = round => {
  tell()
  for (let i = 0; i < WRITERS; i++) writer(round, i)
}
