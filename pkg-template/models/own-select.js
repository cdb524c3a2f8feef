// Searches of a model that makes its SELECT itself (`makeSelect` overridden): it may know
// attributes that are no columns, and change what is asked for on its way to ours. Everything that
// searches goes through it, so that all agree. Does not look at documents.

import { TidelogError } from '../language/errors.js'
import { bindings, decode } from './search-attrs.js'

const FIGURES = ['max', 'min', 'sum', 'avg', 'count', 'total']
/** One number comes of a statement. */
const ONE = JSON.stringify({ cols: ['1'], noTotal: true, noCursor: true })

/** The engine's result as text, and the options of its search. */
export function ownSearch(model, engine, given) {
  const { made, search, options } = selected(model, engine, given)
  const [sql, values, , totalSql, totalValues = []] = made
  const { noTotal, noCursor, itemsOnly } = options
  const wanted = noTotal || noCursor || itemsOnly ? undefined : totalSql
  const lists = [values, totalValues].map(list => text(model, list))
  const token = model._inside()
  return {
    options,
    text: engine.searchOwn(model.name, search, sql, lists[0], wanted, lists[1], token),
  }
}

/**
 * The result of `makeSelect`, with the search and the options that it called ours with; where it
 * makes all of its SQL itself, with the given ones.
 */
function selected(model, engine, { attrs, ...options }) {
  let asked = { options, search: undefined }
  const statements = (search, options) => {
    asked = { options, search }
    // with the one row more by which the engine tells whether there are further ones
    return JSON.parse(engine.makeSelect(model.name, search))
  }
  // an object that inherits from the model, as transactions use it
  const asking = Object.create(model, { _statements: { value: statements } })
  const made = asking.makeSelect({ attrs, ...options })
  return { made, ...asked, search: asked.search ?? model._searchText({}, options) }
}

/** The number of rows. */
export function ownCount(model, engine, given) {
  return one(
    model,
    engine,
    { cols: [model.idCol], ...given },
    sql => `SELECT count(*) FROM (${sql})`,
  )
}

/** Whether there is a row. */
export function ownAny(model, engine, given) {
  return one(model, engine, { ...given, cols: ['1'] }, sql => `SELECT EXISTS (${sql})`) === 1
}

/** A figure of the numbers in a column. */
export function ownFigure(model, engine, op, column, given) {
  if (!FIGURES.includes(op.toLowerCase()))
    throw new TidelogError(
      'BAD_VALUE',
      `${model.name}: numAggOp cannot compute '${op}': use ${FIGURES.join(', ')}`,
    )
  const known = Object.hasOwn(model.columns, column) ? model.columns[column] : {}
  // the rest is selected as JSON
  const value = known.computed || (known.real && known.type !== 'JSON') ? 'x' : "x ->> '$'"
  // as the engine counts: text that reads as a number is one
  const number = `CAST(${value} AS NUMERIC)`
  const around = sql =>
    `WITH found(x) AS (${sql}) SELECT ${op}(${number}) FROM found WHERE ${number} = ${value}`
  return one(model, engine, { ...given, cols: [column] }, around)
}

function one(model, engine, given, around) {
  const [sql, values] = model.makeSelect({ ...given, noCursor: true, noTotal: true })
  const list = text(model, values)
  const { items } = JSON.parse(
    engine.searchOwn(model.name, ONE, around(sql), list, undefined, '[]', model._inside()),
  )
  return decode(items[0]['1'])
}

const text = (model, values) => JSON.stringify(bindings(model, 'makeSelect', values))
