// Runs the crash loop at length: `npm run crash -- --seeds N [--first S]`, or one point of it
// again: `npm run crash -- --point P`. tests/crash defines both.
import { parseArgs } from 'node:util'
import { setup } from './setup.mjs'
import { must } from './shell.mjs'

const names = ['seeds', 'first', 'point']
const options = Object.fromEntries(names.map(name => [name, { type: 'string' }]))
for (const [name, value] of Object.entries(parseArgs({ options }).values))
  process.env[`CRASH_${name.toUpperCase()}`] = value
setup('build')
must('cargo', ['test', '--quiet', '--locked', '--test', 'all', 'crash::whatever'])
