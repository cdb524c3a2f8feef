// Databases in files that go when the tests end, opened with one definition after another.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'
import { DB, JsonModel } from 'tidelog'

const directory = mkdtempSync(join(tmpdir(), 'tidelog-test-'))
after(() => rmSync(directory, { recursive: true }))
let files = 0
export const file = () => join(directory, `${++files}.db`)

/** Opens `name` with models, lets `fn` work, closes it. */
export async function using(name, models, fn = () => {}, options = {}) {
  const db = new DB({ file: name, ...options })
  for (const [model, definition] of Object.entries(models))
    db.addModel(JsonModel, { name: model, ...definition })
  try {
    await db.open()
    return await fn(db)
  } finally {
    await db.close()
  }
}

export const all = db => db.store.docs.all()
export const indexes = async db =>
  (
    await db.all(
      "SELECT name FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL ORDER BY name",
    )
  ).map(row => row.name)
