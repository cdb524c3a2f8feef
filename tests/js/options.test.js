// The options of the scripts: what is wrong is told in one line, before anything is built.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { text as all } from 'node:stream/consumers'
import { test } from 'node:test'
import { amount, oneOf, read, text, whole } from '../../scripts/options.mjs'

const root = join(import.meta.dirname, '..', '..')
const spec = {
  seed: whole(),
  ports: whole(1, 9),
  time: amount,
  only: oneOf(['a', 'b']),
  file: text,
}

test('values are read, in both forms, and what is not given is not there', () => {
  assert.deepEqual(read(spec, ['--seed', '7', '--time=0.5', '--only', 'b', '--file', '-']), {
    ...{ seed: 7, time: 0.5, only: 'b', file: '-' },
  })
  assert.deepEqual(read(spec, []), {})
  assert.deepEqual(read({}, []), {})
})

test('what is wrong is refused by name', () => {
  const refused = (args, message, of = spec) => assert.throws(() => read(of, args), { message })
  refused(['--nope'], /^there is no option '--nope'; there are: --seed --ports /)
  refused(['--nope'], /there are: none$/, {})
  refused(['--toString', 'x'], /no option/)
  refused(['-s', '1'], /no option '-s'/)
  refused(['--no-seed'], /no option/)
  refused(['x'], /^'x' is not an option/)
  refused(['--', 'x'], /is not an option/)
  refused(['--seed'], /^--seed needs a value/)
  refused(['--seed', '--only', 'a'], /^--seed needs a value/)
  refused(['--seed', '1', '--seed', '2'], /^--seed is given twice/)
  for (const wrong of ['x', '-3', '1.5', '1e3', '', ' 1', '9007199254740993'])
    refused([`--seed=${wrong}`], /is wrong: a whole number from 0 to 9007199254740991 is needed$/)
  refused(['--seed', '-3'], /^--seed '-3' is wrong/)
  for (const wrong of ['0', '10']) refused(['--ports', wrong], /from 1 to 9/)
  for (const wrong of ['x', '-1', '.', 'NaN', 'Infinity', ''])
    refused([`--time=${wrong}`], /number/)
  refused(['--only', 'c'], /^--only 'c' is wrong: choose one of: a, b$/)
  refused(['--file='], /empty/)
})

const WRONG = [
  ['soak', '--minutes', 'x'],
  ['soak', '--minutes'],
  ['soak', '--seed', 'x'],
  ['soak', '--only', 'x'],
  ['soak', '--nope'],
  ['crash', '--nope'],
  ['crash', '--seeds', 'x'],
  ['crash', '--seeds', '-3'],
  ['crash', '--seeds', '0'],
  ['bench', '--nope'],
  ['bench', '--browser', 'ie'],
  ['bench', '--rounds', 'x'],
  ['bench', '--only', 'x'],
  ['bench', '--against', 'docs'],
  ['bench', '--json', 'docs/none/x.json'],
  ['sim', '--nope'],
  ['sim', '--seeds', '0'],
  ['sim', '--backend', 'x'],
  ['build', '--nope'],
  ['fix', '--nope'],
  ['start', '--nope'],
]

/** `[exit code, stdout, stderr]` of a script. */
async function run(script, args, env = {}) {
  const child = spawn(process.execPath, [join('scripts', `${script}.mjs`), ...args], {
    cwd: root,
    env: { ...process.env, ...env },
    timeout: 30_000,
  })
  const code = new Promise(resolve => child.once('exit', resolve))
  return Promise.all([code, all(child.stdout), all(child.stderr)])
}

function isRefused([code, out, line], about) {
  assert.equal(code, 2, `${about}: ${out}${line}`)
  assert.equal(out, '', about)
  assert.match(line, /^[^\n]+\n$/, about)
}

test('each script refuses in one line, with exit code 2', async () => {
  for (const [script, ...args] of WRONG)
    isRefused(await run(script, args), [script, ...args].join(' '))
})

test('npm start refuses a port that is none', async () => {
  for (const PORT of ['abc', '70000', ''])
    isRefused(await run('start', [], { PORT }), `PORT=${PORT}`)
})
