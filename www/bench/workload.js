// The workload of docs/design/performance.md, whatever does the work. Documents go in and come out;
// a system is an object of the methods called here. Every figure is milliseconds, of all operations
// of its kind unless it says otherwise.

const DOCS = 10_000

/** About 330 bytes as JSON: a text id, one field that is searched, the rest. */
export const doc = i => ({
  id: `key-${String(i).padStart(6, '0')}`,
  list: `l${i % 200}`,
  title: `buy ${i} bottles of milk and ${i % 7} loaves of bread`,
  text: 'the quick brown fox jumps over the lazy dog and then '.repeat(3),
  n: i,
  done: i % 3 === 0,
  at: 1_700_000_000_000 + i,
  tags: ['home', 'shop', `t${i % 10}`],
})

const quantile = (times, q) => times.toSorted((a, b) => a - b)[Math.floor(times.length * q)]

/** Where the `i`th of many goes, so that neighbours are not read together. */
const scattered = i => (i * 7919) % DOCS

/**
 * Runs it all on `system`, whose files are new. `{open, bulk, writes, p50, p95, gets, queries, all,
 * updates, reopen}`, by `clock`, which gives milliseconds; `p50` and `p95` are wall time.
 */
export async function run(system, clock = () => performance.now()) {
  const timed = async fn => {
    const from = clock()
    const value = await fn()
    return { ms: clock() - from, value }
  }
  const open = await timed(() => system.open())
  const docs = Array.from({ length: DOCS }, (_, i) => doc(i))
  const bulk = await timed(() => system.bulk(docs))
  const singles = []
  const writes = await timed(async () => {
    for (let i = 0; i < 300; i++) {
      const from = performance.now()
      await system.write(doc(DOCS + i))
      singles.push(performance.now() - from)
    }
  })
  const gets = await timed(async () => {
    for (let i = 0; i < 2000; i++) check(await system.get(doc(scattered(i)).id), scattered(i))
  })
  const queries = await timed(async () => {
    for (let i = 0; i < 100; i++) {
      const found = await system.query(`l${i}`)
      if (found.length < 50 || found[0].list !== `l${i}`)
        throw new Error(`query ${i}: ${found.length} rows`)
    }
  })
  const all = await timed(() => system.all())
  if (all.value.length !== DOCS + 300) throw new Error(`all: ${all.value.length} rows`)
  const updates = await timed(async () => {
    for (let i = 0; i < 300; i++) await system.update({ ...doc(scattered(i)), n: -1 })
  })
  await system.close()
  const reopen = await timed(async () => {
    await system.open()
    check(await system.get(doc(1).id), 1)
  })
  await system.close()
  const [p50, p95] = [quantile(singles, 0.5), quantile(singles, 0.95)]
  return {
    open: open.ms,
    bulk: bulk.ms,
    writes: writes.ms,
    p50,
    p95,
    gets: gets.ms,
    queries: queries.ms,
    all: all.ms,
    updates: updates.ms,
    reopen: reopen.ms,
  }
}

function check(found, i) {
  if (found?.title !== doc(i).title) throw new Error(`get ${i}: ${JSON.stringify(found)}`)
}
