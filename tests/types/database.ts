// SQLite, Statement and DB: options, statements, transactions, migrations, hosts.
import {
  DB,
  JsonModel,
  type Progress,
  type RunResult,
  SQLite,
  type SqlRow,
  type Statement,
} from 'tidelog'
import { exactly } from './exactly.js'

const db = new DB({
  file: 'a.db',
  name: 'a',
  readOnly: false,
  verbose: true,
  autoVacuum: true,
  vacuumInterval: 30,
  vacuumPageCount: 256,
  onWillOpen: () => {},
  onDidOpen: async child => child.run('PRAGMA x'),
  onBeforeMigrations: db => db.run('SELECT 1'),
  onProgress: ({ phase, done, total }: Progress) => console.log(phase, done / total),
  migrations: [{ runKey: '1', up: async ({ db }) => db.exec('SELECT 1') }],
})
db.registerMigrations('more', { a: () => {}, b: { up: async ({ db }) => db.removeModel('old') } })

const statement: Statement = db.prepare('SELECT ?')
exactly<RunResult>()(await statement.run([1]))
exactly<SqlRow | undefined>()(await statement.get([1]))
exactly<SqlRow[]>()(await statement.all())
exactly<number>()(await statement.each([1], row => exactly<SqlRow>()(row)))
exactly<true>()(statement.isStatement)
await statement.finalize()
exactly<Statement>()(db.prepare`SELECT 1`)
exactly<number>()(await db.each`SELECT ${1}`(row => exactly<SqlRow>()(row)))
exactly<number>()(await db.userVersion(0))
exactly<number>()(await db.dataVersion())
exactly<SqlRow[]>()(await db.all`SELECT * FROM ${'t'}ID WHERE a = ${1}`)
exactly<number>()(await db.each('SELECT 1', row => exactly<SqlRow>()(row)))
exactly<string>()(await db.withTransaction(async () => 'x'))
exactly<number>()(await db.withTransaction(async tx => (await tx.all('SELECT 1')).length))
exactly<[string, unknown[]]>()(SQLite.sql`SELECT ${1}`)
db.on('call', ({ method, duration }) => [exactly<string>()(method), exactly<number>()(duration)])

// a store of known models
class Things extends JsonModel<{ id: string; n: number }> {}
const typed = new DB<{ things: Things }>()
exactly<number | undefined>()((await typed.store.things.get('a'))?.n)
// @ts-expect-error there is no such model
typed.store.thing

// a host's SQLite
const host = new DB({
  adapter: {
    exec() {},
    iterate: () => [],
    transaction: fn => fn(),
    close() {},
  },
})
exactly<boolean>()(host.isOpen)

// @ts-expect-error there is no such option
new DB({ fil: 'x' })
// @ts-expect-error an interval is a number
new DB({ vacuumInterval: '30' })
// @ts-expect-error there is no such durability
new SQLite({ durability: 'maybe' })
// @ts-expect-error an adapter has four methods
new DB({ adapter: { exec() {} } })
// @ts-expect-error a migration is a function
db.registerMigrations('x', { a: 5 })
// @ts-expect-error a statement has a text
db.prepare(5)
// @ts-expect-error a version is a number
await db.userVersion('1')
// @ts-expect-error each needs a function
await statement.each([1])
// @ts-expect-error a model is a class
db.addModel(Math)

// a class of the application's own
class Tally {
  constructor(readonly options: { db: DB; start: number }) {}
  add() {
    return this.options.start
  }
}
exactly<Tally>()(db.addModel(Tally, { start: 5 }))
// @ts-expect-error what a JsonModel is given is checked nevertheless
db.addModel(JsonModel, { name: 'bad', columns: { a: { type: 'TXT' } } })
