// A test of one key of a column's definition, on a model that has it.
import { test } from 'node:test'
import { DB, JsonModel } from 'tidelog'

export async function withModel(columns, fn) {
  const db = new DB()
  const model = db.addModel(JsonModel, { name: 'm', columns })
  try {
    await fn(model, db)
  } finally {
    await db.close()
  }
}

export const key = (name, says, columns, fn) =>
  test(`column key ${name}: ${says}`, () => withModel(columns, fn))
export const ids = async (model, attrs, options) =>
  (await model.searchAll(attrs, { sort: { id: 1 }, ...options })).map(({ id }) => id).join('')
export const detail = async (db, sql) =>
  (await db.all(`EXPLAIN QUERY PLAN ${sql}`)).map(row => row.detail).join()
