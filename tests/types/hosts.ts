// The code of an application that has an SQLite already, against tidelog/hosts.
import { DB, EventSourcingDB } from 'tidelog'
import {
  fromBetterSqlite3,
  fromDurableObject,
  fromNodeSqlite,
  type HostAdapter,
} from 'tidelog/hosts'

declare const database: {
  exec(sql: string): void
  prepare(sql: string): { run(): void }
  close(): void
  isTransaction: boolean
}
declare const ctx: {
  storage: {
    sql: { exec(sql: string, ...params: unknown[]): { toArray(): Record<string, unknown>[] } }
    transactionSync<T>(fn: () => T): T
    transaction<T>(fn: () => Promise<T>): Promise<T>
  }
}

const adapter: HostAdapter = fromNodeSqlite(database)
new DB({ adapter })
new DB({ adapter: () => fromNodeSqlite(database) })
new DB({ adapter: async () => fromDurableObject(ctx) })
new DB({ adapter: fromDurableObject(ctx.storage) })
new DB({ adapter: { exec() {}, iterate: () => [], transaction: fn => fn(), close() {} } })

// @ts-expect-error better-sqlite3 has `pragma`
fromBetterSqlite3(database)
// @ts-expect-error four methods
new DB({ adapter: { exec() {} } })
// @ts-expect-error events need the bundled engine
new EventSourcingDB({ models: {}, adapter })
