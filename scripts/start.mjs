// The main job: builds the package and the demo, starts the sync server on its SQLite files, prints
// the address. PORT, HOST and DATA are www/server.js's.
import { join } from 'node:path'
import { build } from './build.mjs'
import { optionsOf, refuse, whole } from './options.mjs'
import { must, root, say } from './shell.mjs'

optionsOf({})
try {
  whole(0, 65_535)(process.env.PORT ?? '8080')
} catch (error) {
  refuse(`PORT=${process.env.PORT} is wrong: ${error.message}`)
}
build()
say('bundling the demo')
must('node', [
  'node_modules/vite/bin/vite.js',
  'build',
  '--logLevel',
  'warn',
  '--config',
  'www/vite.config.js',
])
say('starting the server')
// in this process, so that one Ctrl-C or SIGTERM reaches the server itself
await import(join(root, 'www', 'server.js'))
