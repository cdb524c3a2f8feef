// The second half of the benchmark: the workload of docs/design/performance.md on ours, on bare
// statements of the same engine and on peers, taking turns. Each round uses a new worker and new
// files; what counts is the ratio to the peer beside it.

const SYSTEMS = [
  'tidelog, strict',
  'bare statements, strict',
  'sqlite-wasm, WAL full',
  'tidelog, relaxed',
  'bare statements, relaxed',
  'sqlite-wasm, WAL normal',
  'sqlite-wasm, delete full',
  'dexie',
]
const COLUMNS = ['open', 'bulk', 'p50', 'p95', 'gets', 'queries', 'all', 'updates', 'reopen']
const ROUNDS = 5

/** `{system: {column: median of the rounds}}`, in milliseconds. */
export async function measureWorkload(page) {
  const rounds = Object.fromEntries(SYSTEMS.map(system => [system, []]))
  for (let i = 0; i < ROUNDS; i++) {
    for (const system of SYSTEMS) {
      rounds[system].push(await page.evaluate(system => globalThis.runWorkload(system), system))
    }
  }
  const median = all => all.toSorted((a, b) => a - b)[Math.floor(all.length / 2)]
  return Object.fromEntries(
    SYSTEMS.map(system => [
      system,
      Object.fromEntries(
        COLUMNS.map(column => [column, median(rounds[system].map(one => one[column]))]),
      ),
    ]),
  )
}

export function printWorkload(browser, results) {
  console.log(
    `\n${browser}: 10,000 documents in one transaction, 300 writes (of one: p50, p95), 2,000 gets, 100 queries of 50, all, 300 updates; ms, medians of ${ROUNDS}`,
  )
  console.log(`${''.padEnd(26)}${COLUMNS.map(column => column.padStart(9)).join('')}`)
  const row = (name, figures) =>
    console.log(`${name.padEnd(26)}${figures.map(f => f.padStart(9)).join('')}`)
  for (const system of SYSTEMS) {
    row(
      system,
      COLUMNS.map(column => results[system][column].toFixed(2)),
    )
  }
  const pairs = [
    ['ours / peer, strict', 'tidelog, strict', 'sqlite-wasm, WAL full'],
    ['ours / peer, relaxed', 'tidelog, relaxed', 'sqlite-wasm, WAL normal'],
    ['bare / ours, strict', 'bare statements, strict', 'tidelog, strict'],
    ['bare / ours, relaxed', 'bare statements, relaxed', 'tidelog, relaxed'],
    ['dexie / ours, strict', 'dexie', 'tidelog, strict'],
  ]
  for (const [name, over, under] of pairs) {
    row(
      name,
      COLUMNS.map(column => (results[over][column] / results[under][column]).toFixed(2)),
    )
  }
  console.log(
    'aims: ours / peer at most 1; bare / ours at least 0.6 for bulk and gets; dexie / ours at least 5 for gets, queries and all',
  )
}
