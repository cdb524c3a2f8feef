// Formats everything and mends what the linters can mend.
import { setup } from './setup.mjs'
import { must } from './shell.mjs'

setup('npm')
must('cargo', ['fmt'])
must('node', ['node_modules/@biomejs/biome/bin/biome', 'check', '--write', '.'])
