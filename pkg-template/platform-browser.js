// What browsers give: the wasm as an asset beside the script, OPFS for files where this realm has its handles.
// Vite, webpack and esbuild look for this very form of `new URL(…)`, copy the file and put its new address here.

/** The engine's wasm, as `init` of the generated tidelog.js takes it. */
export const loadWasm = async () => new URL('./tidelog_bg.wasm', import.meta.url)

/** Where files are. Synchronous handles exist in dedicated workers only, and not in every private window. */
export function openFile() {
  const handles =
    typeof FileSystemFileHandle !== 'undefined' && 'createSyncAccessHandle' in FileSystemFileHandle.prototype
  return handles
    ? { storage: 'opfs', persistence: 'best-effort' }
    : { storage: 'memory', persistence: 'none' }
}
