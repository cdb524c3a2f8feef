// Runs the simulator at length: `npm run sim -- --seeds N --steps M [--seed S]`. examples/sim.rs
// defines the options and knows the mutants; what is plainly wrong is refused before it is built.
import { oneOf, optionsOf, text, whole } from './options.mjs'
import { setup } from './setup.mjs'
import { must } from './shell.mjs'

const options = optionsOf({
  seeds: whole(1),
  steps: whole(1),
  seed: whole(),
  backend: oneOf(['sqlite', 'memory']),
  mutant: text,
  trace: oneOf(['hash', 'text']),
})
const given = Object.entries(options).flatMap(([name, value]) => [`--${name}`, `${value}`])
setup('build')
// the profile of the tests: quick, overflow is noticed, and nothing is compiled twice
const build = ['run', '--quiet', '--locked', '--profile', 'test', '--example', 'sim']
must('cargo', [...build, '--', ...given])
