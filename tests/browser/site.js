// The servers that browsers talk to in tests: the pages of `pages/` built as an app would build
// them, a server for them that can go away, and other programs (the sync server) that can be
// killed. Browsers are harness.js's.
import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { build } from 'vite'
import { POLICY, serveNode } from '../../www/node.js'
import { atEnd } from './cleanup.js'

const root = join(import.meta.dirname, '..', '..')
const pages = join(import.meta.dirname, 'pages')

/**
 * Builds every HTML page of a folder (the tests' own by default) with its modules and workers, and
 * returns the folder, which goes with the process. `alias` as Vite takes it.
 */
export async function buildPages(from = pages, alias = []) {
  mkdirSync(join(root, '.build'), { recursive: true })
  const outDir = mkdtempSync(join(root, '.build', 'pages-'))
  process.once('exit', () => rmSync(outDir, { recursive: true, force: true }))
  await build({
    root: from,
    configFile: false,
    logLevel: 'warn',
    resolve: { alias },
    worker: { format: 'es' },
    build: {
      outDir,
      emptyOutDir: true,
      target: 'es2023',
      minify: false,
      assetsInlineLimit: 0,
      rolldownOptions: {
        input: readdirSync(from)
          .filter(name => name.endsWith('.html'))
          .map(name => join(from, name)),
      },
    },
  })
  return outDir
}

/**
 * Serves `files` on a free port of 127.0.0.1, under the Content-Security-Policy of www/node.js,
 * until the test ends, which fails when a page or a worker violated the policy. Resolves to `{url,
 * violations, down, up}`: `down()` breaks every connection and refuses new ones, `up()` listens
 * again; with other `files` if it is given some.
 * @param {import('node:test').TestContext} t
 * @param {{
 *   files: string,
 *   handler?: (request: Request) => Promise<Response | null>,
 *   policy?: string,
 *   allow?: RegExp[],
 * }} options `handler` may answer first; null hands the request on to the files; `allow`:
 *   violations that are expected
 */
export async function serveSite(
  t,
  { files, handler = async () => null, policy = POLICY, allow = [] },
) {
  const violations = []
  const answer = async request => {
    if (new URL(request.url).pathname !== '/violation') return handler(request)
    const { 'csp-report': report } = await request.json()
    const text = `${report['effective-directive']} ${report['blocked-uri']} ${report['source-file'] ?? ''}`
    // Firefox asks for this one by itself
    if (!/^img-src \S+\/favicon\.ico/.test(text)) violations.push(text)
    return new Response(null, { status: 204 })
  }
  const options = { host: '127.0.0.1', policy: `${policy}; report-uri /violation` }
  let http = await serveNode(answer, { ...options, files })
  const { port } = http.address()
  const down = () =>
    new Promise(resolve => {
      http.close(resolve)
      http.closeAllConnections()
    })
  const up = async (others = files) => {
    http = await serveNode(answer, { ...options, files: others, port })
  }
  atEnd(t, async () => {
    await down()
    const unexpected = violations.filter(text => !allow.some(pattern => pattern.test(text)))
    if (unexpected.length > 0) throw new Error(`the policy was violated:\n${unexpected.join('\n')}`)
  })
  return { url: `http://127.0.0.1:${port}`, violations, down, up }
}

/**
 * Starts a Node program and waits for the line that says it is ready, whose match it gives. It is
 * killed when the test ends; what it printed is shown when it fails to start.
 * @param {import('node:test').TestContext} t
 * @param {string[]} args as for `node`
 * @param {{ready: RegExp, env?: Record<string, string>}} options
 */
export async function startProgram(t, args, { ready, env = {} }) {
  const child = spawn(process.execPath, args, {
    cwd: root,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const exited = new Promise(resolve =>
    child.once('close', (code, signal) => resolve({ code, signal })),
  )
  /** Ends it, by default as a crash would, and resolves when it is gone: `{code, signal}`. */
  const kill = (signal = 'SIGKILL') => {
    child.kill(signal)
    return exited
  }
  atEnd(t, () => kill())
  const lines = []
  const match = await new Promise((resolve, reject) => {
    const failed = why => reject(new Error(`${args.join(' ')} ${why}:\n${lines.join('\n')}`))
    const timer = setTimeout(() => failed('was not ready within 30 s'), 30_000)
    for (const stream of [child.stdout, child.stderr]) {
      createInterface({ input: stream }).on('line', line => {
        lines.push(line)
        const found = ready.exec(line)
        if (!found) return
        clearTimeout(timer)
        resolve(found)
      })
    }
    child.once('error', error => failed(error.message))
    exited.then(({ code, signal }) => {
      clearTimeout(timer)
      failed(`ended with ${code ?? signal}`)
    })
  })
  return { match, lines, kill, exited, pid: child.pid }
}
