// Runs the same seeds natively and over the shipped wasm, at the same time, and compares what
// happened.
//
// node tests/shipped/compare.js [--seeds N] [--steps M] [--seed S]     after `npm test -- shipped`
// has built it
import { spawn } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { text as read } from 'node:stream/consumers'
import { parseArgs } from 'node:util'
import { Worker } from 'node:worker_threads'
import { root, target } from '../../scripts/shell.mjs'

/** The native simulator's output. That it fails when a fault never came up is for its own tests. */
async function native({ first, seeds, steps }, kind) {
  const range = ['--seed', first, '--seeds', seeds, '--steps', steps]
  const args = ['--backend', 'sqlite', '--trace', kind, ...range.map(String)]
  const child = spawn(join(target, 'debug/examples/sim'), args, { cwd: root })
  child.stderr.resume()
  child.on('error', error => child.stdout.destroy(error))
  return read(child.stdout)
}

/** The reports of the shipped wasm, by seed. */
async function shipped(range, text, threads) {
  const told = new Map()
  const next = new Int32Array(new SharedArrayBuffer(4))
  const run = () =>
    new Promise((resolve, reject) => {
      const worker = new Worker(new URL('world.js', import.meta.url), {
        workerData: { ...range, next, text },
      })
      worker.on('message', ([seed, what]) => told.set(seed, what))
      worker.on('error', reject)
      worker.on('exit', resolve)
    })
  await Promise.all(Array.from({ length: threads }, run))
  return told
}

/** The first line in which two traces of a seed differ. */
async function difference(seed, steps) {
  const range = { first: seed, seeds: 1, steps }
  const traces = [await native(range, 'text'), (await shipped(range, true, 1)).get(seed)]
  const [here, there] = traces.map(trace => trace.split('\n'))
  const line = here.findIndex((line, i) => line !== there[i])
  return `seed ${seed}, line ${line + 1}:\nnative:  ${here[line]}\nshipped: ${there[line]}`
}

/**
 * `{seeds, seconds, counters, different}`: how many seeds were compared, how long the wasm took,
 * how often the native run saw what, and the first difference, if there is one.
 */
export async function compare({ first = 0, seeds, steps = 300 }) {
  const range = { first, seeds, steps }
  const start = performance.now()
  let seconds = 0
  const wasm = shipped(range, false, availableParallelism()).then(told => {
    seconds = (performance.now() - start) / 1000
    return told
  })
  const [text, told] = await Promise.all([native(range, 'hash'), wasm])
  const expected = [...text.matchAll(/^seed (\d+) (\w+)$/gm)].map(found => [
    Number(found[1]),
    found[2],
  ])
  const counters = Object.fromEntries(
    [...text.matchAll(/^ {2}(\w+) +(\d+)$/gm)].map(found => [found[1], Number(found[2])]),
  )
  const wrong = expected.find(([seed, hash]) => told.get(seed) !== hash)
  const different = wrong && (await difference(wrong[0], steps))
  return { seeds: told.size === expected.length ? told.size : 0, seconds, counters, different }
}

if (import.meta.filename === process.argv[1]) {
  const options = Object.fromEntries(
    ['seeds', 'steps', 'seed'].map(name => [name, { type: 'string' }]),
  )
  const { seeds = 1000, steps = 300, seed = 0 } = parseArgs({ options }).values
  const found = await compare({ first: Number(seed), seeds: Number(seeds), steps: Number(steps) })
  for (const [what, count] of Object.entries(found.counters))
    console.log(`  ${what.padEnd(28)}${`${count}`.padStart(12)}`)
  const speed = Math.round((found.seeds * Number(steps)) / found.seconds)
  console.log(found.different ?? `${found.seeds} seeds, identical; ${speed} steps/s in wasm`)
  process.exitCode = found.different || found.seeds !== Number(seeds) ? 1 : 0
}
