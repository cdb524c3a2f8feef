// `Model`: driftdb's classes with static methods. `db.registerModel` gives the class its repository
// (`_repo`; of two databases the last one's), and the methods hand on to it.

import { Repository } from './repository.js'

/** A subclass says `static tableName` and `static schema`. Records are its instances. */
export class Model {}

for (const name of Object.getOwnPropertyNames(Repository.prototype)) {
  if (name === 'constructor') continue
  /** @this {typeof Model & {_repo: Record<string, any>}} */
  const method = function (...args) {
    // a class does not work on its parent's table
    if (!Object.hasOwn(this, '_repo')) throw new TypeError(unregistered(this.name))
    return this._repo[name](...args)
  }
  Object.defineProperty(Model, name, { value: method, writable: true, configurable: true })
}

const unregistered = name => `Model ${name} has no database: call db.registerModel(${name})`
