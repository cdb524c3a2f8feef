// driftdb's surface: records by their schema.
import { Column, DB, JsonModel, Model, Repository, type Schema } from 'tidelog'
import { exactly, some } from './exactly.js'

const db = new DB({ sqlitePath: ':memory:', autoSync: false, nodeId: 'a' })
const users = db.define('users', {
  name: Column.text().required().build(),
  email: Column.text().unique().build(),
  age: Column.integer().default(18).index(),
  score: Column.real(),
  active: Column.boolean().default(true),
  picture: Column.blob(),
  born: Column.date(),
  big: Column.bigint(),
  extra: Column.json(),
  plain: { type: 'TEXT', notNull: true, default: 'x', collate: 'NOCASE' },
})

const user = some(await users.findById('a'))
exactly<string>()(user.id)
exactly<number>()(user.createdAt)
exactly<string>()(user.name)
exactly<string | null>()(user.email)
exactly<number>()(user.age)
exactly<number | null>()(user.score)
exactly<boolean>()(user.active)
exactly<Uint8Array | null>()(user.picture)
exactly<Date | null>()(user.born)
exactly<bigint | null>()(user.big)
exactly<string>()(user.plain)
exactly<typeof user>()(await users.create({ name: 'Ann', active: false, email: null }))
exactly<typeof user>()(await users.upsert({ email: 'a' }, { name: 'Ann' }))
exactly<(typeof user)[]>()(
  await users.find({ where: { age: { $gte: 18 } }, orderBy: { name: 'ASC' }, limit: 5, offset: 1 }),
)
exactly<(typeof user)[]>()(
  await users.filter({ email: null, active: true }, { orderBy: { age: 'DESC' } }),
)
exactly<typeof user | null>()(await users.findOne({ name: { $like: 'A%' } }))
exactly<number>()(await users.update({ id: 'a' }, { name: 'B' }))
exactly<number>()(await users.delete({ age: { $in: [1, 2] } }))
exactly<boolean>()(await users.deleteById('a'))
exactly<number>()(await users.count())
exactly<{ n: number }[]>()(
  await users.raw<{ n: number }>('SELECT count(*) AS n FROM users WHERE age > ?', [1]),
)
exactly<number>()((await users.runRaw('DELETE FROM users')).changes)
exactly<boolean>()(await db.integrityCheck())
exactly<number>()((await db.getMetrics()).dbSizeBytes)
exactly<string>()(await db.getNodeId())
exactly<number>()(await db.transaction(tx => tx.repository('users').count()))
new Repository(db.addModel(JsonModel, { name: 'other' }))

// @ts-expect-error a name is required
await users.create({ email: 'a' })
// @ts-expect-error a name is text
await users.create({ name: 5 })
// @ts-expect-error active is a boolean
await users.create({ name: 'a', active: 1 })
// @ts-expect-error there is no such column
await users.create({ nmae: 'a' })
// @ts-expect-error there is no such column to ask for
await users.find({ where: { nmae: 'a' } })
// @ts-expect-error there is no such operator
await users.find({ where: { age: { $gtt: 1 } } })
// @ts-expect-error an age is a number
await users.find({ where: { age: { $gt: 'x' } } })
// @ts-expect-error the directions are ASC and DESC
await users.find({ orderBy: { age: 'UP' } })
// @ts-expect-error there is no such column to sort by
await users.find({ orderBy: { nmae: 'ASC' } })
// @ts-expect-error a write says which records
await users.delete()
// @ts-expect-error an id is not changed
await users.update({}, { id: 'x' })
// @ts-expect-error a default has the column's type
Column.integer().default('x')
// @ts-expect-error there is no such type
db.define('x', { a: { type: 'VARCHAR' } })
// @ts-expect-error a required column is never null
exactly<null>()(user.name)

class User extends Model {
  static tableName = 'users'
  static schema = { name: Column.text().required(), age: Column.integer() }
  declare name: string
  greet() {
    return `Hi ${this.name}`
  }
}
db.registerModel(User)
const made = await User.create({ name: 'Ann' })
exactly<string>()(made.greet())
exactly<string>()(made.name)
exactly<number | null>()(made.age)
exactly<string>()(
  some((await User.find({ where: { age: { $gt: 5 } }, orderBy: { name: 'DESC' } }))[0]).id,
)
exactly<number>()(await User.update({ name: 'Ann' }, { age: 5 }))
exactly<boolean>()(await User.deleteById('a'))
// @ts-expect-error a name is text
await User.create({ name: 5 })
// @ts-expect-error a name is required
await User.create({ age: 5 })
// @ts-expect-error there is no such column
await User.findOne({ nmae: 'x' })
// @ts-expect-error a class has a table
db.registerModel(class extends Model {})

// driftdb's own form, with the fields declared and the schema's type widened
class Post extends Model {
  static tableName = 'posts'
  static schema: Schema = { title: Column.text().required().build() }
  title!: string
}
db.registerModel(Post)
exactly<Post | null>()(await Post.findOne({ title: 'Hello' }))
// @ts-expect-error a title is text
await Post.create({ title: 5 })
