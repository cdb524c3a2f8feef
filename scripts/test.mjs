// Runs every test, or the parts named: `npm test -- rust js`; `npm test -- --list` shows them.
// Parts that share nothing run side by side. Each part ends with `name: N passed, N failed`, the
// whole with `N passed, N failed`. Fails when a test failed, or when a part ran none.
import { build } from './build.mjs'
import { BUDGET, parts } from './parts.mjs'
import { setup } from './setup.mjs'
import { watch } from './watch.mjs'

/** A part that takes so many times what it declares is named at the end. */
const MUCH = 1.5

const wanted = process.argv.slice(2)
if (wanted[0] === '--list') {
  for (const { name, cpu } of parts) console.log(`${name.padEnd(14)} ${cpu} CPU s`)
  process.exit()
}
const unknown = wanted.filter(name => !parts.some(part => part.name === name))
if (unknown.length > 0) {
  console.error(`there is no part '${unknown[0]}': ${parts.map(({ name }) => name).join(' ')}`)
  process.exit(2)
}
const chosen = parts.filter(({ name }) => wanted.length === 0 || wanted.includes(name))

const began = performance.now()
for (const need of new Set(chosen.flatMap(({ needs }) => needs))) {
  if (need === 'package') build()
  else setup(need)
}
console.log(`== set-up took ${seconds(began)} s`)

const results = new Map()
const lane = async name => {
  for (const part of chosen.filter(part => part.lane === name)) results.set(part, await run(part))
}
await Promise.all([lane('cargo'), lane('node')])
await lane('alone')

async function run({ name, cpu: declared, run }) {
  const start = performance.now()
  console.log(`\n== ${name}`)
  const prefix = chosen.length > 1 ? `${name} | ` : ''
  const { passed, failed, cpu, slow } = await run((command, args, options) =>
    watch(command, args, { prefix, ...options }),
  )
  const empty = passed + failed === 0
  if (empty) console.log(`part '${name}' ran no test`)
  console.log(`== ${name} took ${seconds(start)} s, ${cpu.toFixed(0)} CPU s of ${declared}`)
  return { name, passed, failed: empty ? 1 : failed, wall: seconds(start), cpu, declared, slow }
}

const all = chosen.map(part => results.get(part))
const total = key => all.reduce((sum, result) => sum + result[key], 0)

console.log('\npart             wall    CPU   of')
for (const { name, wall, cpu, declared, slow } of all) {
  const figures = [`${wall} s`.padStart(8), cpu.toFixed(0).padStart(6), `${declared}`.padStart(5)]
  console.log(`${name.padEnd(13)}${figures.join('')}`)
  for (const [test, ms] of slow)
    console.log(`${`${(ms / 1000).toFixed(1)} s`.padStart(21)}  ${test}`)
}
const whole = `${seconds(began)} s`.padStart(8)
console.log(`all          ${whole}${total('cpu').toFixed(0).padStart(6)}${`${BUDGET}`.padStart(5)}`)
for (const { name, cpu, declared } of all.filter(({ cpu, declared }) => cpu > MUCH * declared))
  console.log(`${name} took ${cpu.toFixed(0)} CPU s, and scripts/parts.mjs says ${declared}`)

console.log()
for (const { name, passed, failed } of all)
  console.log(`${name}: ${passed} passed, ${failed} failed`)
console.log(`${total('passed')} passed, ${total('failed')} failed`)
process.exit(total('failed') > 0 ? 1 : 0)

function seconds(since) {
  return Math.round((performance.now() - since) / 1000)
}
