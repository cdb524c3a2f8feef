// Platform of Node, Bun and Deno: the wasm is the file beside this one; files are the system's.
// `#platform` in package.json chooses between this file and browser.js.
import { readFile } from 'node:fs/promises'
import { systemFs } from './node-files.js'

/** The engine's wasm, as `init` of the generated tidelog.js takes it. */
export const loadWasm = () => readFile(new URL('../engine/tidelog_bg.wasm', import.meta.url))

/** The place of files. */
export function openFile(wanted) {
  if (wanted) throw new TypeError(`storage: '${wanted}' is there in browsers only`)
  return { storage: 'file', fs: systemFs }
}
