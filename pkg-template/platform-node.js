// Where Node, Bun and Deno get the wasm from: the file beside this one. `#platform` in package.json chooses
// between this file and platform-browser.js.
import { readFile } from 'node:fs/promises'

/** The engine's wasm, as `init` of the generated tidelog.js takes it. */
export const loadWasm = () => readFile(new URL('./tidelog_bg.wasm', import.meta.url))
