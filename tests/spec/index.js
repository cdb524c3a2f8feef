// The specification of the classes: the same tests in every runtime. They import 'tidelog',
// './assert.js' and nothing else, so that browsers and workerd can run them. README.md says how to
// add some.
import * as define from './define.js'
import * as definitions from './definitions.js'
import * as hosts from './hosts.js'
import * as migrations from './migrations.js'
import * as models from './models.js'
import * as names from './names.js'
import * as search from './search.js'
import * as sql from './sql.js'
import * as transactions from './transactions.js'
import * as undone from './undone.js'

const files = {
  models,
  definitions,
  migrations,
  search,
  names,
  sql,
  transactions,
  undone,
  define,
  hosts,
}

/**
 * Every test, as `{name, run}`.
 * @param {object} runtime
 * @param {() => object} runtime.place options of a database that nobody has used yet: `{file}`,
 *   `{adapter}` or `{}`
 * @param {object} [runtime.traits] what differs here: see README.md
 */
export function tests({ place, traits = {} }) {
  const found = []
  for (const [file, { spec }] of Object.entries(files)) {
    const opened = []
    const open = (Class, options) => {
      const db = new Class({ ...place(), ...options })
      opened.push(db)
      return db
    }
    const t = (name, fn) => found.push({ name: `${file}: ${name}`, run: () => run(fn, opened) })
    spec(t, { open, traits: { reader: true, bundled: true, ...traits } })
  }
  return found
}

async function run(fn, opened) {
  try {
    await fn()
  } finally {
    for (const db of opened.splice(0)) await db.close()
  }
}

/** Runs all tests one after the other: `[{name, error?}]`; `error` is a text. */
export async function runAll(runtime) {
  const results = []
  for (const { name, run } of tests(runtime)) {
    const error = await run().then(
      () => undefined,
      error => String(error?.stack ?? error),
    )
    results.push({ name, error })
  }
  return results
}
