// Real browsers for tests: Chromium over CDP and Firefox over BiDi, each with a profile of its own
// that can outlive it. What a page or a worker complains about fails the test. Pages and servers
// are site.js's.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import puppeteer from 'puppeteer-core'
import { atEnd } from './cleanup.js'

/** The browsers every browser test runs in. */
export const browsers = ['chromium', 'firefox']

/** What browsers ask for by themselves, also where the policy allows no images. */
const OWN = '/favicon.ico'

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
 * @param {{profile?: string, allow?: RegExp[], prefs?: object}} [options] `profile`: a directory of `newProfile`, used by one browser
 *   at a time; `allow`: complaints that are expected; `prefs`: of Firefox
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

  /** What pages and workers complained about so far, without what is allowed. */
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
 * Kills the process that renders a page, and its worker with it. Firefox has no command for this:
 * there it is the one that works when the page does.
 */
export async function killRenderer(page) {
  const browser = page.browser()
  if (browser.process().spawnfile.includes('chromium')) {
    const client = await page.createCDPSession()
    // never answered
    client.send('Page.crash').catch(() => {})
    return
  }
  const before = renderers(browser.process().pid)
  await page.evaluate(() => {
    const until = performance.now() + 200
    while (performance.now() < until);
  })
  const used = [...renderers(browser.process().pid)].map(([pid, cpu]) => [
    pid,
    cpu - (before.get(pid) ?? 0),
  ])
  const [[pid]] = used.sort(([, a], [, b]) => b - a)
  process.kill(pid, 'SIGKILL')
}

/** Firefox's processes for pages under `parent`, with the CPU time they used. */
function renderers(parent) {
  const found = new Map()
  const child = new RegExp(`-isForBrowser.*-parentPid[\\0 ]${parent}[\\0 ]`)
  for (const pid of readdirSync('/proc').filter(name => /^[0-9]+$/.test(name))) {
    try {
      const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8')
      if (!child.test(command)) continue
      const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1).split(' ')
      found.set(Number(pid), Number(fields[11]) + Number(fields[12]))
    } catch {
      // ended meanwhile
    }
  }
  return found
}

/** Freezes a page of Chromium with its workers, as the browser does to save power, or wakes it. */
export async function setFrozen(page, frozen) {
  const client = await page.createCDPSession()
  await client.send('Page.setWebLifecycleState', { state: frozen ? 'frozen' : 'active' })
  await client.detach()
}
