// The parts of `npm test`: what each needs, runs, and how its output is counted. Which of them run
// and how they add up is test.mjs's business.
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { must, output, root, target, watch } from './shell.mjs'

const tsc = 'node_modules/typescript/bin/tsc'
const wasm32 = ['--target', 'wasm32-unknown-unknown']

/** In order: what is quick and fails often comes first. */
export const parts = [
  { name: 'lints', needs: ['package'], run: lints },
  { name: 'rust', needs: ['build'], run: () => cargo(['test', '--locked', '--no-fail-fast']) },
  { name: 'wasm-node', needs: ['build'], run: () => wasm({ WASM_BINDGEN_TEST_ONLY_NODE: '1' }) },
  {
    name: 'wasm-chromium',
    needs: ['build', 'browsers'],
    run: () => worker('CHROMEDRIVER', 'chromedriver'),
  },
  {
    name: 'wasm-firefox',
    needs: ['build', 'browsers'],
    run: () => worker('GECKODRIVER', 'geckodriver'),
  },
  { name: 'js', needs: ['package'], run: () => node('tests/js') },
  { name: 'runtimes', needs: ['package', 'runtimes'], run: () => node('tests/runtimes') },
  { name: 'shipped', needs: ['package'], run: shipped },
  { name: 'types', needs: ['package'], run: types },
  { name: 'browser', needs: ['package', 'browsers'], run: () => node('tests/browser') },
]

/** Formatters, linters, and the JavaScript against its types: one check each. */
function lints() {
  const clippy = ['clippy', '--locked', '--all-targets']
  return checks([
    ['cargo', 'fmt', '--check'],
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
}

/**
 * The simulator over the built package: its world as wasm, in Node, against a native run of the
 * same seeds.
 */
async function shipped() {
  const example = ['build', '--locked', '--profile', 'test', '--example']
  must('cargo', [...example, 'sim'])
  must('cargo', [...example, 'sim_shipped', ...wasm32])
  const wasm = join(target, 'wasm32-unknown-unknown', 'debug', 'examples', 'sim_shipped.wasm')
  const out = ['--out-dir', join(root, '.build', 'sim'), '--out-name', 'sim']
  must('wasm-bindgen', ['--target', 'web', '--no-typescript', ...out, wasm])
  return node('tests/shipped')
}

/**
 * The hand-written types: against files that use them, through the built package's exports; what
 * editors show of them; and whether the check of the JavaScript by them can fail.
 */
async function types() {
  const used = await checks([
    ['node', tsc, '--noEmit', '-p', 'tests/types'],
    ['node', tsc, '-p', 'tests/types/engine'],
  ])
  const { passed, failed } = await node('tests/types')
  return { passed: used.passed + passed, failed: used.failed + failed }
}

/** The crate's own tests as wasm, in Node or, configured or told so, in a browser. */
function wasm(env) {
  // every crate of tests/ takes part: one that needs files or processes of the host says
  // `cfg(not(target_family))`
  return cargo(['test', '--locked', '--no-fail-fast', '--tests', ...wasm32], {
    WASM_BINDGEN_TEST_TIMEOUT: '300',
    ...env,
  })
}

/** The same tests in a dedicated worker, where OPFS has its synchronous handles. */
function worker(variable, driver) {
  const path = output('sh', ['-c', `command -v ${driver}`])?.trim()
  // suites that say they are for Node ran there already
  const where = { WASM_BINDGEN_TEST_ONLY_WEB: '1', WASM_BINDGEN_USE_DEDICATED_WORKER: '1' }
  return wasm({ ...where, [variable]: path })
}

async function cargo(args, env) {
  return count(await watch('cargo', args, { env, minutes: 30 }), {
    passed: /^test result: .*?(\d+) passed/gm,
    failed: /^test result: .*?(\d+) (?:failed|ignored); (?:(\d+) ignored)?/gm,
  })
}

/**
 * node:test's files under a directory, one after the other: they own browsers, ports and processes.
 */
async function node(directory) {
  const found = [...files(directory, '.test.js'), ...files(directory, '.test.mjs')]
  if (found.length === 0) return none()
  const args = [
    '--test',
    '--test-concurrency=1',
    '--test-timeout=300000',
    '--test-reporter=spec',
    ...found,
  ]
  return count(await watch('node', args), {
    passed: /^ℹ pass (\d+)$/gm,
    failed: /^ℹ (?:fail|cancelled|skipped|todo) (\d+)$/gm,
  })
}

/** Commands that only succeed or fail. All run: a person wants to see every complaint at once. */
async function checks(commands) {
  const sum = { passed: 0, failed: 0 }
  for (const [command, ...args] of commands) {
    const { status } = await watch(command, args)
    sum[status === 0 ? 'passed' : 'failed'] += 1
    if (status !== 0) console.log(`failed: ${command} ${args.join(' ')}`)
  }
  return sum
}

/**
 * Adds up the numbers in the output. A skipped or ignored test counts as failed: nothing is left
 * out quietly.
 */
function count({ status, text }, patterns) {
  const sum = pattern =>
    [...text.matchAll(pattern)]
      .flatMap(found => found.slice(1))
      .reduce((all, n) => all + Number(n ?? 0), 0)
  const counted = { passed: sum(patterns.passed), failed: sum(patterns.failed) }
  // a crash before or between the tests leaves no count behind
  if (status !== 0 && counted.failed === 0) counted.failed = 1
  return counted
}

/** A part without tests is a failure: somebody moved them. */
const none = () => ({ passed: 0, failed: 0 })

function files(directory, ending) {
  if (!existsSync(join(root, directory))) return []
  const found = readdirSync(join(root, directory), { recursive: true })
  return found
    .filter(name => name.endsWith(ending) && !name.includes('node_modules'))
    .map(name => join(directory, name))
    .sort()
}
