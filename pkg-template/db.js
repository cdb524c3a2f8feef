// `DB`: a database with models.

import { JsonModel } from './json-model.js'
import { SQLite } from './sqlite.js'

export class DB extends SQLite {
  #pending = []

  /** Adds a model; its table is made or extended when the database opens. Gives the model. */
  addModel(Model, options = {}) {
    if (typeof Model !== 'function' || !(Model.prototype instanceof JsonModel || Model === JsonModel)) {
      throw new TypeError('addModel: Model must be JsonModel or extend it')
    }
    const model = new Model({ ...options, db: this })
    if (Object.hasOwn(this.store, model.name))
      throw new TypeError(`addModel: '${model.name}' was added already`)
    this.store[model.name] = model
    this.#pending.push(model)
    if (this.engine) this.opened = this.prepareModels()
    return model
  }

  /** Deprecated name of `store`. */
  get models() {
    return this.store
  }

  async prepareModels() {
    for (const model of Object.values(this.store)) await model.prepare(this.engine)
  }
}
