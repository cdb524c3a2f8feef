// The workload on peers: SQLite's own wasm package, called directly with statements prepared once,
// and Dexie.

import sqlite3InitModule from '@sqlite.org/sqlite-wasm'
import Dexie from 'dexie'

const INSERT =
  'INSERT INTO t VALUES (?, ?, ?) ON CONFLICT(id) DO UPDATE SET list = excluded.list, json = excluded.json'

/** `journal`: `delete`, or `wal` with an exclusive lock and `synchronous` as given. */
export async function sqliteWasm(journal, synchronous) {
  const name = `/workload-${journal}-${synchronous}.db`
  const sqlite3 = await sqlite3InitModule()
  let pool
  let db
  let statements
  const run = (statement, values) => {
    statement.bind(values).step()
    statement.reset()
  }
  const documents = (statement, values) => {
    if (values) statement.bind(values)
    const found = []
    while (statement.step()) found.push(JSON.parse(statement.getString(0)))
    statement.reset()
    return found
  }
  const values = doc => [doc.id, doc.list, JSON.stringify(doc)]
  return {
    async open() {
      // files are taken at each open and let go at each close, as ours are
      pool ??= await sqlite3.installOpfsSAHPoolVfs({
        name: 'bench',
        directory: '.bench-pool',
        clearOnInit: true,
      })
      if (pool.isPaused()) await pool.unpauseVfs()
      db = new pool.OpfsSAHPoolDb(name)
      if (journal === 'wal') db.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL')
      db.exec(`PRAGMA synchronous = ${synchronous}; PRAGMA cache_size = -16384`)
      const mode = db.selectValue('PRAGMA journal_mode')
      if (mode !== journal) throw new Error(`journal_mode is ${mode}`)
      db.exec(
        'CREATE TABLE IF NOT EXISTS t(id TEXT PRIMARY KEY, list TEXT, json TEXT); CREATE INDEX IF NOT EXISTS t_list ON t(list)',
      )
      statements = {
        insert: db.prepare(INSERT),
        get: db.prepare('SELECT json FROM t WHERE id = ?'),
        query: db.prepare('SELECT json FROM t WHERE list = ? ORDER BY id'),
        all: db.prepare('SELECT json FROM t'),
      }
    },
    bulk: all =>
      db.transaction(() => {
        for (const doc of all) run(statements.insert, values(doc))
      }),
    write: doc => run(statements.insert, values(doc)),
    get: id => documents(statements.get, [id])[0],
    query: list => documents(statements.query, [list]),
    all: () => documents(statements.all),
    update: doc => run(statements.insert, values(doc)),
    close() {
      for (const statement of Object.values(statements)) statement.finalize()
      db.close()
      pool.pauseVfs()
    },
  }
}

export async function dexie() {
  await Dexie.delete('workload')
  let db
  return {
    async open() {
      db = new Dexie('workload')
      db.version(1).stores({ docs: 'id, list' })
      await db.open()
    },
    bulk: all => db.docs.bulkPut(all),
    write: doc => db.docs.put(doc),
    get: id => db.docs.get(id),
    query: list => db.docs.where('list').equals(list).toArray(),
    all: () => db.docs.toArray(),
    update: doc => db.docs.put(doc),
    close: async () => db.close(),
  }
}
