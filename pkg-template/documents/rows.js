// Turns stored values into those that applications see: rows of plain SQL into documents (the
// engine does this itself for everything that a model reads), values through the columns' `parse`,
// documents into instances of a class.

import { TidelogError } from '../language/errors.js'
import { put, withValueAt } from './paths.js'

/**
 * The document of a row; `columns` are compiled ones. Values come as they are stored, `parse` is up
 * to the caller.
 */
export function fromRow(columns, row, cols) {
  const wanted = ({ name, get }) => (cols ? cols.includes(name) : get || name === 'json')
  const id = columns.find(column => column.isId)
  let doc = {}
  const at = ({ name, alias }) => row[name] ?? row[alias]
  if (wanted(id) && at(id) !== undefined) put(doc, id.name, at(id))
  const other = columns.find(column => column.name === 'json')
  const json = wanted(other) ? at(other) : undefined
  const rest = typeof json === 'string' ? JSON.parse(json) : (json ?? {})
  for (const key of Object.keys(rest)) put(doc, key, rest[key])
  for (const column of columns) {
    const { name, isId, steps, type, falsyBool, alwaysObject } = column
    if (!wanted(column) || isId || name === 'json') continue
    const value = at(column)
    if (value === null || value === undefined) {
      if (alwaysObject) doc = withValueAt(doc, steps, {})
    } else
      doc = withValueAt(
        doc,
        steps,
        falsyBool ? true : type === 'JSON' ? JSON.parse(value) : tagged(type, value),
      )
  }
  return doc
}

/** Integers are what only the column's type tells apart. */
const tagged = (type, value) =>
  type === 'BIGINT' && typeof value === 'number' ? { $bigint: String(value) } : value

/** A value through its column's `parse`. */
export function parsed(model, column, value, id) {
  try {
    return column.parse(value)
  } catch (cause) {
    throw unreadable(`${model.name}.${column.name}: parse failed for`, id, cause)
  }
}

/** Has an instance of a class take the properties of a document. */
export function fill(item, doc) {
  for (const key of Object.keys(doc)) {
    // what the class has a getter for only is the document's own all the same
    if (key === '__proto__' || !Reflect.set(item, key, doc[key])) own(item, key, doc[key])
  }
  return item
}

const own = (item, key, value) =>
  Object.defineProperty(item, key, { value, writable: true, enumerable: true, configurable: true })

/**
 * An error of the application's own on the way out: of a write it must be known that it has
 * happened.
 */
export function unreadable(what, id, cause) {
  const which = id === undefined ? 'a stored document' : `the stored document '${String(id)}'`
  return new TidelogError('USER', `${what} ${which}: ${cause?.message ?? cause}`, { cause })
}
