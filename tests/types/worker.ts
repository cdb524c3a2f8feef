// The code of a user's worker against tidelog/worker.
import { type ServeOptions, type SyncOptions, serve } from 'tidelog/worker'

const sync: SyncOptions = {
  url: '/sync',
  log: 'main',
  getToken: async ({ reason }) => `${reason}-token`,
  fetch: (input, init) => fetch(input, init),
}
const options: ServeOptions = {
  file: 'app.db',
  models: {},
  sync,
  version: 2,
  durability: 'relaxed',
}
await serve(options)
await serve({ file: 'app.db', models: {} })

// @ts-expect-error a database has a name
await serve({ models: {} })
// @ts-expect-error there is no such durability
await serve({ file: 'app.db', models: {}, durability: 'maybe' })
// @ts-expect-error a version is an integer
await serve({ file: 'app.db', models: {}, version: '2' })
