// A database for as long as a test needs it.
import { DB } from 'tidelog'

/** Runs `fn` with a database that is closed afterwards. */
export async function withDb(fn, options) {
  const db = new DB(options)
  try {
    return await fn(db)
  } finally {
    await db.close()
  }
}
