// A search as text for the engine (src/model/search.rs): the options of `search` checked, and
// written with the conditions as one JSON text. Runs nothing.

import { nullish } from '../documents/kinds.js'
import { advice } from '../language/nearest.js'
import { bindings, conditions, findColumn, isPlain, show } from './search-attrs.js'

const whole = { fits: value => Number.isSafeInteger(value) && value >= 0, takes: 'a whole number' }
const string = { fits: value => typeof value === 'string', takes: 'a string' }
const flag = { fits: value => typeof value === 'boolean', takes: 'true or false' }
const isName = value => typeof value === 'string' && value !== ''
const names = {
  fits: value => Array.isArray(value) && value.length > 0 && value.every(isName),
  takes: 'an array of columns',
}
/** Looked at where it is used. */
const other = { fits: () => true }
const OPTIONS = {
  ...{ limit: whole, offset: whole, sort: other, cursor: string, noTotal: flag, noCursor: flag },
  ...{ itemsOnly: flag, where: other, join: string, joinVals: other, cols: names, distinct: flag },
  snippet: other,
}

/** A search as the engine reads it. */
export function searchText(model, attrs, options, more) {
  if (!isPlain(options)) throw new TypeError(`${model.name}.search: options must be an object`)
  const given = Object.keys(options)
  const unknown = given.filter(name => !Object.hasOwn(OPTIONS, name))
  if (unknown.length) {
    throw new TypeError(
      `${model.name}.search: unknown options ${unknown.join(', ')}: use ${Object.keys(OPTIONS).join(', ')}`,
    )
  }
  for (const name of given) {
    const { fits, takes } = OPTIONS[name]
    if (!nullish(options[name]) && !fits(options[name]))
      throw new TypeError(
        `${model.name}.search: ${name} must be ${takes}, not ${show(options[name])}`,
      )
  }
  const sign = options.cols?.find(name => name.startsWith('$'))
  if (sign)
    throw new TypeError(
      `${model.name}.search: cols has no '${sign}': the options sort: {$rank: 1} and snippet give $rank and $snippet`,
    )
  const { limit, offset, sort, cursor, itemsOnly, noTotal, noCursor, distinct } = options
  const { where, join, joinVals, cols, snippet } = options
  const node = conditions(model, attrs, where, more?.strict)
  return JSON.stringify({
    where: node[1].length ? node : undefined,
    sort: nullish(sort) ? undefined : order(model, sort),
    limit: limit || undefined,
    offset: offset ?? undefined,
    cursor: cursor || undefined,
    noTotal: Boolean(noTotal || itemsOnly) || undefined,
    noCursor: Boolean(noCursor || itemsOnly) || undefined,
    distinct: Boolean(distinct) || undefined,
    cols: cols ?? undefined,
    join: join || undefined,
    joinVals: nullish(joinVals) ? undefined : bindings(model, 'joinVals', joinVals),
    snippet: nullish(snippet) ? undefined : snippets(model, snippet),
    ...more,
  })
}

/** `{column: n}`: by |n| ascending, negative is descending, 0 ignored. */
function order(model, sort) {
  if (!isPlain(sort)) throw new TypeError(`${model.name}.search: sort must be an object`)
  const columns = Object.entries(sort).filter(([, n]) => !nullish(n))
  const bad = columns.find(([, n]) => typeof n !== 'number' || Number.isNaN(n))
  if (bad) throw new TypeError(`${model.name}.search: sort.${bad[0]} must be a number`)
  const used = columns.filter(([, n]) => n !== 0).sort(([, a], [, b]) => Math.abs(a) - Math.abs(b))
  for (const [name] of used) if (name !== '$rank') findColumn(model, name)
  return used.map(([name, n]) => [name, n < 0])
}

function snippets(model, snippet) {
  if (!isPlain(snippet)) throw new TypeError(`${model.name}.search: snippet must be {column: {…}}`)
  const known = { before: 'string', after: 'string', ellipsis: 'string', tokens: 'number' }
  const made = {}
  for (const [name, options] of Object.entries(snippet)) {
    findColumn(model, name)
    if (options !== true && !isPlain(options))
      throw new TypeError(`${model.name}.search: snippet.${name} must be true or an object`)
    for (const [key, value] of Object.entries(options === true ? {} : options)) {
      const what = `${model.name}.search: snippet.${name}`
      if (!Object.hasOwn(known, key))
        throw new TypeError(`${what} has no '${key}': ${advice(key, known)}`)
      if (typeof value !== known[key])
        throw new TypeError(`${what}.${key} must be a ${known[key]}, not ${show(value)}`)
    }
    made[name] = options === true ? {} : options
  }
  return made
}
