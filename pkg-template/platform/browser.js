// What browsers give: the wasm as an asset beside the script, OPFS, IndexedDB or memory for files.
// Vite, webpack and esbuild look for this very form of `new URL(…)`, copy the file and put its new
// address here.

/** The engine's wasm, as `init` of the generated tidelog.js takes it. */
export const loadWasm = async () => new URL('../engine/tidelog_bg.wasm', import.meta.url)

/** Where files are: the engine finds the best storage by trying, unless one is wanted. */
export const openFile = (wanted = 'browser') => ({ storage: wanted })
