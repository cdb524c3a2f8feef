// Where the specification's databases are in a runtime that has files, by the name of the engine:
// `bundled`, `node:sqlite`, `better-sqlite3`, `bun:sqlite`. Gives what `tests()` of tests/spec
// takes.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'

const makers = {
  async 'node:sqlite'() {
    const { DatabaseSync } = await import('node:sqlite')
    const { fromNodeSqlite } = await import('tidelog/hosts')
    return file => fromNodeSqlite(new DatabaseSync(file))
  },
  async 'better-sqlite3'() {
    const { default: Database } = await import('better-sqlite3')
    const { fromBetterSqlite3 } = await import('tidelog/hosts')
    return file => fromBetterSqlite3(new Database(file))
  },
  async 'bun:sqlite'() {
    const { Database } = await import('bun:sqlite')
    const { fromBunSqlite } = await import('tidelog/hosts')
    return file => fromBunSqlite(new Database(file))
  },
}

export async function placesOf(engine) {
  const dir = mkdtempSync(join(tmpdir(), 'tidelog-runtime-'))
  process.on('exit', () => rmSync(dir, { recursive: true, force: true }))
  let n = 0
  const next = () => {
    n += 1
    return join(dir, `${n}.db`)
  }
  if (engine === 'bundled') return { place: () => ({ file: next() }) }
  const make = await makers[engine]()
  const place = () => {
    const file = next()
    return { adapter: () => make(file) }
  }
  return { place, traits: { reader: false, bundled: false, adapter: () => make(next()) } }
}
