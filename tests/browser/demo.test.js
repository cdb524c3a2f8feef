// The demo as people use it: its own server process, two browser profiles, tabs, no network.

import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { before, test } from 'node:test'
import { build } from 'vite'
import { atEnd } from './cleanup.js'
import { browsers, launch } from './harness.js'
import { startProgram } from './site.js'

const root = join(import.meta.dirname, '..', '..')
/** The complaints of browsers about a server that is away. */
const AWAY = [
  /ERR_CONNECTION_REFUSED/,
  /ERR_EMPTY_RESPONSE/,
  /ERR_CONNECTION_RESET/,
  /NetworkError/,
  /Failed to load/,
]

before(() => build({ configFile: join(root, 'www', 'vite.config.js'), logLevel: 'warn' }))

function directory(t) {
  const dir = mkdtempSync(join(tmpdir(), 'tidelog-demo-'))
  atEnd(t, () => rmSync(dir, { recursive: true, force: true }))
  return dir
}

/** The demo's server in a process of its own. */
async function serve(t, data, port = '0') {
  const ready = /(http:\/\/localhost:(\d+))/
  const { match, kill } = await startProgram(t, ['www/server.js'], {
    ready,
    env: { PORT: port, DATA: data },
  })
  return { url: match[1], port: match[2], kill }
}

/** A tab with the demo, once its worker has answered. */
async function tab(browser, url) {
  const page = await browser.open(url)
  await page.waitForFunction(() => globalThis.db)
  return page
}

const leads = page => page.waitForFunction(() => globalThis.db?.status.role === 'leader')
const synced = page =>
  page.waitForFunction(() => document.getElementById('pending').textContent === '0')
const has = (page, titles) =>
  page.waitForFunction(
    expected =>
      JSON.stringify([...document.querySelectorAll('#todos .title')].map(({ value }) => value)) ===
      expected,
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

for (const kind of browsers) {
  test(`two profiles edit one list, on and off the network (${kind})`, async t => {
    const { url } = await serve(t, directory(t))
    const ann = await tab(await launch(t, kind), url)
    const bob = await tab(await launch(t, kind), url)
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

  test(`a second tab of a profile shows and writes the same list, and takes over (${kind})`, async t => {
    const { url } = await serve(t, directory(t))
    const browser = await launch(t, kind)
    const first = await tab(browser, url)
    await leads(first)
    await add(first, 'milk')
    const second = await tab(browser, url)
    await second.waitForFunction(() => globalThis.db.status.role === 'follower')
    await has(second, ['milk'])
    await add(second, 'bread')
    await has(first, ['milk', 'bread'])
    await first.close()
    await leads(second)
    await has(second, ['milk', 'bread'])
    assert.equal(await second.$eval('#notice', notice => notice.hidden), true)
  })

  test(`a page reloads without its server, and sends what it has when it is back (${kind})`, async t => {
    const data = directory(t)
    const server = await serve(t, data)
    const browser = await launch(t, kind, { allow: AWAY })
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
    await serve(t, data, server.port)
    await ann.evaluate(() => globalThis.db.sync())
    await synced(ann)
    const bob = await tab(await launch(t, kind), server.url)
    await has(bob, ['milk', 'bread', 'eggs'])
  })

  test(`a worker that is ended is replaced, and every call takes effect once (${kind})`, async t => {
    const { url } = await serve(t, directory(t))
    const ann = await tab(await launch(t, kind), url)
    await leads(ann)
    await ann.evaluate(() => globalThis.db.setOnline(false))
    const { kept, codes } = await ann.evaluate(async () => {
      const kept = []
      const make = async i => {
        const { data } = await globalThis.db.dispatch('added', {
          id: `todo-${i}`,
          title: 'x',
          at: i,
        })
        // with a thousand under way the worker is in the middle of one
        if (kept.push(data.id) === 10) globalThis.terminateWorkersOfTest()
      }
      const settled = await Promise.allSettled([...Array(1000)].map((_, i) => make(i)))
      return { kept, codes: settled.flatMap(({ reason }) => (reason ? [reason.code] : [])) }
    })
    assert.deepEqual(codes, [])
    assert.equal(kept.length, 1000)
    await ann.reload()
    await leads(ann)
    assert.equal(await ann.evaluate(() => globalThis.db.store.todos.count()), 1000)
    const events = await ann.evaluate(() => globalThis.db.log({ limit: 2000 }))
    assert.deepEqual(new Set(events.map(({ data }) => data.id)), new Set(kept))
    assert.equal(events.length, 1000)
  })
}
