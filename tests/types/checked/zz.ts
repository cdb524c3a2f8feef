import type * as js from 'implementation'
import type * as declared from '../../../pkg-template/index.js'
import type { Differs } from './differs.js'
type X<J,D> = {[K in keyof D as Differs<Pick<J, K&keyof J>,Pick<D,K>> extends never ? never : K]: Differs<Pick<J, K&keyof J>,Pick<D,K>>}
const a: 1 = null! as X<js.SQLite, declared.SQLite>
const b: 1 = null! as X<js.DB, declared.DB>
const c: 1 = null! as X<js.JsonModel, declared.JsonModel>
const d: 1 = null! as X<js.ESModel, declared.ESModel>
const e: 1 = null! as X<js.EventSourcingDB, declared.EventSourcingDB>
const f: 1 = null! as X<js.EventQueue, declared.EventQueue>
const g: 1 = null! as X<js.Repository, declared.Repository>
const h: 1 = null! as X<typeof js, typeof declared>
const i: 1 = null! as X<typeof js.Model, typeof declared.Model>
const j: 1 = null! as X<typeof js.ESModel, typeof declared.ESModel>
type U<J,D> = Exclude<Exclude<keyof J, keyof D>, `_${string}`>
const u: 1 = null! as [U<js.SQLite, declared.SQLite>, U<js.DB, declared.DB>,U<js.JsonModel, declared.JsonModel>,U<js.ESModel, declared.ESModel>,U<js.EventSourcingDB, declared.EventSourcingDB>,U<js.EventQueue, declared.EventQueue>]
