// Places in documents as migrations change them: values are moved, replaced and taken out of the
// very document, which nobody else has. documents/paths.js is for documents that others have as
// well.

import { nullish } from '../documents/kinds.js'

/** Whether a step leads on: an index into an array, a name into an object. */
const leads = (value, step) =>
  typeof value === 'object' && value !== null && Array.isArray(value) === (typeof step === 'number')
const owns = (value, step) => leads(value, step) && Object.hasOwn(value, step)
/** The value at a path, undefined where there is none. */
export const at = (doc, steps) =>
  steps.reduce((value, step) => (owns(value, step) ? value[step] : undefined), doc)

/** Takes the value at a path out of a document and gives it; in an array null takes its place. */
export function take(doc, steps) {
  const parent = at(doc, steps.slice(0, -1))
  const step = steps.at(-1)
  if (!owns(parent, step)) return undefined
  const value = parent[step]
  if (!Array.isArray(parent)) delete parent[step]
  else if (value === null) return undefined
  else parent[step] = null
  return value
}

/** Puts a value at a path; false when something else is on the way. */
export function put(doc, steps, value) {
  let parent = doc
  for (const [i, step] of steps.entries()) {
    if (!leads(parent, step)) return false
    if (i === steps.length - 1) define(parent, step, value)
    else if (!owns(parent, step)) define(parent, step, typeof steps[i + 1] === 'number' ? [] : {})
    parent = parent[step]
  }
  return true
}

/** As JSON.parse does, also for `__proto__`. */
const define = (object, name, value) =>
  Object.defineProperty(object, name, {
    value,
    enumerable: true,
    configurable: true,
    writable: true,
  })

/** Moves a value; a document that has something at its new place stays as it is. */
export function move(doc, from, to) {
  const value = at(doc, from)
  if (nullish(value) || !nullish(at(doc, to)) || !put(doc, to, value)) return false
  take(doc, from)
  return true
}
