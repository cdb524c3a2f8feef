// Where browsers get the wasm from: an asset beside the script. Vite, webpack and esbuild look for this very form
// of `new URL(…)`, copy the file and put its new address here.

/** The engine's wasm, as `init` of the generated tidelog.js takes it. */
export const loadWasm = async () => new URL('./tidelog_bg.wasm', import.meta.url)
