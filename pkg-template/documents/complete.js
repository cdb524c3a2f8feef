// Completes a document before it is written: defaults, id, the model's validator, computed values,
// required ones, the columns' validators, and how values are stored. In this order, columns as
// declared, one after the other: each function sees the results of those before it.

import { TidelogError } from '../language/errors.js'
import { nullish } from './kinds.js'
import { put, valueAt, withValueAt } from './paths.js'
import { validator } from './validate.js'

export class Completion {
  /** `columns` are compiled ones; the model's name is for messages. */
  constructor(model, columns, validate) {
    this.model = model
    this.id = columns.find(column => column.isId)
    const others = columns.filter(column => !column.isId)
    const having = (...keys) => others.filter(column => keys.some(key => column[key]))
    // what SQL computes has its default there
    const stored = others.filter(column => column.real || !column.computed)
    this.defaults = stored.filter(
      column => column.default !== undefined && !column.value && !column.slugValue,
    )
    this.values = having('value', 'slugValue')
    this.required = having('required')
    this.hasSlugs = columns.some(column => column.slugValue)
    // of a virtual column what is searched for is stringified, not what is stored
    this.shaped = having('falsyBool', 'alwaysObject', 'stringify').filter(
      column => column.real || column.falsyBool,
    )
    this.aside = having('aside')
    this.validate = validator(validate, model)
    this.validators = columns
      .map(column => ({ column, check: validator(column.validate, `${model}.${column.name}`) }))
      .filter(({ check }) => check)
    /** Whether what a new document lacks may get a value all the same: a part of one must not. */
    this.shapes = this.shaped.some(column => column.stringify)
    /** Whether a part of a document says too little: the whole has to be looked at. */
    this.whole = Boolean(
      this.shaped.some(column => column.stringify && column.steps.length > 1) ||
        this.defaults.length ||
        this.values.length ||
        this.required.length ||
        this.validate ||
        this.validators.length ||
        this.aside.length ||
        having('falsyBool').length ||
        this.hasSlugs,
    )
    /** Whether there is nothing to do but giving an id. */
    this.simple = !this.whole && !this.shaped.length && !this.id.value
    this.integerId = this.id.type === 'INTEGER'
  }

  /** Refuses defaults that no document can hold, before the first write does. */
  checkDefaults(codec) {
    for (const { default: given, steps, stringify } of this.defaults)
      if (!stringify) codec.encodeAt(given, steps, `${this.model}: the default of`)
  }

  /** Those of the columns' values that are in no document, by name. */
  #aside = (column, aside, doc) =>
    Object.hasOwn(aside, column.name) ? aside[column.name] : valueAt(doc, column.steps)

  /**
   * The document as it is to be stored, not encoded yet, with `$aside` if there are such columns.
   * `slugs` chooses those that there are to choose; `self` is what the functions get as `this`.
   */
  async run(self, obj, slugs) {
    let doc = obj
    for (const column of this.defaults)
      if (nullish(valueAt(doc, column.steps))) doc = this.#with(doc, column, column.default)
    doc = await this.#withId(self, doc, slugs)
    if (this.validate) doc = this.#validated(self, doc, await this.validate(self, doc))
    const aside = {}
    for (const column of this.values) {
      const found = await this.#computed(self, column, doc, slugs)
      if (column.aside) aside[column.name] = found
      else if (found !== valueAt(doc, column.steps)) doc = this.#with(doc, column, found)
    }
    for (const column of this.required) {
      if (nullish(this.#aside(column, aside, doc)))
        throw new TidelogError('REQUIRED', `${self.name}.${column.name}: value is required`)
    }
    for (const { column, check } of this.validators) {
      const value = this.#aside(column, aside, doc)
      if (nullish(value)) continue
      const valid = await check(self, value, doc)
      if (column.aside) aside[column.name] = valid
      else if (valid !== value) doc = this.#with(doc, column, valid)
    }
    return this.#shape(doc, aside)
  }

  #with(doc, column, value) {
    return withValueAt(doc, column.steps, value, `${this.model}.${column.name}`)
  }

  async #withId(self, doc, slugs) {
    const { name, value, slugValue } = this.id
    if (slugValue) return { ...doc, [name]: await this.#slug(self, this.id, doc, slugs) }
    if (!nullish(doc[name])) return doc
    const made = value ? await value.call(self, doc) : undefined
    if (!nullish(made)) return { ...doc, [name]: made }
    return this.integerId ? doc : { ...doc, [name]: crypto.randomUUID() }
  }

  /** The document as its validator returned it. */
  #validated(self, doc, valid) {
    const { name } = this.id
    if (typeof valid !== 'object' || valid === null || Array.isArray(valid))
      throw new TidelogError('INVALID', `${self.name}: validate must give an object, not ${valid}`)
    const whole = self._checkObject('validate', valid)
    // a schema that does not know of the id drops it
    return nullish(whole[name]) && !nullish(doc[name]) ? { ...whole, [name]: doc[name] } : whole
  }

  /** A column with `slugValue` or `value`. */
  async #computed(self, column, doc, slugs) {
    if (column.slugValue) return this.#slug(self, column, doc, slugs)
    const found = await column.value.call(self, doc)
    return nullish(found) && column.default !== undefined ? column.default : found
  }

  async #slug(self, column, doc, slugs) {
    const given = valueAt(doc, column.steps)
    if (nullish(given)) return slugs.choose(column, await column.slugValue.call(self, doc), doc)
    slugs.keep(column, given, doc)
    return given
  }

  /** A document of the user's as it is stored, computed values left as they are. */
  stored(doc) {
    return this.#shape(doc, {}).doc
  }

  #shape(given, aside) {
    let doc = given
    for (const column of this.shaped) {
      const { falsyBool, alwaysObject, name } = column
      const value = this.#aside(column, aside, doc)
      let made = value
      if (falsyBool) made = value ? true : undefined
      // it may have a word for nothing
      else if (column.stringify) made = column.stringify(value) ?? undefined
      if (nullish(made) && alwaysObject) made = {}
      if (column.aside) aside[name] = made
      else if (made !== value) doc = this.#with(doc, column, made)
    }
    if (!this.aside.length) return { doc }
    const values = {}
    for (const { name, steps } of this.aside) put(values, name, aside[name] ?? valueAt(doc, steps))
    return { doc, aside: values }
  }
}
