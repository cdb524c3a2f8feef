// The database as a transaction or a hook sees it: the models, bound to it, and refusals of methods
// that concern the whole database. The database's object itself is made by SQLite.

import { TidelogError } from '../language/errors.js'

/** Models that work inside a transaction, whose database is `db`. */
export function bound(store, token, db) {
  const inside = {}
  for (const [name, model] of Object.entries(store))
    inside[name] = insideOf(model, token, inside, db)
  return inside
}

/**
 * The methods that hooks and transactions refuse: the database object there is theirs alone, and
 * nobody else would know of a change to it.
 */
export function ofTheWhole({ name }, when) {
  const refusal = what => new TidelogError('BAD_VALUE', `${name}: ${what} ${when}`)
  const addModel = () => {
    throw refusal('no model can be added')
  }
  return {
    close: async () => Promise.reject(refusal('the database cannot be closed')),
    addModel,
    _made: addModel,
  }
}

/** A model that works inside a transaction, or that a hook has while the database opens. */
export function insideOf(model, token, store, db) {
  // a class of the application's own knows its database only
  const inside = model._boundTo?.(token, store) ?? Object.create(model)
  return Object.defineProperty(inside, 'db', { value: db })
}
