// The code of a server against tidelog/server.
import { createServer, type SyncServer } from 'tidelog/server'

const server: SyncServer = createServer({
  storage: { dir: 'data' },
  authorize: (request, { log, verb }) =>
    verb === 'push' && log === 'closed'
      ? new Response(null, { status: 403 })
      : request.headers.get('Authorization'),
  cors: { origins: ['https://app.example'] },
  onError: error => console.warn(error),
})
createServer({ storage: { dir: 'data' }, authorize: async () => null })

const response: Response = await server.fetch(new Request('https://app.example/sync/v1/main/pull'))
await server.close()
console.log(response.status)

// the form of a fetch runtime
export default server satisfies { fetch(request: Request): Promise<Response> }

// @ts-expect-error somebody must say who may
createServer({ storage: { dir: 'data' } })
// @ts-expect-error a principal is some text
createServer({ storage: { dir: 'data' }, authorize: () => 5 })
