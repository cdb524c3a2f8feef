// Runs the specification on OPFS, each test in a database of its own.
import { DB } from 'tidelog'
import { runAll } from '../../spec/index.js'

let n = 0
const place = () => {
  n += 1
  return { file: `spec-${n}.db` }
}

const results = await runAll({ place })
const db = new DB({ file: 'where.db' })
await db.open()
const { storage } = db.status
await db.close()
postMessage({ results, storage })
