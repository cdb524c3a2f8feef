// Rows of a model's table, as plain SQL gives them, to documents. The engine does this itself for everything a model reads.

import { put, withValueAt } from './paths.js'

/** The document of a row; `columns` are compiled ones. Values come as they are stored, `parse` is up to the caller. */
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
