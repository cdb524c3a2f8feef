// Undoes, when a test ends, what it started: the last thing first, and all of it even when some of
// it fails.

/** @type {WeakMap<object, (() => unknown)[]>} */
const started = new WeakMap()

/**
 * Runs `undo` when the test ends; what it throws fails the test. node:test's own hooks run in the
 * order they were given and stop at the first that throws, which would leave a server listening and
 * the process running.
 * @param {import('node:test').TestContext} t
 * @param {() => unknown} undo
 */
export function atEnd(t, undo) {
  const known = started.get(t)
  if (known) {
    known.push(undo)
    return
  }
  const all = [undo]
  started.set(t, all)
  t.after(async () => {
    const errors = []
    while (all.length > 0) {
      try {
        await all.pop()()
      } catch (error) {
        errors.push(error)
      }
    }
    if (errors.length > 0) throw errors[0]
  })
}
