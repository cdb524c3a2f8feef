// Runs the simulator at length: `npm run sim -- --seeds N --steps M [--seed S]`. examples/sim.rs
// reads the options.
import { setup } from './setup.mjs'
import { must } from './shell.mjs'

setup('build')
// the profile of the tests: quick, overflow is noticed, and nothing is compiled twice
const build = ['run', '--quiet', '--locked', '--profile', 'test', '--example', 'sim']
must('cargo', [...build, '--', ...process.argv.slice(2)])
