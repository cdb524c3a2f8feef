// The demo as people use it: its own server process, two browser profiles, tabs, no network.

import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, before, test } from 'node:test'
import puppeteer from 'puppeteer-core'

const root = join(import.meta.dirname, '..', '..')
const BROWSERS = {
  chromium: { executablePath: '/usr/bin/chromium', args: ['--no-sandbox'] },
  firefox: { browser: 'firefox', executablePath: '/usr/bin/firefox-esr' },
}

before(() => {
  const vite = join(root, 'node_modules', 'vite', 'bin', 'vite.js')
  const { status, stderr } = spawnSync('node', [vite, 'build', '-c', 'www/vite.config.js'], { cwd: root })
  assert.equal(status, 0, String(stderr))
})

const cleanups = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

async function directory() {
  const dir = await mkdtemp(join(tmpdir(), 'tidelog-demo-'))
  cleanups.push(() => rm(dir, { recursive: true, force: true, maxRetries: 5 }))
  return dir
}

/** The demo's server in a process of its own; `kill` is SIGKILL. */
async function serve(data, port = 0) {
  const env = { ...process.env, PORT: String(port), DATA: data }
  const child = spawn('node', [join(root, 'www', 'server.js')], { env, stdio: ['ignore', 'pipe', 'inherit'] })
  const kill = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return
    child.kill('SIGKILL')
    await once(child, 'exit')
  }
  cleanups.push(kill)
  const [line] = await once(child.stdout, 'data')
  const [url] = /http:\S+/.exec(String(line))
  return { url, port: Number(new URL(url).port), kill }
}

/** A browser with a profile of its own. */
async function profile(name) {
  const userDataDir = await directory()
  const browser = await puppeteer.launch({ ...BROWSERS[name], headless: true, userDataDir })
  cleanups.push(() => browser.close())
  return browser
}

/** A tab with the demo, once its worker has answered. */
async function tab(browser, url) {
  const page = await browser.newPage()
  await page.goto(url)
  await page.waitForFunction(() => globalThis.db)
  return page
}

const leads = page => page.waitForFunction(() => globalThis.db?.status.role === 'leader')
const synced = page => page.waitForFunction(() => document.getElementById('pending').textContent === '0')
const has = (page, titles) =>
  page.waitForFunction(
    expected =>
      JSON.stringify([...document.querySelectorAll('#todos .title')].map(({ value }) => value)) === expected,
    {},
    JSON.stringify(titles),
  )
const text = (page, selector) => page.$eval(selector, element => element.textContent)

async function add(page, title) {
  await page.type('#new', title)
  await page.keyboard.press('Enter')
  await page.waitForFunction(
    wanted => [...document.querySelectorAll('#todos .title')].some(({ value }) => value === wanted),
    {},
    title,
  )
}

for (const name of Object.keys(BROWSERS)) {
  test(`two profiles edit one list, on and off the network (${name})`, async () => {
    const { url } = await serve(await directory())
    const ann = await tab(await profile(name), url)
    const bob = await tab(await profile(name), url)
    await leads(ann)
    assert.match(await text(ann, '#storage'), /OPFS/)
    await add(ann, 'milk')
    await has(bob, ['milk'])
    await bob.waitForFunction(() => document.querySelectorAll('#people li').length === 2)

    await ann.click('#online')
    await ann.waitForFunction(() => document.getElementById('online').ariaChecked === 'false')
    await add(ann, 'bread')
    await ann.click('.tick')
    await ann.waitForFunction(() => document.getElementById('pending').textContent === '2')
    await ann.waitForFunction(() => document.querySelectorAll('#log .pending').length === 2)
    await add(bob, 'eggs')
    await has(bob, ['milk', 'eggs'])

    await ann.click('#online')
    await has(ann, ['milk', 'bread', 'eggs'])
    await has(bob, ['milk', 'bread', 'eggs'])
    await Promise.all([synced(ann), synced(bob)])
    await bob.waitForFunction(() => document.querySelector('.tick').checked)
    await ann.waitForFunction(() => document.querySelectorAll('#log .pending').length === 0)
    const order = page =>
      page.evaluate(async () => (await globalThis.db.log({})).map(({ id, v }) => `${v} ${id}`))
    assert.deepEqual(await order(ann), await order(bob))
    assert.equal((await order(ann)).length, 4)
  })

  test(`a second tab of a profile waits, says so and takes over (${name})`, async () => {
    const { url } = await serve(await directory())
    const browser = await profile(name)
    const first = await tab(browser, url)
    await leads(first)
    await add(first, 'milk')
    const second = await tab(browser, url)
    assert.equal(await text(second, '#role'), 'waiting')
    assert.match(await text(second, '#notice'), /another tab/i)
    await first.close()
    await leads(second)
    await has(second, ['milk'])
    assert.equal(await second.$eval('#notice', notice => notice.hidden), true)
  })

  test(`a page reloads without its server, and sends what it has when it is back (${name})`, async () => {
    const data = await directory()
    const server = await serve(data)
    const browser = await profile(name)
    const ann = await tab(browser, server.url)
    await leads(ann)
    await ann.evaluate(() => navigator.serviceWorker.ready.then(() => {}))
    await add(ann, 'milk')
    await synced(ann)
    await server.kill()
    await add(ann, 'bread')
    await ann.reload()
    await leads(ann)
    await has(ann, ['milk', 'bread'])
    await add(ann, 'eggs')
    await ann.waitForFunction(() => document.getElementById('pending').textContent === '2')
    await serve(data, server.port)
    await ann.evaluate(() => globalThis.db.sync())
    await synced(ann)
    const bob = await tab(await profile(name), server.url)
    await has(bob, ['milk', 'bread', 'eggs'])
  })
}
