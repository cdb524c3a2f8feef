// A page of fallback.test.js: its worker serves a database as the test's server says, and may be
// denied some storages.
import '../../../www/trusted-types.js'
import { connect } from 'tidelog/client'

// no top-level await: the page counts as loaded once the functions below are there
const connecting = connect(
  () => new Worker(new URL('./fallback.worker.js', import.meta.url), { type: 'module' }),
)

/** Resolves when somebody leads, or nobody can: the status. */
globalThis.settled = async () => {
  const db = await connecting
  globalThis.db = db
  return new Promise(resolve => {
    const look = status => {
      if (status.role === 'waiting' || status.role === 'opening') return
      db.off('status', look)
      resolve(status)
    }
    db.on('status', look)
    look(db.status)
  })
}

/** Writes rows of so many bytes until one fails; gives what was acknowledged and the error. */
globalThis.fill = async (from, bytes, most = 1000) => {
  const filler = 'x'.repeat(bytes)
  for (let n = from; n < from + most; n++) {
    try {
      await db.store.rows.set({ id: `r${n}`, n, filler })
    } catch (error) {
      return { written: n, error: { code: error.code, message: error.message } }
    }
  }
  return { written: from + most, error: null }
}

/** Writes without end and tells the test's server what was acknowledged. */
globalThis.write = async prefix => {
  for (let n = 0; ; n++) {
    const id = `${prefix}-${n}`
    await db.store.rows.set({ id, n, filler: 'y'.repeat((n * 97) % 5000) })
    navigator.sendBeacon('/told', id)
  }
}

/** The same package in the page itself, where there are no handles. */
globalThis.inWindow = async file => {
  const { DB, JsonModel } = await import('tidelog')
  class Things extends JsonModel {
    constructor(options) {
      super({ ...options, name: 'things' })
    }
  }
  const own = new DB({ file })
  own.addModel(Things)
  await own.store.things.set({ id: 1, text: 'here' })
  const { storage } = own.status
  await own.close()
  const again = new DB({ file })
  again.addModel(Things)
  const doc = await again.store.things.get(1)
  await again.close()
  return { storage, doc }
}
