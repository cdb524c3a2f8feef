// Makes a search's items from the rows that `cols` selected: values as the columns' types and
// `parse` say, at the columns' paths. Searches nothing.

import { nullish } from '../documents/kinds.js'
import { put, withValueAt } from '../documents/paths.js'
import { fill, parsed } from '../documents/rows.js'
import { columnAt, decode } from './search-attrs.js'

/**
 * Rows of `cols`, their values as the columns' types and `parse` say, at the columns' paths; what
 * is nothing is not there.
 */
export function rowsOf(model, rows, cols) {
  const columns = model.columns ?? {}
  const parts = cols.map(name => {
    const declared = Object.hasOwn(columns, name)
    const column = declared ? columns[name] : columnAt(columns, name)
    return { name, steps: declared ? column.steps : [name], read: reader(model, column) }
  })
  const whole = cols.includes('json')
  return rows.map(row => {
    // SQL may have another name than its text
    for (const key of Object.keys(row)) if (!cols.includes(key)) row[key] = decode(row[key])
    const { json, ...plain } = row
    let made = whole ? { ...plain, ...JSON.parse(json ?? '{}') } : row
    for (const key of Object.keys(row)) if (row[key] === null) delete made[key]
    for (const { name, steps, read } of parts) {
      if (name === 'json') continue
      const value = read(row[name] ?? null)
      if (steps.length > 1 || steps[0] !== name) {
        delete made[name]
        if (!nullish(value)) made = withValueAt(made, steps, value)
      } else if (!nullish(value)) put(made, name, value)
    }
    return model.Item ? fill(new model.Item(), made) : made
  })
}

const asItIs = value => value

/** The function that turns a value of `cols` into the document's. */
function reader(model, column) {
  if (!column?.name) return decode
  const { type } = column
  const revive =
    type === 'DATE' ? date : type === 'JSON' || !(column.real || type) ? asItIs : decode
  return column.parse ? value => parsed(model, column, revive(value)) : revive
}

const date = value => (typeof value === 'number' ? new Date(value) : value)
