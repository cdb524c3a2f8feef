// Platform of Cloudflare's workerd: the wasm is a module that was compiled when the worker was
// deployed, for compiling bytes is refused there. There are no files: databases are in memory or,
// through an adapter, a Durable Object's.
import wasm from '../engine/tidelog_bg.wasm'

/** The engine's wasm, as `init` of the generated tidelog.js takes it. */
export const loadWasm = async () => wasm

/** There is none. */
export function openFile(wanted) {
  const what = wanted ? `storage: '${wanted}'` : 'file: a path'
  throw new TypeError(
    `${what} is not there in workerd: use file: ':memory:' or adapter: fromDurableObject(ctx)`,
  )
}
