// The class API: what an application imports in a worker, in Node, Bun or Deno.

export { DB } from './db/db.js'
export { Column } from './drift/column.js'
export { Model } from './drift/model.js'
export { Repository } from './drift/repository.js'
export { ESModel } from './events/es-model.js'
export { EventQueue } from './events/event-queue.js'
export { EventSourcingDB } from './events/event-sourcing-db.js'
export { TidelogError } from './language/errors.js'
export { JsonModel } from './models/json-model.js'
export {
  deleteDatabase,
  exportDatabase,
  importDatabase,
  listDatabases,
  renameDatabase,
} from './sql/databases.js'
export { sql } from './sql/sql-tag.js'
export { SQLite } from './sql/sqlite.js'
