// Formats everything and mends what the linters can mend.
import { optionsOf } from './options.mjs'
import { setup } from './setup.mjs'
import { must } from './shell.mjs'

optionsOf({})
setup('npm')
must('cargo', ['fmt'])
must('node', ['node_modules/@biomejs/biome/bin/biome', 'check', '--write', '.'])
