// Assertions for runtimes that have no node:assert. As strict, with as much said as one needs.

function show(value) {
  const text = JSON.stringify(value, (_, v) => {
    if (typeof v === 'bigint') return `${v}n`
    if (v instanceof Uint8Array) return `bytes ${[...v]}`
    return v === undefined ? 'undefined' : v
  })
  return text?.length > 1000 ? `${text.slice(0, 1000)}…` : text
}

function fail(message, what) {
  throw new Error(message ? `${message} (${what})` : what)
}

export function ok(value, message) {
  if (!value) fail(message, `${show(value)} is not truthy`)
}

export function equal(actual, expected, message) {
  if (!Object.is(actual, expected)) fail(message, `${show(actual)} is not ${show(expected)}`)
}

export function deepEqual(actual, expected, message) {
  if (!same(actual, expected)) fail(message, `${show(actual)} is not like ${show(expected)}`)
}

export function match(text, pattern, message) {
  if (!pattern.test(text)) fail(message, `${show(text)} does not match ${pattern}`)
}

/**
 * `expected`: a class, a pattern for the message, an object of properties (patterns allowed), or a
 * function.
 */
export async function rejects(promise, expected, message) {
  const error = await promise.then(
    () => fail(message, 'it did not reject'),
    error => error,
  )
  check(error, expected, message)
}

export function throws(fn, expected, message) {
  let error
  try {
    fn()
  } catch (thrown) {
    error = thrown
  }
  if (error === undefined) fail(message, 'it did not throw')
  check(error, expected, message)
}

function check(error, expected, message) {
  const not = what => fail(message, `${error?.stack ?? error} ${what}`)
  if (expected === undefined) return
  if (expected instanceof RegExp)
    return expected.test(String(error)) || not(`does not match ${expected}`)
  if (typeof expected === 'object') {
    for (const [key, wanted] of Object.entries(expected)) {
      const there = wanted instanceof RegExp ? wanted.test(error[key]) : same(error[key], wanted)
      if (!there) not(`has ${key} ${show(error[key])}, not ${wanted}`)
    }
    return
  }
  if (expected === Error || expected.prototype instanceof Error) {
    return error instanceof expected || not(`is no ${expected.name}`)
  }
  expected(error)
}

function same(a, b) {
  if (Object.is(a, b)) return true
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false
  if (a instanceof Uint8Array || Array.isArray(a) || a instanceof Date) {
    if (a.constructor !== b.constructor) return false
    if (a instanceof Date) return a.getTime() === b.getTime()
    if (a.length !== b.length) return false
  }
  if (Array.isArray(b) !== Array.isArray(a)) return false
  const [left, right] = [Object.keys(a), Object.keys(b)]
  return (
    left.length === right.length && left.every(key => Object.hasOwn(b, key) && same(a[key], b[key]))
  )
}
