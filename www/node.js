// Serves fetch handlers and a folder of files over node:http. It is the demo's own adapter:
// requests and answers are streamed, a requester that goes away aborts its request. It does no TLS,
// ranges or compression.

import { createReadStream, statSync } from 'node:fs'
import { createServer as createHttp } from 'node:http'
import { extname, join, normalize, sep } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'

const TYPES = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json',
  '.png': 'image/png',
  '.svg': 'image/svg+xml',
  '.wasm': 'application/wasm',
  '.webmanifest': 'application/manifest+json',
}

/**
 * The policy of a page with a database: its own scripts, workers, styles and server, and compiling
 * wasm.
 */
export const POLICY = [
  "default-src 'none'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "worker-src 'self'",
  "connect-src 'self'",
  "style-src 'self'",
  "require-trusted-types-for 'script'",
].join('; ')

/**
 * The addition for a page that can be installed: Chromium reads the manifest and its icons under
 * the page's policy.
 */
export const INSTALLABLE = "manifest-src 'self'; img-src 'self'"

/**
 * Listens and resolves to the node:http server.
 * @param {(request: Request) => Promise<Response | null>} handler null hands the request on to
 *   `files`
 * @param {{port?: number, host?: string, files?: string, policy?: string}} [options] `files` is a
 *   folder to serve under the Content-Security-Policy `policy`
 */
export function serveNode(handler, { port = 0, host, files, policy = POLICY } = {}) {
  const http = createHttp((req, res) => {
    answer(handler, { files, policy }, req, res).catch(error => {
      // the requester has gone, or the answer broke off midway: there is nobody left to tell
      if (!res.headersSent) res.writeHead(500).end()
      else res.destroy(error)
    })
  })
  return new Promise((resolve, reject) => {
    http.once('error', reject)
    http.listen(port, host, () => resolve(http))
  })
}

async function answer(handler, site, req, res) {
  const request = toRequest(req, res)
  const response = await handler(request)
  if (response) return send(response, res)
  return sendFile(site, new URL(request.url).pathname, req.method, res)
}

function toRequest(req, res) {
  const abort = new AbortController()
  res.once('close', () => res.writableFinished || abort.abort())
  const headers = new Headers()
  for (let i = 0; i < req.rawHeaders.length; i += 2)
    headers.append(req.rawHeaders[i], req.rawHeaders[i + 1])
  const url = new URL(req.url.replace(/^\/+/, '/'), `http://${req.headers.host ?? 'localhost'}`)
  const bodied = req.method !== 'GET' && req.method !== 'HEAD'
  const body = bodied ? Readable.toWeb(req) : undefined
  return new Request(url, {
    method: req.method,
    headers,
    body,
    duplex: 'half',
    signal: abort.signal,
  })
}

async function send(response, res) {
  res.writeHead(response.status, Object.fromEntries(response.headers))
  if (response.body) await pipeline(Readable.fromWeb(response.body), res)
  else res.end()
}

async function sendFile({ files, policy }, pathname, method, res) {
  const file = files && (method === 'GET' || method === 'HEAD') && find(files, pathname)
  if (!file) return res.writeHead(404, { 'Content-Type': 'text/plain' }).end('not found')
  // what Vite puts into assets/ carries its hash in its name
  const fresh = pathname.startsWith('/assets/') ? 'public, max-age=31536000, immutable' : 'no-cache'
  const type = TYPES[extname(file)] ?? 'application/octet-stream'
  res.writeHead(200, {
    'Content-Type': type,
    'Cache-Control': fresh,
    // a worker's script has its own, so it comes with every file
    'Content-Security-Policy': policy,
    'X-Content-Type-Options': 'nosniff',
    'X-Frame-Options': 'DENY',
  })
  if (method === 'HEAD') return res.end()
  await pipeline(createReadStream(file), res)
}

function find(files, pathname) {
  let name
  try {
    name = normalize(decodeURIComponent(pathname))
  } catch {
    return null
  }
  if (name.includes('\0') || name.split(sep).includes('..')) return null
  const file = join(files, name.endsWith(sep) ? `${name}index.html` : name)
  return statSync(file, { throwIfNoEntry: false })?.isFile() ? file : null
}
