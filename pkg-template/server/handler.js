// The sync server as a fetch handler: who may ask, how much, how long to wait. It uses web
// standards only; the meaning of a push or a pull is the engine's business (`ServerLog`), and the
// place of its databases is `storage`'s.

const OPTIONS = ['storage', 'authorize', 'cors', 'limits', 'onError', 'validate']
const ROUTE = /\/v1\/([^/]*)\/([a-z]+)\/?$/
const LOG = /^[a-z0-9][a-z0-9_-]{0,62}$/
/** Bytes of the largest push: 512 KiB of events (src/sync/limits.rs), escaped as JSON text. */
const BODY_BYTES = 2 * 512 * 1024 + 256 * 1024
/** Bytes that an event's data may have at most, whatever `limits.body` says. */
const BODY_HARD = 256 * 1024
const WAIT_MS = 25_000
/** Long polls of one log that may wait at a time; one more is answered at once. */
const WAITERS = 1000
const RETRY_MS = 1000
/** The codes that a validator may reject an event with: every client keeps the code in its log. */
const CODE = /^[\w-]{1,64}$/
const VERBS = ['push', 'pull', 'resume']

/**
 * A standard fetch handler for `POST …/v1/{log}/push` and `…/pull`.
 * @param {import('../server.js').ServerOptions} options
 * @param {{open?: (options: any, name: string) => Promise<any>}} [surroundings] for
 *   tests: what opens a log
 */
export function createServer(options, { open = openLog } = {}) {
  check(options)
  const server = new Server(options, open)
  return { fetch: request => server.fetch(request), close: () => server.close() }
}

async function openLog({ storage, limits }, name) {
  const { loadEngine } = await import('../platform/engine.js')
  const { openFile } = await import('../platform/files.js')
  const { ServerLog } = await loadEngine()
  const file = `${storage.dir}/${name}.db`
  const { storage: kind, fs } = openFile(file)
  const log = await ServerLog.open({ storage: kind, file }, fs, name)
  if (limits?.body !== undefined) log.setBodyLimit(limits.body)
  return log
}

function check(options) {
  if (typeof options !== 'object' || options === null)
    throw new TypeError('createServer: options must be an object')
  for (const name of Object.keys(options)) {
    if (!OPTIONS.includes(name))
      throw new TypeError(`createServer: there is no option '${name}': use ${OPTIONS.join(', ')}`)
  }
  const { storage, authorize, cors, limits, onError, validate } = options
  if (typeof storage !== 'object' || storage === null) {
    throw new TypeError('createServer: storage must be an object such as {dir}')
  }
  if (typeof authorize !== 'function')
    throw new TypeError('createServer: authorize must be a function')
  if (cors !== undefined && !Array.isArray(cors?.origins)) {
    throw new TypeError("createServer: cors must be {origins: ['https://…']}")
  }
  if (limits !== undefined) checkLimits(limits)
  for (const [name, fn] of Object.entries({ onError, validate })) {
    if (fn !== undefined && typeof fn !== 'function')
      throw new TypeError(`createServer: ${name} must be a function`)
  }
}

function checkLimits(limits) {
  const { body, ...others } = limits ?? {}
  const [unknown] = Object.keys(others)
  if (limits === null || typeof limits !== 'object' || unknown)
    throw new TypeError('createServer: limits must be {body}')
  if (body !== undefined && !(Number.isInteger(body) && body >= 1 && body <= BODY_HARD))
    throw new TypeError(
      `createServer: limits.body must be an integer from 1 to ${BODY_HARD}, not ${String(body)}`,
    )
}

class Server {
  #options
  #open
  /** Promises of open logs by name. */
  #logs = new Map()
  #underWay = new Set()
  /** @type {Promise<void> | null} */
  #closing = null

  constructor(options, open) {
    this.#options = options
    this.#open = open
  }

  async fetch(request) {
    if (this.#closing) return finish(busy())
    const work = this.#respond(request)
    this.#underWay.add(work)
    try {
      return await work
    } finally {
      this.#underWay.delete(work)
    }
  }

  close() {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close() {
    for (const log of this.#logs.values()) log.then(log => log.wake()).catch(() => {})
    await Promise.allSettled(this.#underWay)
    const closed = await Promise.allSettled(
      [...this.#logs.values()].map(async log => (await log).close()),
    )
    this.#logs.clear()
    const failed = closed.find(one => one.status === 'rejected')
    if (failed) throw failed.reason
  }

  async #respond(request) {
    const allowed = this.#cors(request)
    try {
      return finish(await this.#route(request), allowed)
    } catch (error) {
      // a client that went away in the middle of its body is no fault of the server's
      if (request.signal.aborted) return finish(refuse(400, 'malformed'), allowed)
      this.#report(error)
      return finish(
        error?.code === 'CRASHED' || error?.code === 'LOCKED' ? busy() : refuse(500, 'internal'),
        allowed,
      )
    }
  }

  async #route(request) {
    const [, log, verb] = ROUTE.exec(new URL(request.url).pathname) ?? []
    if (log === undefined)
      return refuse(404, 'not_found', {
        msg: 'no such route: use /v1/{log}/push, /pull or /resume',
      })
    if (request.method === 'OPTIONS' && this.#options.cors)
      return new Response(null, { status: 204 })
    if (!LOG.test(log))
      return refuse(400, 'malformed', { msg: 'a log is named like [a-z0-9][a-z0-9_-]{0,62}' })
    const principal = await this.#options.authorize(request, { log, verb })
    if (principal instanceof Response) return principal
    if (principal === null || principal === undefined) return refuse(401, 'token')
    if (typeof principal !== 'string' || !principal) {
      throw new TypeError('authorize must return a principal (some text), null or a Response')
    }
    if (!VERBS.includes(verb)) return refuse(501, 'not_supported')
    if (request.method !== 'POST')
      return refuse(405, 'malformed', { msg: 'use POST' }, { Allow: 'POST' })
    if (!isJson(request.headers))
      return refuse(415, 'malformed', { msg: 'send application/json, not compressed' })
    const body = await read(request, BODY_BYTES)
    if (body === null) return refuse(413, 'too_large', { limit: BODY_BYTES })
    const opened = await this.#log(log)
    const { status, body: text } = await opened[verb](
      principal,
      body,
      request.signal,
      () => this.#closing !== null,
    )
    return new Response(text, { status, headers: { 'Content-Type': 'application/json' } })
  }

  /**
   * The open log; first requests that come together share its opening, and a failed one is tried
   * again.
   */
  #log(name) {
    const known = this.#logs.get(name)
    if (known) return known
    const opening = Promise.resolve(this.#open(this.#options, name)).then(
      engine => new Log(engine, this.#validator(name)),
    )
    this.#logs.set(name, opening)
    opening.catch(() => this.#logs.delete(name))
    return opening
  }

  /**
   * The application's word on each event, in the shape the engine asks for: a code rejects the
   * event for good.
   */
  #validator(log) {
    const { validate } = this.#options
    if (!validate) return () => undefined
    // what it throws fails the push: nothing is appended, and the client comes again
    return principal => (type, body, id) => {
      const code = validate({ type, data: JSON.parse(body), id }, { log, principal })
      if (code === undefined || code === null) return undefined
      if (CODE.test(code)) return code
      throw new TypeError(
        'validate must return undefined or, at once, a code of letters, digits, - and _',
      )
    }
  }

  /** The headers for a page of another origin, if that origin is listed. */
  #cors(request) {
    const origin = request.headers.get('Origin')
    if (!origin || !this.#options.cors) return {}
    if (!this.#options.cors.origins.includes(origin)) return { Vary: 'Origin' }
    return {
      'Access-Control-Allow-Origin': origin,
      'Access-Control-Allow-Headers': 'Authorization, Content-Type',
      'Access-Control-Allow-Methods': 'POST',
      'Access-Control-Max-Age': '600',
      Vary: 'Origin',
    }
  }

  #report(error) {
    const { onError = error => console.error('tidelog/server:', error) } = this.#options
    onError(error)
  }
}

/** One log: the engine's object and the long polls that wait for its next push. */
class Log {
  #engine
  #waiters = new Set()
  /** Counts pushes, so that one between a pull and the wait behind it is not missed. */
  #pushes = 0
  #validator

  constructor(engine, validator) {
    this.#engine = engine
    this.#validator = validator
  }

  async push(principal, body) {
    const answer = await this.#engine.push(principal, body, this.#validator(principal))
    if (answer.status === 200) {
      this.#pushes++
      this.wake()
    }
    return answer
  }

  async resume(principal, body) {
    return this.#engine.resume(principal, body)
  }

  /**
   * Answers when there is something new, the time is up, the client has gone or the server is
   * closing.
   */
  async pull(principal, body, signal, closing) {
    const start = performance.now()
    for (;;) {
      const seen = this.#pushes
      const answer = await this.#engine.pull(principal, body)
      const left = Math.min(answer.waitMs, WAIT_MS) - (performance.now() - start)
      if (answer.status !== 200 || !answer.empty || !(left > 0)) return answer
      if (signal?.aborted || closing() || this.#waiters.size >= WAITERS) return answer
      if (seen === this.#pushes) await this.#wait(left, signal)
    }
  }

  wake() {
    for (const wake of this.#waiters) wake()
  }

  async close() {
    await this.#engine.close()
  }

  #wait(ms, signal) {
    return new Promise((/** @type {(value?: unknown) => void} */ resolve) => {
      const done = () => {
        clearTimeout(timer)
        signal?.removeEventListener('abort', done)
        this.#waiters.delete(done)
        resolve()
      }
      const timer = setTimeout(done, Math.ceil(ms))
      signal?.addEventListener('abort', done)
      this.#waiters.add(done)
    })
  }
}

function isJson(headers) {
  const [type] = (headers.get('Content-Type') ?? '').split(';')
  const encoding = headers.get('Content-Encoding') ?? 'identity'
  return type.trim().toLowerCase() === 'application/json' && encoding === 'identity'
}

/** The body's bytes, or null as soon as there are more than `limit`. */
async function read(request, limit) {
  if (Number(request.headers.get('Content-Length')) > limit) return null
  const parts = []
  let size = 0
  if (request.body) {
    for await (const part of request.body) {
      size += part.byteLength
      if (size > limit) return null
      parts.push(part)
    }
  }
  const bytes = new Uint8Array(size)
  let at = 0
  for (const part of parts) {
    bytes.set(part, at)
    at += part.byteLength
  }
  return bytes
}

function refuse(status, err, more = {}, headers = {}) {
  return Response.json({ err, ...more }, { status, headers })
}

function busy() {
  return refuse(503, 'busy', { retry_ms: RETRY_MS })
}

/** Every answer is for its asker only, also one that `authorize` made. */
function finish(response, cors = {}) {
  const headers = new Headers(response.headers)
  headers.set('Cache-Control', 'no-store')
  for (const [name, value] of Object.entries(cors)) headers.set(name, value)
  return new Response(response.body, { status: response.status, headers })
}
