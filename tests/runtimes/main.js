// Runs the specification in the runtime that runs this file: `main.js ENGINE`. Prints one line: the
// results as JSON.
import process from 'node:process'
import { runAll } from '../spec/index.js'
import { placesOf } from './places.js'

const results = await runAll(await placesOf(process.argv[2]))
console.log(`results: ${JSON.stringify(results)}`)
process.exit(0)
