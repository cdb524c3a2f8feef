// Calls the users' functions of an EventSourcingDB for the engine, in their phases. A phase in
// which no function returns a promise returns none either, and costs no turn of the event loop.

import { inPhase } from '../sql/waits.js'

const KINDS = ['preprocessor', 'reducer', 'deriver']

/**
 * What a function is called with. The models are made when one is asked for: most reducers need
 * none.
 */
class Arguments {
  #open
  #name
  #store
  isMainEvent = true

  constructor(name, open, event, more) {
    this.#name = name
    this.#open = open
    this.event = event
    Object.assign(this, more)
  }

  get store() {
    this.#store ??= this.#open()
    return this.#store
  }

  get model() {
    return this.store[this.#name]
  }
}

export class Phases {
  #db
  /** @type {Record<string, {name: string, fn: (argument: any) => any}[]>} */
  #of = { preprocessor: [], reducer: [], deriver: [] }

  constructor(db) {
    this.#db = db
  }

  /** Takes a model's functions, from its definition or static members of its class. */
  add(model, definition, Model) {
    for (const kind of KINDS) {
      const fn = definition[kind] ?? (Object.hasOwn(Model, kind) ? Model[kind] : undefined)
      if (fn === undefined) continue
      if (typeof fn !== 'function') throw new TypeError(`${model.name}.${kind} must be a function`)
      this.#of[kind].push({ name: model.name, fn })
    }
  }

  get preprocesses() {
    return this.#of.preprocessor.length > 0
  }

  get reduces() {
    return this.#of.reducer.length > 0
  }

  get derives() {
    return this.#of.deriver.length > 0
  }

  /** The models inside a token's transaction, made once for all calls of a phase. */
  #opener(token) {
    let store
    return () => {
      store ??= this.#db._storeInside(token)
      return store
    }
  }

  /** `[type, data]` as changed by the preprocessors, one after the other. */
  preprocess(type, text, v, ts, tv, id, token) {
    let event = { id, v, type, tv, ts, data: JSON.parse(text) }
    const open = this.#opener(token)
    const cache = {}
    const calls = this.#of.preprocessor
    const from = i => {
      for (; i < calls.length; i++) {
        const { name, fn } = calls[i]
        const given = inPhase(
          this.#db.db,
          'preprocessor',
          fn,
          new Arguments(name, open, event, { cache }),
        )
        if (isPromise(given)) return given.then(replace(name)).then(() => from(i + 1))
        replace(name)(given)
      }
      return [event.type, JSON.stringify(event.data ?? null)]
    }
    const replace = name => given => {
      if (given?.error) throw thrown(given.error)
      event = given ?? event
      if (event.v !== v)
        throw new TypeError(
          `preprocessor of ${name}: event.v is the position of the event and must stay ${v}`,
        )
      if (typeof event.type !== 'string')
        throw new TypeError(
          `preprocessor of ${name}: event.type must be a string, not ${String(event.type)}`,
        )
    }
    return from(0)
  }

  /** `{model: result}` as JSON, undefined when no reducer wants anything. */
  reduce(type, text, v, ts, tv, id, token) {
    const event = { id, v, type, tv, ts, data: freeze(JSON.parse(text)) }
    const open = this.#opener(token)
    const cache = {}
    const run = ({ name, fn }) =>
      inPhase(this.#db.db, 'reducer', fn, new Arguments(name, open, event, { cache }))
    const results = this.#of.reducer.map(run)
    return results.some(isPromise)
      ? Promise.all(results).then(all => this.#write(all))
      : this.#write(results)
  }

  #write(results) {
    const wanted = {}
    results.forEach((result, i) => {
      if (result?.error) throw thrown(result.error)
      if (result) wanted[this.#of.reducer[i].name] = result
    })
    return Object.keys(wanted).length ? JSON.stringify(wanted) : undefined
  }

  /** Runs the derivers, with the results that were applied. */
  derive(type, text, v, ts, tv, id, token, applied) {
    const result = JSON.parse(applied)
    const event = { id, v, type, tv, ts, data: freeze(JSON.parse(text)), result }
    const open = this.#opener(token)
    const calls = this.#of.deriver.map(({ name, fn }) =>
      inPhase(
        this.#db.db,
        'deriver',
        fn,
        new Arguments(name, open, event, { result: result[name] }),
      ),
    )
    return calls.some(isPromise) ? Promise.all(calls) : undefined
  }
}

const isPromise = value => typeof value?.then === 'function'
const thrown = error =>
  error instanceof Error
    ? error
    : new Error(typeof error === 'string' ? error : JSON.stringify(error))
const freeze = data => (typeof data === 'object' && data !== null ? Object.freeze(data) : data)
