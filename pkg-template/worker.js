// The worker's side of a page's database: `serve` checks the options and lets this tab take its
// place among the others (tab.js). The engine is loaded when this worker leads, and not before.

import { TidelogError } from './language/errors.js'
import { VERSION } from './platform/version.js'
import { Tab } from './tabs/tab.js'

const OPTIONS = ['file', 'models', 'sync', 'version', 'types', 'durability', 'storage']

/**
 * Answers the page that started this worker. Resolves to the `EventSourcingDB` once this tab leads.
 * @param {import('./worker.js').ServeOptions} options
 * @param {object} [surroundings] for tests: the port to the page, the locks, the channels, and what
 *   opens the database
 */
export function serve(options, surroundings) {
  check(options)
  const tab = new Tab(options, {
    port: globalThis,
    locks: globalThis.navigator?.locks,
    channel: name => new BroadcastChannel(name),
    open: openDatabase,
    version: { package: VERSION, models: options.version ?? 0 },
    ...surroundings,
  })
  const db = tab.start()
  // the page hears of a failed open with each of its calls; the user's worker file need not listen
  db.catch(() => {})
  return db
}

async function openDatabase(options) {
  const { EventSourcingDB } = await import('./index.js')
  let opened = false
  // an operation opens a closed database again: here another tab may own the files by then
  const onWillOpen = () => {
    if (opened)
      throw new TidelogError(
        'CLOSED',
        'this worker has closed the database, for another tab leads now: use it through a page',
      )
    opened = true
  }
  const db = new EventSourcingDB({ ...options, onWillOpen })
  await db.open()
  return db
}

function check(options) {
  if (typeof options !== 'object' || options === null)
    throw new TypeError('serve: options must be an object')
  for (const name of Object.keys(options)) {
    if (!OPTIONS.includes(name))
      throw new TypeError(`serve: there is no option '${name}': use ${OPTIONS.join(', ')}`)
  }
  if (typeof options.file !== 'string' || !options.file)
    throw new TypeError('serve: file must be the name of the database, a non-empty string')
  if (typeof options.models !== 'object' || options.models === null) {
    throw new TypeError('serve: models must be an object of models by name')
  }
}
