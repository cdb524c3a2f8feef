// Real browsers for tests: Chromium over CDP and Firefox over BiDi, each with a profile of its own
// that can outlive it. What a page or a worker complains about fails the test. Pages and servers
// are site.js's.
import { randomInt } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import puppeteer from 'puppeteer-core'
import { atEnd } from './cleanup.js'

/** The browsers every browser test runs in. */
export const browsers = ['chromium', 'firefox']

/** The path that browsers ask for by themselves, also where the policy allows no images. */
const OWN = '/favicon.ico'

/** The unit in which a WebAssembly memory grows, in bytes. */
const WASM_PAGE = 65_536

const kinds = {
  chromium: {
    browser: 'chrome',
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: [
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-gpu',
      '--disable-sync',
      '--no-first-run',
      ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []),
    ],
  },
  firefox: {
    browser: 'firefox',
    executablePath: process.env.FIREFOX ?? '/usr/bin/firefox-esr',
  },
}

/** A new, empty browser profile that goes when the test ends. */
export function newProfile(t) {
  const directory = mkdtempSync(join(tmpdir(), 'tidelog-profile-'))
  atEnd(t, () =>
    rmSync(directory, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 }),
  )
  return directory
}

/**
 * Starts a browser, which is closed when the test ends.
 * @param {import('node:test').TestContext} t
 * @param {'chromium' | 'firefox'} kind
 * @param {{profile?: string, allow?: RegExp[], prefs?: object}} [options] `profile`: a directory
 *   of `newProfile`, used by one browser at a time; `allow`:
 *   complaints that are expected; `prefs`: of Firefox
 */
export async function launch(t, kind, { profile = newProfile(t), allow = [], prefs } = {}) {
  const browser = await puppeteer.launch({
    ...kinds[kind],
    headless: true,
    userDataDir: profile,
    extraPrefsFirefox: prefs,
  })
  // when Firefox ends, Puppeteer would put these back, in the middle of the next launch; the
  // profile is ours
  for (const file of ['prefs.js', 'user.js'])
    rmSync(join(profile, `${file}.puppeteer`), { force: true })
  const session = new Session(browser, profile, allow)
  atEnd(t, () => session.close())
  return session
}

/** One running browser. */
class Session {
  #browser
  #allow
  #complaints = []

  constructor(browser, profile, allow) {
    this.#browser = browser
    this.#allow = allow
    /** Its profile's directory; another `launch` may take it once this one is closed or killed. */
    this.profile = profile
  }

  /** Opens an address in a new tab and resolves to Puppeteer's page once it is loaded. */
  async open(url) {
    const page = await this.#browser.newPage()
    page.on('console', message => {
      if (message.location().url?.endsWith(OWN)) return
      if (message.type() === 'error') this.#complain(`console.error: ${message.text()}`)
    })
    page.on('pageerror', error => {
      // Firefox reports what a policy blocked as an error of the page
      if (!error?.message?.includes(OWN))
        this.#complain(`uncaught: ${error?.stack ?? error?.message ?? error}`)
    })
    page.on('error', error => this.#complain(`the page crashed: ${error.message}`))
    await page.evaluateOnNewDocument(rememberWorkers)
    await page.goto(url)
    return page
  }

  /** The browser's own process; pages run in processes below it. */
  get pid() {
    return this.#browser.process().pid
  }

  /** The complaints of pages and workers so far, without those that are allowed. */
  get complaints() {
    return this.#complaints.filter(text => !this.#allow.some(pattern => pattern.test(text)))
  }

  /** Ends the browser as a crash would, with all its processes. */
  async kill() {
    const child = this.#browser.process()
    const exited = new Promise(resolve => child.once('exit', resolve))
    // Puppeteer starts browsers as leaders of a process group
    process.kill(-child.pid, 'SIGKILL')
    await exited
  }

  /** Closes the browser; throws when a page or worker complained. */
  async close() {
    const child = this.#browser.process()
    if (child.exitCode === null && child.signalCode === null) await this.#browser.close()
    const complaints = this.complaints
    this.#complaints = []
    if (complaints.length > 0) throw new Error(`the browser complained:\n${complaints.join('\n')}`)
  }

  #complain(text) {
    this.#complaints.push(text)
  }
}

/**
 * Ends the page's dedicated workers wherever they are, as a browser short of memory would; resolves
 * to their number.
 */
export function terminateWorkers(page) {
  return page.evaluate(() => globalThis.terminateWorkersOfTest())
}

/** Runs in the page, before its own scripts. */
function rememberWorkers() {
  const workers = []
  const Native = globalThis.Worker
  globalThis.Worker = class Worker extends Native {
    constructor(...args) {
      super(...args)
      workers.push(this)
    }
  }
  globalThis.terminateWorkersOfTest = () => {
    const ended = workers.splice(0)
    for (const worker of ended) worker.terminate()
    return ended.length
  }
}

/**
 * Kills the process that renders a page, and its worker with it. No browser says which process that
 * is: the page makes a memory of a size that no process has yet, and the process that has it then
 * is the page's. Throws when the page still answers after that process has died.
 */
export async function killRenderer(page) {
  const pid = await rendererOf(page)
  const crashed = new Promise(resolve => page.once('error', resolve))
  process.kill(pid, 'SIGKILL')
  await within(10_000, `process ${pid} does not die`, async () => {
    while (isAlive(pid)) await sleep(5)
  })
  // Chromium leaves this without an answer and reports a crash; Firefox refuses it, or answers for
  // the empty page that it puts there
  const answer = page.evaluate(() => 'markOfTest' in globalThis).catch(() => false)
  const alive = await within(10_000, `nobody hears that process ${pid} died`, () =>
    Promise.race([answer, crashed.then(() => false)]),
  )
  if (alive)
    throw new Error(`process ${pid} died, and the page that it was to render still answers`)
}

/** The process that renders a page: the only one with a memory of the size that the page makes. */
async function rendererOf(page) {
  for (let attempt = 0; attempt < 20; attempt++) {
    const size = randomInt(1000, 5000) * WASM_PAGE
    if (withMapping(size).length > 0) continue
    await page.evaluate(pages => {
      globalThis.markOfTest = new WebAssembly.Memory({ initial: pages })
    }, size / WASM_PAGE)
    const found = withMapping(size)
    if (found.length === 1) return found[0]
  }
  throw new Error('no process stands out as the one that renders the page')
}

/** Processes with a writable mapping of this size, or of a little more: Firefox adds a header. */
function withMapping(size) {
  const matches = ([, from, to]) => {
    const length = Number(BigInt(`0x${to}`) - BigInt(`0x${from}`))
    return length >= size && length < size + WASM_PAGE
  }
  const all = readdirSync('/proc').filter(name => /^[0-9]+$/.test(name))
  const found = all.filter(pid => {
    const maps = readProc(pid, 'maps')
    return [...maps.matchAll(/^([0-9a-f]+)-([0-9a-f]+) rw-p/gm)].some(matches)
  })
  return found.map(Number)
}

/** A killed process that nobody waited for yet is a zombie. */
const isAlive = pid => /\) [^ZX] /.test(readProc(pid, 'stat'))

/** The system's record of a process; an empty text for one that ended meanwhile. */
function readProc(pid, what) {
  try {
    return readFileSync(`/proc/${pid}/${what}`, 'utf8')
  } catch {
    return ''
  }
}

/** The result of `work`, or an error after `ms`. */
async function within(ms, message, work) {
  const timer = new AbortController()
  const late = sleep(ms, null, { signal: timer.signal }).then(
    () => Promise.reject(new Error(`${message}, ${ms} ms after it was killed`)),
    () => {},
  )
  try {
    return await Promise.race([work(), late])
  } finally {
    timer.abort()
  }
}

/** Freezes a page of Chromium with its workers, as the browser does to save power, or wakes it. */
export async function setFrozen(page, frozen) {
  const client = await page.createCDPSession()
  await client.send('Page.setWebLifecycleState', { state: frozen ? 'frozen' : 'active' })
  await client.detach()
}
