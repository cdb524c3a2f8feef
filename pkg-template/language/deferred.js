// A promise to be settled from outside: Promise.withResolvers is missing in Node 20.

/**
 * @typedef {{
 *   promise: Promise<any>,
 *   resolve: (value?: unknown) => void,
 *   reject: (error: unknown) => void,
 * }} Deferred
 */

export function deferred() {
  const made = /** @type {Deferred} */ ({})
  made.promise = new Promise((resolve, reject) => Object.assign(made, { resolve, reject }))
  return made
}
