// The class API: what an application imports in a worker, in Node, Bun or Deno.

export { Column } from './column.js'
export { deleteDatabase, exportDatabase, importDatabase, listDatabases, renameDatabase } from './databases.js'
export { DB } from './db.js'
export { Model } from './drift-model.js'
export { TidelogError } from './errors.js'
export { ESModel } from './es-model.js'
export { EventQueue } from './event-queue.js'
export { EventSourcingDB } from './event-sourcing-db.js'
export { JsonModel } from './json-model.js'
export { Repository } from './repository.js'
export { sql } from './sql-tag.js'
export { SQLite } from './sqlite.js'
