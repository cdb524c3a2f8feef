// The sync server of proof.test.js, a process of its own so that it can be killed: PORT, DATA.
import { createServer } from 'tidelog/server'
import { serveNode } from '../../www/node.js'

const { PORT = '0', DATA } = process.env
const sync = createServer({
  storage: { dir: DATA },
  authorize: request => request.headers.get('authorization')?.replace('Bearer ', '') ?? null,
})
const http = await serveNode(request => sync.fetch(request), {
  port: Number(PORT),
  host: '127.0.0.1',
  files: DATA,
})
console.log(`ready on ${http.address().port}`)
