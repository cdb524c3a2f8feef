// Runs every test, or the parts named: `npm test -- rust js`. Each part ends with `name: N passed,
// N failed`, the whole with `N passed, N failed`. Fails when a test failed, or when a part ran
// none.
import { build } from './build.mjs'
import { parts } from './parts.mjs'
import { setup } from './setup.mjs'

const wanted = process.argv.slice(2)
const unknown = wanted.filter(name => !parts.some(part => part.name === name))
if (unknown.length > 0) {
  console.error(`there is no part '${unknown[0]}': ${parts.map(({ name }) => name).join(' ')}`)
  process.exit(2)
}
const chosen = parts.filter(({ name }) => wanted.length === 0 || wanted.includes(name))

const prepared = new Set()
function prepare(need) {
  if (prepared.has(need)) return
  prepared.add(need)
  if (need === 'package') build()
  else setup(need)
}

const results = []
for (const { name, needs, run } of chosen) {
  needs.forEach(prepare)
  const start = performance.now()
  console.log(`\n== ${name}`)
  const { passed, failed } = await run()
  const empty = passed + failed === 0
  if (empty) console.log(`part '${name}' ran no test`)
  results.push({ name, passed, failed: empty ? 1 : failed })
  console.log(`== ${name} took ${((performance.now() - start) / 1000).toFixed(0)} s`)
}

console.log()
for (const { name, passed, failed } of results)
  console.log(`${name}: ${passed} passed, ${failed} failed`)
const total = key => results.reduce((sum, result) => sum + result[key], 0)
console.log(`${total('passed')} passed, ${total('failed')} failed`)
process.exit(total('failed') > 0 ? 1 : 0)
