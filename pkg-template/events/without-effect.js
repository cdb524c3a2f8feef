// Events that lose their effect by a new definition of the model they write: found when its rows
// are made anew around the opening of the queue, and told in a warning. The events stay in the log,
// each with its error.

const FAILED = `
  SELECT 's' || d.seq AS k, l.t AS type, d.err AS err FROM _dead d JOIN _log l ON l.seq = d.seq
  UNION ALL SELECT 'p' || lo, t, err FROM _pending WHERE seq IS NULL AND err IS NOT NULL
  UNION ALL SELECT 'f' || lo, t, err FROM _failed`

/**
 * Runs `open()`, which makes what is stale anew; gives a warning for each kind of events that fail
 * since.
 */
export async function openingQueue(db, open) {
  const before = await inside(db, async tx => {
    const stale = await tx.get("SELECT 1 FROM sqlite_schema WHERE name = '_dead'")
    if (!stale || !(await tx.get('SELECT 1 FROM _models WHERE stale'))) return undefined
    return new Set((await tx.all(FAILED)).map(({ k }) => k))
  })
  await open()
  if (!before) return []
  const kinds = new Map()
  for (const { k, type, err } of await inside(db, tx => tx.all(FAILED))) {
    if (before.has(k)) continue
    const kind = kinds.get(type) ?? { count: 0, err }
    kind.count++
    kinds.set(type, kind)
  }
  return [...kinds].map(([type, { count, err }]) => {
    const of = type.startsWith('es/') ? `model '${type.slice(3)}'` : `type '${type}'`
    return `${count} ${count === 1 ? 'event' : 'events'} of ${of} ${count === 1 ? 'has' : 'have'} no effect under the new definition of its table, the first because: ${err}. They stay in the log: queue.search({ type: '${type}' }) has each with its error, and a definition that allows them brings them back`
  })
}

/** Reads in the engine while the database opens. */
async function inside(db, read) {
  const token = await db._engine.begin()
  try {
    return await read(db._boundTo(token))
  } finally {
    db._engine.rollback(token)
  }
}
