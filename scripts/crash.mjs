// Runs the crash loop at length: `npm run crash -- --seeds N [--first S]`, or one point of it
// again: `npm run crash -- --point P`. tests/crash defines both.
import { optionsOf, text, whole } from './options.mjs'
import { setup } from './setup.mjs'
import { must } from './shell.mjs'

const options = optionsOf({ seeds: whole(1), first: whole(), point: text })
for (const [name, value] of Object.entries(options))
  process.env[`CRASH_${name.toUpperCase()}`] = value
setup('build')
must('cargo', ['test', '--quiet', '--locked', '--test', 'all', 'crash::whatever'])
