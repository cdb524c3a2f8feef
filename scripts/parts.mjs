// The parts of `npm test`: what each needs, runs, and costs. test.mjs chooses among them, runs them
// side by side, and adds up.
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { count } from './counts.mjs'
import { bindgen, output, root, target } from './shell.mjs'

/** CPU seconds that all of `npm test` may take when only this repository is compiled again. */
export const BUDGET = 1800

/** CPU seconds of the set-up before the parts: the package of the engine that was changed. */
const SETUP = 60

const tsc = 'node_modules/typescript/bin/tsc'
const wasm32 = ['--target', 'wasm32-unknown-unknown']

/**
 * `cpu` is what a part takes, in CPU seconds; the lints add it up. Parts of one lane run one after
 * the other, beside those of the other lane; `alone` are those whose tests measure time, at the
 * end. In a lane the quick ones that often fail come first.
 */
export const parts = [
  { name: 'lints', lane: 'cargo', cpu: 90, needs: ['npm', 'package'], run: lints },
  {
    name: 'rust',
    lane: 'cargo',
    cpu: 350,
    needs: ['build'],
    // one after the other: the long ones use every core themselves, and each has its own time
    run: watch => cargo(watch, [...tests, '--', '--test-threads=1']),
  },
  {
    name: 'wasm-node',
    lane: 'cargo',
    cpu: 180,
    needs: ['build', 'runner'],
    run: watch =>
      wasm(watch, ['wasm_worker::', 'wasm_idb::'], { WASM_BINDGEN_TEST_ONLY_NODE: '1' }),
  },
  {
    name: 'wasm-chromium',
    lane: 'cargo',
    cpu: 15,
    needs: ['build', 'runner', 'browsers'],
    run: watch => worker(watch, 'CHROMEDRIVER', 'chromedriver'),
  },
  {
    name: 'wasm-firefox',
    lane: 'cargo',
    cpu: 25,
    needs: ['build', 'runner', 'browsers'],
    run: watch => worker(watch, 'GECKODRIVER', 'geckodriver'),
  },
  { name: 'shipped', lane: 'cargo', cpu: 100, needs: ['package'], run: shipped },
  { name: 'js', lane: 'node', cpu: 120, needs: ['package'], run: watch => node(watch, 'tests/js') },
  {
    name: 'runtimes',
    lane: 'node',
    cpu: 30,
    needs: ['package', 'runtimes'],
    run: watch => node(watch, 'tests/runtimes'),
  },
  { name: 'types', lane: 'node', cpu: 25, needs: ['package'], run: types },
  {
    name: 'browser',
    lane: 'alone',
    cpu: 350,
    needs: ['package', 'browsers'],
    run: watch => node(watch, 'tests/browser'),
  },
]

/** Formatters, linters, the JavaScript against its types, and the figures above: one check each. */
async function lints(watch) {
  const clippy = ['clippy', '--locked', '--all-targets']
  const builder = ['--manifest-path', 'scripts/bindgen/Cargo.toml']
  const sum = await checks(watch, [
    ['cargo', 'fmt', '--check'],
    ['cargo', 'fmt', '--check', ...builder],
    ['cargo', ...clippy, '--', '-D', 'warnings'],
    ['cargo', ...clippy, ...wasm32, '--', '-D', 'warnings'],
    [
      'node',
      'node_modules/@biomejs/biome/bin/biome',
      'ci',
      '--colors=off',
      '--error-on-warnings',
      '.',
    ],
    // the engine's types first, by which its calls are checked
    ...['engine', 'checked'].map(name => ['node', tsc, '-p', `tests/types/${name}`]),
    ['node', 'tests/types/checked/parameters.js'],
  ])
  const declared = parts.reduce((all, { cpu }) => all + cpu, SETUP)
  const fits = declared <= BUDGET
  if (!fits)
    console.log(
      `failed: scripts/parts.mjs declares ${declared} CPU seconds, and the budget is ${BUDGET}: make a part cheaper, its depth is for \`npm run soak\``,
    )
  sum[fits ? 'passed' : 'failed'] += 1
  return sum
}

/** The crate's own tests and the one binary of tests/. */
const tests = ['test', '--locked', '--no-fail-fast', '--lib', '--test', 'all']

/** The simulator over the built package, in Node, against a native run of the same seeds. */
async function shipped(watch) {
  const made = await buildShipped(watch)
  if (made.failed > 0) return { ...made, passed: 0 }
  const ran = await node(watch, 'tests/shipped')
  return { ...ran, cpu: made.cpu + ran.cpu }
}

/** The simulator natively, and its world as wasm. */
export function buildShipped(watch) {
  const example = ['build', '--locked', '--profile', 'test', '--example']
  const wasm = join(target, 'wasm32-unknown-unknown', 'debug', 'examples', 'sim_shipped.wasm')
  return checks(watch, [
    ['cargo', ...example, 'sim'],
    ['cargo', ...example, 'sim_shipped', ...wasm32],
    [bindgen, wasm, join(root, '.build', 'sim'), 'sim'],
  ])
}

/**
 * The hand-written types: against files that use them, through the built package's exports; what
 * editors show of them; and whether the check of the JavaScript by them can fail.
 */
async function types(watch) {
  const used = await checks(watch, [['node', tsc, '--noEmit', '-p', 'tests/types']])
  const ran = await node(watch, 'tests/types')
  return {
    ...ran,
    passed: used.passed + ran.passed,
    failed: used.failed + ran.failed,
    cpu: used.cpu + ran.cpu,
  }
}

/** The tests as wasm, without the modules that need what is not there, in Node or told where. */
function wasm(watch, without, env) {
  const skipped = without.flatMap(name => ['--skip', name])
  return cargo(watch, [...tests, ...wasm32, '--', ...skipped], {
    WASM_BINDGEN_TEST_TIMEOUT: '300',
    ...env,
  })
}

/** The same tests in a dedicated worker, where OPFS has its synchronous handles. */
function worker(watch, variable, driver) {
  const path = output('sh', ['-c', `command -v ${driver}`])?.trim()
  const where = { WASM_BINDGEN_TEST_ONLY_WEB: '1', WASM_BINDGEN_USE_DEDICATED_WORKER: '1' }
  return wasm(watch, ['wasm_node::'], { ...where, [variable]: path })
}

async function cargo(watch, args, env) {
  return count(await watch('cargo', args, { env, minutes: 30 }), 'cargo')
}

/**
 * node:test's files under a directory, one after the other: they own browsers, ports and processes.
 */
async function node(watch, directory) {
  const found = [...files(directory, '.test.js'), ...files(directory, '.test.mjs')]
  if (found.length === 0) return none()
  const args = [
    '--test',
    '--test-concurrency=1',
    '--test-timeout=300000',
    '--test-reporter=spec',
    ...found,
  ]
  return count(await watch('node', args, { minutes: 30 }), 'node')
}

/** Commands that only succeed or fail. All run: a person wants to see every complaint at once. */
async function checks(watch, commands) {
  const sum = { passed: 0, failed: 0, cpu: 0, slow: [] }
  for (const [command, ...args] of commands) {
    const { status, cpu } = await watch(command, args)
    sum[status === 0 ? 'passed' : 'failed'] += 1
    sum.cpu += cpu
    if (status !== 0) console.log(`failed: ${command} ${args.join(' ')}`)
  }
  return sum
}

/** A part without tests is a failure: somebody moved them. */
const none = () => ({ passed: 0, failed: 0, cpu: 0, slow: [] })

function files(directory, ending) {
  if (!existsSync(join(root, directory))) return []
  const found = readdirSync(join(root, directory), { recursive: true })
  return found
    .filter(name => name.endsWith(ending) && !name.includes('node_modules'))
    .map(name => join(directory, name))
    .sort()
}
