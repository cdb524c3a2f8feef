// The demo's server on Node: the built page, the sync server on SQLite files, and who is online.
//
//   PORT (8080), HOST (127.0.0.1; 0.0.0.0 opens it to the network), DATA (data/)

import { join } from 'node:path'
import { createServer } from 'tidelog/server'
import { INSTALLABLE, POLICY, serveNode } from './node.js'
import { Presence } from './presence.js'

const {
  PORT = '8080',
  HOST = '127.0.0.1',
  DATA = join(import.meta.dirname, '..', 'data'),
} = process.env
const presence = new Presence()

// No accounts: whoever reaches this page may edit its lists. The random id of a browser profile is
// its token.
const sync = createServer({
  storage: { dir: DATA },
  authorize: (request, { log }) => presence.seen(request, log),
})

const files = join(import.meta.dirname, 'dist')
const policy = `${POLICY}; ${INSTALLABLE}`
const http = await serveNode(handle, { port: Number(PORT), host: HOST, files, policy }).catch(
  error => {
    if (error.code !== 'EADDRINUSE') throw error
    console.error(`Port ${PORT} is taken: choose another one, such as PORT=8081`)
    process.exit(1)
  },
)
const { port, address } = http.address()
console.log(`Tidelog demo: http://${address === '127.0.0.1' ? 'localhost' : address}:${port}`)

for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, stop)

async function handle(request) {
  try {
    return await route(request)
  } finally {
    presence.left(request)
  }
}

async function route(request) {
  const { pathname } = new URL(request.url)
  if (pathname.startsWith('/sync/')) return sync.fetch(request)
  if (pathname === '/who') return presence.answer(request)
  return null
}

/** Lets the requests under way finish, so that no database is left open. */
async function stop() {
  http.close()
  await sync.close()
  http.closeAllConnections()
}
