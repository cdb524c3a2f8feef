// `DB`: a database with models.

import { Tables } from './define.js'
import { JsonModel } from './json-model.js'

export class DB extends Tables {
  /** Adds a model; its table is made or extended when the database opens. Gives the model. */
  addModel(Model, options = {}) {
    if (typeof Model !== 'function' || !(Model.prototype instanceof JsonModel || Model === JsonModel)) {
      throw new TypeError('addModel: Model must be JsonModel or extend it')
    }
    const model = new Model({ ...options, db: this })
    if (Object.hasOwn(this.store, model.name))
      throw new TypeError(`addModel: '${model.name}' was added already`)
    this.store[model.name] = model
    if (this.engine) this.prepareLate(model)
    return model
  }

  /** A model added to an open database: calls wait until its table is there. */
  prepareLate(model) {
    const engine = this.engine
    const before = this.settling ?? Promise.resolve()
    const settling = before.then(() => model.prepare(engine))
    const settled = () => {
      if (this.settling === settling) this.settling = undefined
    }
    this.settling = settling
    settling.then(settled, settled)
  }

  /** Deprecated name of `store`. */
  get models() {
    return this.store
  }

  async prepareModels() {
    for (const model of Object.values(this.store)) await model.prepare(this.engine)
  }
}
