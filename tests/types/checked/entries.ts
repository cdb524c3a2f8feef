// Every entry point exports what it is declared to export, and every class has the members and
// parameters of its declaration.
import type * as js from 'implementation'
import type * as jsClient from 'implementation/client'
import type * as jsHosts from 'implementation/hosts'
import type * as jsServer from 'implementation/server'
import type * as jsWorker from 'implementation/worker'
import type * as client from '../../../pkg-template/client.js'
import type * as hosts from '../../../pkg-template/hosts.js'
import type * as declared from '../../../pkg-template/index.js'
import type { Loader as JsLoader } from '../../../pkg-template/models/loader.js'
import type * as server from '../../../pkg-template/server.js'
import type { Statement as JsStatement } from '../../../pkg-template/sql/statement.js'
import type * as worker from '../../../pkg-template/worker.js'
import { type Differs, same } from './differs.js'

// SQLite and DB get from their subclasses which options these take besides
same<Differs<Omit<typeof js, 'SQLite' | 'DB'>, Omit<typeof declared, 'SQLite' | 'DB'>>>()
same<Differs<Public<Pick<typeof js, 'SQLite' | 'DB'>>, Pick<typeof declared, 'SQLite' | 'DB'>>>()
// what tests give these functions as a second argument, their surroundings, is not declared
type Public<T> = {
  [K in keyof T]: T[K] extends (...args: infer Args) => infer Made
    ? (...args: First<Args>) => Made
    : T[K] extends new (
          ...args: infer Args
        ) => infer Made
      ? new (
          ...args: First<Args>
        ) => Made
      : T[K]
}
type First<Args extends unknown[]> = Args extends [infer One, unknown?]
  ? [One]
  : Args extends [(infer One)?, unknown?]
    ? [One?]
    : Args
same<Differs<Public<typeof jsClient>, typeof client>>()
// what a page may call of a model takes what the model's own method does
type Remote = Pick<declared.ESModel, keyof client.RemoteModel>
same<Differs<Remote, client.RemoteModel>>()
same<Differs<Public<typeof jsWorker>, typeof worker>>()
same<Differs<Public<typeof jsServer>, typeof server>>()
same<Differs<typeof jsHosts, typeof hosts>>()

same<Differs<js.SQLite, declared.SQLite>>()
same<Differs<js.DB, declared.DB>>()
same<Differs<js.JsonModel, declared.JsonModel>>()
same<Differs<js.ESModel, declared.ESModel>>()
type Below = 'db' | 'rwDb' | 'queue'
same<Differs<Omit<js.EventSourcingDB, Below>, Omit<declared.EventSourcingDB, Below>>>()
same<Differs<js.EventSourcingDB['db'], declared.DB>>()
same<Differs<js.EventQueue, declared.EventQueue>>()
same<Differs<js.Repository, declared.Repository>>()
// made of Repository's methods when the module is loaded; records are what their schema says
same<Differs<js.Repository, typeof declared.Model>>()
same<Differs<js.TidelogError, declared.TidelogError>>()
same<Differs<typeof js.Column, typeof declared.Column>>()
same<Differs<ReturnType<typeof js.Column.text>, declared.ColumnBuilder<{ type: 'TEXT' }>>>()
same<Differs<JsStatement, declared.Statement>>()
same<Differs<JsLoader, declared.Loader<unknown>>>()
same<Differs<Awaited<ReturnType<typeof jsClient.connect>>, client.Connection>>()

same<Differs<typeof js.SQLite, typeof declared.SQLite>>()
same<Differs<typeof js.DB, typeof declared.DB>>()
same<Differs<typeof js.JsonModel, typeof declared.JsonModel>>()
same<Differs<typeof js.ESModel, typeof declared.ESModel>>()
