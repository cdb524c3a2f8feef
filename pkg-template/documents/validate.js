// Validators of documents and columns: a function, or a schema of any library that speaks Standard
// Schema (https://standardschema.dev), such as zod or valibot.

import { TidelogError } from '../language/errors.js'

/**
 * `(self, value, ...more) => Promise<value>` of a `validate` option: what it gives is stored. A
 * function gets `self` as `this`; it refuses by throwing or by false, and may give another value;
 * undefined and true keep the one it got.
 */
export function validator(given, what) {
  if (given === undefined || given === null) return undefined
  const standard = given['~standard']
  if (standard === undefined && typeof given !== 'function')
    throw new TypeError(`${what}: validate must be a function or a Standard Schema`)
  if (standard === undefined)
    return (self, value, ...more) => byFunction(given, self, value, more, what)
  if (standard?.version !== 1 || typeof standard.validate !== 'function')
    throw new TypeError(
      `${what}: validate has '~standard' and is no Standard Schema of version 1: see standardschema.dev`,
    )
  return (_self, value) => bySchema(standard, value, what)
}

async function byFunction(validate, self, value, more, what) {
  let given
  try {
    given = await validate.call(self, value, ...more)
  } catch (cause) {
    throw new TidelogError('INVALID', `${what}: ${cause?.message ?? cause}`, { cause })
  }
  if (given === false)
    throw new TidelogError('INVALID', `${what}: validate refused ${shown(value)}`)
  return given === undefined || given === true ? value : given
}

async function bySchema(standard, value, what) {
  const { issues, value: valid } = await standard.validate(value)
  if (!issues) return valid
  const said = issues.map(({ message, path }) =>
    path?.length ? `${place(path)}: ${message}` : message,
  )
  throw new TidelogError('INVALID', `${what}: ${said.join('; ')}`, { cause: issues })
}

const place = path =>
  path
    .map(step => (typeof step === 'object' ? step.key : step))
    .reduce(
      (text, key) =>
        typeof key === 'number' ? `${text}[${key}]` : text ? `${text}.${String(key)}` : String(key),
      '',
    )

const shown = value => {
  const text =
    typeof value === 'string'
      ? `'${value}'`
      : typeof value === 'object'
        ? 'the document'
        : String(value)
  return text.length > 100 ? `${text.slice(0, 100)}…` : text
}
