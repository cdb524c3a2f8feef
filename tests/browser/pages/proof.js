// The page of proof.test.js: a profile with a database in a worker. It keeps the ledger of what was
// acknowledged, so that nothing but a resolved promise counts.
import '../../../www/trusted-types.js'
import { connect } from 'tidelog/client'

const [profile, network] = location.hash.slice(1).split('/')

/** Ids of the events whose dispatch resolved. */
globalThis.ledger = []

/**
 * Dispatches `count` events from number `from` on, one after the other; every fourth to a row that
 * others write too.
 */
globalThis.write = async (from, count) => {
  for (let i = from; i < from + count; i++) {
    const id = i % 4 ? `${profile}-${i}` : `both-${i}`
    const event = await globalThis.db.dispatch('es/rows', [
      i % 8 ? 1 : 4,
      id,
      { by: profile, [profile]: i },
    ])
    globalThis.ledger.push(event.id)
  }
}

/** Dispatches without waiting, until the worker dies; resolves when every promise has settled. */
globalThis.burst = async (from, count) => {
  const all = Array.from({ length: count }, (_, i) =>
    globalThis.db.dispatch('es/rows', [1, `${profile}-burst-${from + i}`, { by: profile }]).then(
      event => globalThis.ledger.push(event.id),
      error => error.code,
    ),
  )
  return (await Promise.all(all)).filter(code => typeof code === 'string')
}

globalThis.db = await connect(
  () =>
    new Worker(new URL('./proof.worker.js', import.meta.url), {
      type: 'module',
      name: JSON.stringify({ profile, offline: network === 'offline' }),
    }),
)
