// What Node, Bun and Deno give: the wasm as the file beside this one, the system's files.
// `#platform` in package.json chooses between this file and browser.js.
import { readFile } from 'node:fs/promises'
import { systemFs } from './node-files.js'

/** The engine's wasm, as `init` of the generated tidelog.js takes it. */
export const loadWasm = () => readFile(new URL('../engine/tidelog_bg.wasm', import.meta.url))

/** Where files are. */
export function openFile(wanted) {
  if (wanted) throw new TypeError(`storage: '${wanted}' is there in browsers only`)
  return { storage: 'file', fs: systemFs }
}
