// A table of users as an application of driftdb defines it.
import { Column, DB } from 'tidelog'

export const schema = {
  name: Column.text().required().build(),
  email: Column.text().unique().build(),
  age: Column.integer().default(18).index().build(),
}

export function open(options) {
  const db = new DB({ sqlitePath: ':memory:', autoSync: false, ...options })
  return [db, db.define('users', schema)]
}

export const ann = { name: 'Ann', email: 'a@x.org', age: 30 }
export const bob = { name: 'Bob', email: 'b@x.org' }
