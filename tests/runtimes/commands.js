// The commands to run a file in each runtime that has files, as installed by `node
// scripts/setup.mjs runtimes`.
import { join } from 'node:path'

/** The path of a program of tests/runtimes/node_modules. */
export const bin = name => join(import.meta.dirname, 'node_modules', ...name.split('/'))

/** `[program, ...arguments]` before the file's name. */
export const runtimes = {
  'this Node': [process.execPath],
  'Node 26': [bin('node/bin/node')],
  Bun: [bin('bun/bin/bun.exe')],
  Deno: [bin('deno/deno'), 'run', '--quiet', '--allow-all', '--no-lock'],
}
