// The module that a bundler makes of the engine's file for workerd.
declare module '*.wasm' {
  const module: WebAssembly.Module
  export default module
}
