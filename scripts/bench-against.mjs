// One build of the package against another, in Chromium on Linux, by the CPU time of the worker
// they run in: wall time on a machine that does other work says little. The builds take turns: the
// other one, ours, the other one again, whose difference to itself is the spread that ours is held
// against. `npm run bench -- --against PKG [--rounds N]`; PKG is a `pkg/` of another checkout.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { root } from './shell.mjs'

const { launch } = await import('../tests/browser/harness.js')
const { buildPages, serveSite } = await import('../tests/browser/site.js')

const SETS = [
  'strict operations',
  'relaxed operations',
  'batches',
  'strict workload',
  'relaxed workload',
]

/** Prints a row per measurement: the other build, ours, their ratio, and the spread. */
export async function compare(against, rounds, json) {
  const ends = []
  const run = { after: end => ends.push(end) }
  try {
    const other = await open(run, resolve(against))
    const ours = await open(run, join(root, 'pkg'))
    const rows = {}
    for (let round = 0; round < rounds; round++) {
      for (const set of SETS) {
        const results = [await other(set), await ours(set), await other(set)]
        for (const name of Object.keys(results[0])) {
          rows[`${set}: ${name}`] ??= []
          rows[`${set}: ${name}`].push(results.map(result => result[name]))
        }
      }
      console.log(`round ${round + 1} of ${rounds}`)
    }
    const table = Object.entries(rows).map(([name, triples]) => row(name, triples))
    print(table)
    if (json) writeFileSync(json, JSON.stringify(table, null, 2))
  } finally {
    for (const end of ends.reverse()) await end()
  }
}

const median = all => all.toSorted((a, b) => a - b)[Math.floor(all.length / 2)]

function row(name, triples) {
  const ratios = triples.map(([before, ours, after]) => (2 * ours) / (before + after))
  const itself = triples.map(([before, , after]) => after / before)
  // the spread has no direction: which of the two ran first is chance
  const spread = Math.max(...itself.flatMap(ratio => [ratio, 1 / ratio]))
  return {
    name,
    other: median(triples.flatMap(([before, , after]) => [before, after])),
    ours: median(triples.map(([, ours]) => ours)),
    ratio: median(ratios),
    ratios,
    spread,
  }
}

function print(table) {
  const ms = n => n.toFixed(1).padStart(10)
  console.log(`\n${'CPU ms of the worker'.padEnd(40)}     other      ours  ratio  spread`)
  for (const { name, other, ours, ratio, spread } of table) {
    const worse = ratio > spread ? '  worse' : ''
    const figures = `${ratio.toFixed(2).padStart(7)}${spread.toFixed(2).padStart(8)}`
    console.log(`${name.padEnd(40)}${ms(other)}${ms(ours)}${figures}${worse}`)
  }
}

/** A function that measures one set with the build in `pkg`, in a browser of its own. */
async function open(run, pkg) {
  const { exports } = JSON.parse(readFileSync(join(pkg, 'package.json'), 'utf8'))
  const alias = Object.entries(exports)
    .filter(([, { default: file }]) => file)
    .map(([entry, { default: file }]) => ({
      find: new RegExp(`^tidelog${entry.slice(1)}$`),
      replacement: join(pkg, file),
    }))
  const files = await buildPages(join(root, 'www', 'bench', 'against'), alias)
  let threads
  const handler = async request => {
    if (new URL(request.url).pathname !== '/cpu') return null
    const found = workerThreads(threads())
    if (found.length !== 1) {
      const message = `${found.length} workers in this browser, 1 is needed`
      return new Response(message, { status: 500 })
    }
    // nanoseconds on a CPU, and two figures more
    return new Response(String(Number(readFileSync(found[0], 'utf8').split(' ')[0]) / 1e6))
  }
  const site = await serveSite(run, { files, handler })
  const browser = await launch(run, 'chromium')
  threads = () => browser.pid
  return async set => {
    const page = await browser.open(`${site.url}/index.html`)
    try {
      return await page.evaluate(name => globalThis.measure(name), set)
    } finally {
      await page.close()
    }
  }
}

/** The statistics files of every dedicated worker's thread below a process. */
function workerThreads(top) {
  const processes = readdirSync('/proc').filter(name => /^\d+$/.test(name))
  const parents = new Map(processes.map(pid => [Number(pid), parentOf(pid)]))
  const below = pid => {
    for (let at = pid; at; at = parents.get(at)) if (at === top) return true
    return false
  }
  return [...parents.keys()].filter(below).flatMap(pid => {
    const tasks = `/proc/${pid}/task`
    return list(tasks)
      .filter(task => read(`${tasks}/${task}/comm`).trim() === 'DedicatedWorker')
      .map(task => `${tasks}/${task}/schedstat`)
  })
}

const parentOf = pid => Number(/^PPid:\t(\d+)$/m.exec(read(`/proc/${pid}/status`))?.[1] ?? 0)

// processes end while they are looked at
function read(file) {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}

function list(folder) {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}
