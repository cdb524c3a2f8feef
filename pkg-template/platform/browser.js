// Platform of browsers: the wasm is an asset beside the script; files are in OPFS, IndexedDB or
// memory. Vite, webpack and esbuild look for this very form of `new URL(…)`, copy the file and put
// its new address here.

/** The engine's wasm, as `init` of the generated tidelog.js takes it. */
export const loadWasm = async () => new URL('../engine/tidelog_bg.wasm', import.meta.url)

/** The place of files: the engine finds the best storage by trying, unless one is wanted. */
export const openFile = (wanted = 'browser') => ({ storage: wanted })
