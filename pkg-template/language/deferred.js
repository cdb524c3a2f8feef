// A promise to be settled from outside: Promise.withResolvers is missing in Node 20.

export function deferred() {
  const made = {}
  made.promise = new Promise((resolve, reject) => Object.assign(made, { resolve, reject }))
  return made
}
