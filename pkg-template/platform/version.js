// The version of the package, as tabs tell it each other. `npm run build` writes the real one.
export const VERSION = '0.0.0'
