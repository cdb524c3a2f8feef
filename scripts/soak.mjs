// Everything that `npm test` does with few seeds, at length: `npm run soak -- --minutes N`, 60
// unless given. Runs every step once, however long that takes, and again with other seeds until
// the minutes are over; then prints how often each fault fired. A step that fails says how to run
// it again: `npm run soak -- --only STEP --seed S`.
import { randomInt } from 'node:crypto'
import { build } from './build.mjs'
import { amount, oneOf, optionsOf, whole } from './options.mjs'
import { buildShipped } from './parts.mjs'
import { setup } from './setup.mjs'
import { watch } from './watch.mjs'

const cargo = (...args) => ['cargo', 'test', '--locked', ...args]
const all = (...args) => cargo('--test', 'all', '--', ...args)
const node = file => ['node', '--test', '--test-reporter=spec', file]
const example = ['run', '--quiet', '--locked', '--profile', 'test', '--example', 'sim', '--']
const sim = (backend, count) => seed => [
  ...['cargo', ...example, '--backend', backend],
  ...['--seeds', count, '--seed', seed * count],
]

/**
 * The commands to run for a seed, by name, and their environment: a seed's series never meets
 * another's.
 */
const steps = {
  memory: { command: sim('memory', 40_000) },
  sqlite: { command: sim('sqlite', 4000) },
  shipped: {
    prepare: () => buildShipped(watch),
    command: seed => [
      ...['node', 'tests/shipped/compare.js'],
      ...['--seeds', 1000, '--seed', seed * 1000],
    ],
  },
  mutants: { command: () => all('--nocapture', 'sim::tests::') },
  crash: {
    command: () => all('crash::'),
    env: seed => ({ CRASH_SEEDS: 20, CRASH_FIRST: seed * 20 }),
  },
  properties: {
    command: () => cargo('--lib', '--test', 'all', '--', '--skip', 'sim::', '--skip', 'crash::'),
    env: seed => ({ PROPTEST_CASES: 10_000, PROPTEST_RNG_SEED: seed }),
  },
  search: {
    command: () => node('tests/js/search-differential.test.js'),
    env: seed => ({ CASES: 100_000, SEED: seed }),
  },
  hostile: {
    command: () => node('tests/js/hostile.test.js'),
    env: seed => ({ HOSTILE_SEEDS: 1000, HOSTILE_FIRST: seed * 1000 + 1 }),
  },
  kills: {
    command: () => node('tests/browser/kill.test.js'),
    env: seed => ({ KILLS: 200, KILL_SEED: seed }),
  },
  tabs: { command: () => node('tests/browser/tabs.test.js'), env: () => ({ ROUNDS: 200 }) },
}

const names = Object.keys(steps)
const {
  minutes = 60,
  only,
  seed: first = randomInt(1_000_000),
  // a seed's series begins at a multiple of it, which has to be exact
} = optionsOf({ minutes: amount, only: oneOf(names), seed: whole(0, 1_000_000_000) })
const chosen = only ? [only] : names

setup('npm', 'build', 'browsers')
build()
const began = performance.now()
const passed = () => (performance.now() - began) / 60_000
const fired = new Map()
const failures = []
let seed = first
for (; seed === first || passed() < minutes; seed++) {
  for (const name of chosen) {
    if (seed !== first && passed() >= minutes) break
    await run(name)
  }
}

async function run(name) {
  const { prepare, command, env } = steps[name]
  console.log(`\n== ${name}, seed ${seed}, after ${passed().toFixed(0)} minutes`)
  const prepared = await prepare?.()
  const set = Object.entries(env?.(seed) ?? {}).map(([key, value]) => [key, `${value}`])
  const [program, ...args] = command(seed).map(String)
  const { status, lines, cpu } = await watch(program, args, {
    env: Object.fromEntries(set),
    minutes: 600,
  })
  console.log(`== ${name} took ${cpu.toFixed(0)} CPU s`)
  for (const [what, count] of lines.flatMap(([line]) => faults(line)))
    fired.set(`${name} ${what}`, (fired.get(`${name} ${what}`) ?? 0) + count)
  if (status === 0 && !prepared?.failed) return
  failures.push(`${name} failed; again: npm run soak -- --only ${name} --seed ${seed}`)
  console.log(failures.at(-1))
}

/** `[what, count]` of everything that a line says happened. */
function faults(line) {
  const table = /^ {2}(\w+) +(\d+)$/.exec(line)
  if (table) return [[table[1], Number(table[2])]]
  const crash = /crash loop: .*\((.+)\)$/.exec(line)
  if (crash)
    return crash[1].split(', ').map(kind => [kind.split(' ')[0], Number(kind.split(' ')[1])])
  const kills = /(\d+) kills, /.exec(line)
  if (kills) return [['kills', Number(kills[1])]]
  const ends = /(\w+, leader \w+), (\d+) rounds/.exec(line)
  return ends ? [[ends[1], Number(ends[2])]] : []
}

console.log(`\nhow often each fault fired, seeds ${first} to ${seed - 1}:`)
for (const [what, count] of fired) console.log(`  ${what.padEnd(40)}${`${count}`.padStart(12)}`)
console.log(`\n${passed().toFixed(0)} minutes, ${failures.length} steps failed`)
for (const failure of failures) console.log(failure)
process.exit(failures.length > 0 ? 1 : 0)
