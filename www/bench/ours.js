// The workload through `JsonModel`, and by bare statements on the same engine.

import { DB, deleteDatabase, JsonModel, SQLite } from 'tidelog'

export async function model(durability) {
  const file = `workload-model-${durability}.db`
  await deleteDatabase(file).catch(() => {})
  let db
  let docs
  return {
    async open() {
      db = new DB({ file, durability })
      docs = db.addModel(JsonModel, {
        name: 'docs',
        columns: { list: { type: 'TEXT', index: true } },
      })
      await db.open()
    },
    bulk: all => docs.set(all, false, true),
    write: doc => docs.set(doc, false, true),
    get: id => docs.get(id),
    query: list => docs.searchAll({ list }),
    all: () => docs.all(),
    update: doc => docs.set(doc, false, true),
    close: () => db.close(),
  }
}

export async function bare(durability) {
  const file = `workload-bare-${durability}.db`
  await deleteDatabase(file).catch(() => {})
  let db
  const insert =
    'INSERT INTO t VALUES (?, ?, ?) ON CONFLICT(id) DO UPDATE SET list = excluded.list, json = excluded.json'
  const values = doc => [doc.id, doc.list, JSON.stringify(doc)]
  const documents = rows => rows.map(row => JSON.parse(row.json))
  return {
    async open() {
      db = new SQLite({ file, durability })
      await db.exec(
        'CREATE TABLE IF NOT EXISTS t(id TEXT PRIMARY KEY, list TEXT, json TEXT); CREATE INDEX IF NOT EXISTS t_list ON t(list)',
      )
    },
    bulk: all =>
      db.withTransaction(async tx => {
        for (const doc of all) await tx.run(insert, values(doc))
      }),
    write: doc => db.run(insert, values(doc)),
    get: async id => documents(await db.all('SELECT json FROM t WHERE id = ?', [id]))[0],
    query: async list =>
      documents(await db.all('SELECT json FROM t WHERE list = ? ORDER BY id', [list])),
    all: async () => documents(await db.all('SELECT json FROM t')),
    update: doc => db.run(insert, values(doc)),
    close: () => db.close(),
  }
}
