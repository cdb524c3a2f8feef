// Runs the crash loop at length: `npm run crash -- --seeds N`, or one point of it again: `npm run
// crash -- --point P`. What a seed and a point are is tests/crash's business.
import { parseArgs } from 'node:util'
import { setup } from './setup.mjs'
import { must } from './shell.mjs'

const { values } = parseArgs({ options: { seeds: { type: 'string' }, point: { type: 'string' } } })
if (values.seeds) process.env.CRASH_SEEDS = values.seeds
if (values.point) process.env.CRASH_POINT = values.point
setup('build')
must('cargo', ['test', '--quiet', '--locked', '--test', 'crash', 'whatever'])
