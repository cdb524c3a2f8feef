// Compound indexes of a definition: their keys checked, and filled in for the engine, which makes
// them.

import { advice } from '../language/nearest.js'

const KEYS = ['name', 'columns', 'unique', 'sparse']

/** The indexes for the engine; refuses all but a list of indexes over `columns`, by their names. */
export function compileIndexes(model, indexes, columns) {
  const bad = what => {
    throw new TypeError(`${model}: indexes${what}`)
  }
  if (!Array.isArray(indexes)) bad(' must be an array of {columns, name?, unique?, sparse?}')
  for (const [i, index] of indexes.entries()) {
    if (typeof index !== 'object' || index === null) bad(`[${i}] must be an object`)
    const other = Object.keys(index).find(key => !KEYS.includes(key))
    if (other) bad(`[${i}] has no '${other}': ${advice(other, KEYS)}`)
    const { name, columns: its } = index
    if (name !== undefined && (typeof name !== 'string' || !name))
      bad(`[${i}].name must be a string`)
    if (!Array.isArray(its) || !its.length || its.some(column => typeof column !== 'string'))
      bad(`[${i}].columns must name one column at least, as strings`)
    const unknown = its.find(column => !columns.includes(column))
    if (unknown !== undefined)
      bad(`[${i}]: there is no column '${unknown}': ${advice(unknown, columns)}`)
    for (const key of ['unique', 'sparse'])
      if (index[key] !== undefined && typeof index[key] !== 'boolean')
        bad(`[${i}].${key} must be true or false`)
  }
  return indexes.map(({ name, columns, unique = false, sparse = false }) => ({
    name,
    columns,
    unique,
    sparse,
  }))
}
