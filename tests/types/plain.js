// The same inference in plain JavaScript, by JSDoc where a type is named at all.
import { Column, DB, EventSourcingDB, JsonModel } from 'tidelog'
import { connect } from 'tidelog/client'
import { exactly } from './exactly.js'

/** @type {ReturnType<typeof exactly<number>>} */
const isNumber = exactly()
/** @type {ReturnType<typeof exactly<Date | undefined>>} */
const isDate = exactly()
/** @type {ReturnType<typeof exactly<string>>} */
const isString = exactly()
/** @type {ReturnType<typeof exactly<number | undefined>>} */
const isMaybeNumber = exactly()
/** @type {ReturnType<typeof exactly<string | undefined>>} */
const isMaybeString = exactly()
/** @type {ReturnType<typeof exactly<number | null | undefined>>} */
const isAge = exactly()

const db = new DB()
const things = db.addModel(JsonModel, {
  name: 'things',
  columns: { n: { type: 'INTEGER', required: true }, due: { type: 'DATE' } },
})
const thing = await things.set({ n: 5 })
isNumber(thing.n)
isDate(thing.due)
isString(thing.id)
// @ts-expect-error n is a number
await things.set({ n: 'x' })
// @ts-expect-error there is no such column
await things.search({ m: 5 })
// @ts-expect-error numbers are not LIKE anything
await things.search({ n: { $like: 'x' } })

const columns = /** @type {const} */ ({ id: { type: 'INTEGER' }, size: { type: 'REAL' } })
/** @extends {JsonModel<import('tidelog').DocOf<typeof columns>, typeof columns>} */
class Boxes extends JsonModel {
  /** @param {import('tidelog').ModelOptions} options */
  constructor(options) {
    super({ ...options, name: 'boxes', columns })
  }
}
const box = await db.addModel(Boxes).searchOne({ size: { $gt: 1 } })
isMaybeNumber(box?.size)
// @ts-expect-error a size is a number
await db.addModel(Boxes).searchOne({ size: 'x' })

const models = /** @type {const} */ ({
  todos: { columns: { title: { type: 'TEXT', required: true } } },
})
const es = new EventSourcingDB({ models })
isMaybeString((await es.store.todos.get('a'))?.title)
/** @type {import('tidelog/client').Connection<typeof models>} */
const page = await connect(() => new Worker('x'))
isMaybeString((await page.store.todos.get('a'))?.title)
// @ts-expect-error a title is text
await page.store.todos.set({ title: 5 })

const users = db.define('users', { name: Column.text().required(), age: Column.integer() })
isAge((await users.findOne({}))?.age)
// @ts-expect-error a name is text
await users.create({ name: 5 })
