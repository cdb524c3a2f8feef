// The demo as an app: installed, without a network, at its next version, and under its
// Content-Security-Policy.

import assert from 'node:assert/strict'
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { before, test } from 'node:test'
import { createServer } from 'tidelog/server'
import { build } from 'vite'
import { INSTALLABLE, POLICY } from '../../www/node.js'
import { Presence } from '../../www/presence.js'
import { atEnd } from './cleanup.js'
import { browsers, launch } from './harness.js'
import { serveSite } from './site.js'

const root = join(import.meta.dirname, '..', '..')
const policy = `${POLICY}; ${INSTALLABLE}`
/** The complaints of browsers about a server that is away. */
const AWAY = [
  /ERR_(CONNECTION|INTERNET|EMPTY|NETWORK)/,
  /NetworkError/,
  /Failed to load/,
  /Failed to fetch/,
]

/** Two builds of the demo; each page says which it is of, by its document and by its script. */
const builds = {}
before(async () => {
  mkdirSync(join(root, '.build'), { recursive: true })
  for (const name of ['one', 'two']) {
    const outDir = mkdtempSync(join(root, '.build', 'demo-'))
    process.once('exit', () => rmSync(outDir, { recursive: true, force: true }))
    const mark = {
      name: 'mark',
      transformIndexHtml: html => html.replace('<html', `<html data-build="${name}"`),
      transform: (code, id) =>
        id.endsWith('www/main.js') ? `${code}\nglobalThis.build = '${name}'` : null,
    }
    const configFile = join(root, 'www', 'vite.config.js')
    await build({ configFile, logLevel: 'warn', plugins: [mark], build: { outDir } })
    builds[name] = outDir
  }
})

/** The demo's server in this process, so that it can go away and come back with another build. */
async function serve(t, options = {}) {
  const dir = mkdtempSync(join(tmpdir(), 'tidelog-pwa-'))
  atEnd(t, () => rmSync(dir, { recursive: true, force: true }))
  const sync = createServer({ storage: { dir }, authorize: () => 'anybody' })
  atEnd(t, () => sync.close())
  const presence = new Presence()
  const state = { hold: null }
  const handler = async request => {
    const { pathname } = new URL(request.url)
    if (pathname.endsWith('/push') && state.hold) await state.hold
    if (pathname.startsWith('/sync/')) return sync.fetch(request)
    if (pathname === '/who') return presence.answer(request)
    return null
  }
  return Object.assign(
    state,
    await serveSite(t, { files: builds.one, handler, policy, ...options }),
  )
}

/** The first build with some of the second's files. */
function half(t, names) {
  const dir = mkdtempSync(join(root, '.build', 'half-'))
  atEnd(t, () => rmSync(dir, { recursive: true, force: true }))
  cpSync(builds.one, dir, { recursive: true })
  for (const name of names) cpSync(join(builds.two, name), join(dir, name), { recursive: true })
  return dir
}

async function open(browser, url) {
  const page = await browser.open(url)
  await ready(page)
  return page
}

const ready = page =>
  page.waitForFunction(() => ['leader', 'follower'].includes(globalThis.db?.status.role), {
    timeout: 30_000,
  })
/** The service worker has kept everything and answers this page. */
const kept = page =>
  page.evaluate(async () => {
    await navigator.serviceWorker.ready
    while (!navigator.serviceWorker.controller)
      await new Promise(resolve => setTimeout(resolve, 10))
  })
const keptFiles = page =>
  page.evaluate(async () => {
    const requests = await Promise.all(
      (await caches.keys()).map(async name => (await caches.open(name)).keys()),
    )
    return requests
      .flat()
      .map(({ url }) => new URL(url).pathname.replace(/\/$/, '/index.html'))
      .sort()
  })
/** The files that the build made, without the service worker itself. */
const builtFiles = () =>
  readdirSync(builds.one, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile() && entry.name !== 'sw.js')
    .map(({ parentPath, name }) => join(parentPath, name).slice(builds.one.length))
    .sort()
const has = (page, marks) =>
  page.waitForFunction(
    expected =>
      JSON.stringify(
        Object.fromEntries(
          [...document.querySelectorAll('#todos li')].map(item => [
            item.querySelector('.title').value,
            item.querySelector('.mark').dataset.state,
          ]),
        ),
      ) === expected,
    {},
    JSON.stringify(marks),
  )
const versions = page =>
  page.evaluate(() => ({ html: document.documentElement.dataset.build, script: globalThis.build }))

async function add(page, title) {
  await page.type('#new', title)
  await page.keyboard.press('Enter')
  await page.waitForFunction(
    wanted => [...document.querySelectorAll('#todos .title')].some(({ value }) => value === wanted),
    {},
    title,
  )
}

test('Chromium finds nothing missing for the installation', async t => {
  const { url } = await serve(t)
  const page = await open(await launch(t, 'chromium'), url)
  const devtools = await page.createCDPSession()
  const { errors, data } = await devtools.send('Page.getAppManifest')
  assert.deepEqual(errors, [])
  const manifest = JSON.parse(data)
  assert.deepEqual(
    manifest.icons.map(({ sizes, type, purpose }) => `${sizes} ${type} ${purpose}`),
    [
      '192x192 image/png any',
      '512x512 image/png any',
      '512x512 image/png maskable',
      'any image/svg+xml any',
    ],
  )
  for (const { src, sizes } of manifest.icons) {
    const size = await page.evaluate(async src => {
      const image = Object.assign(new Image(), { src })
      await image.decode()
      return `${image.naturalWidth}x${image.naturalHeight}`
    }, src)
    if (sizes !== 'any') assert.equal(size, sizes)
  }
  assert.deepEqual(
    ['id', 'start_url', 'scope', 'display'].map(key => manifest[key]),
    ['/', '/', '/', 'standalone'],
  )
  assert.deepEqual(await devtools.send('Page.getInstallabilityErrors'), {
    installabilityErrors: [],
  })
})

for (const kind of browsers) {
  test(`after one visit the app starts and works without its server, and syncs when it is back (${kind})`, async t => {
    const site = await serve(t)
    const browser = await launch(t, kind, { allow: AWAY })
    const first = await open(browser, site.url)
    await kept(first)
    await add(first, 'milk')
    await has(first, { milk: 'confirmed' })
    // the browser's own cache may have more, and may lose it
    assert.deepEqual(await keptFiles(first), builtFiles())
    await site.down()
    await first.reload()
    await ready(first)
    await add(first, 'bread')
    await has(first, { milk: 'confirmed', bread: 'here' })
    const second = await open(browser, `${site.url}/#shared`)
    await has(second, { milk: 'confirmed', bread: 'here' })
    await first.close()
    await ready(second)
    await add(second, 'eggs')
    await second.reload()
    await ready(second)
    await has(second, { milk: 'confirmed', bread: 'here', eggs: 'here' })
    await site.up()
    await second.evaluate(() => globalThis.db.sync())
    await has(second, { milk: 'confirmed', bread: 'confirmed', eggs: 'confirmed' })
  })

  test(`an item says whether it is here, sent or confirmed, also after a reload (${kind})`, async t => {
    const site = await serve(t)
    const page = await open(await launch(t, kind, { allow: AWAY }), site.url)
    await page.click('#online')
    await page.waitForFunction(() => document.getElementById('online').ariaChecked === 'false')
    await add(page, 'milk')
    await has(page, { milk: 'here' })
    await page.reload()
    await ready(page)
    await page.waitForFunction(() => document.getElementById('online').ariaChecked === 'false')
    await has(page, { milk: 'here' })
    let answer
    site.hold = new Promise(resolve => {
      answer = resolve
    })
    await page.click('#online')
    await has(page, { milk: 'sent' })
    await page.reload()
    await ready(page)
    await has(page, { milk: 'sent' })
    await add(page, 'bread')
    site.hold = null
    answer()
    await has(page, { milk: 'confirmed', bread: 'confirmed' })
  })

  test(`a new build takes over whole, and not before it is complete (${kind})`, async t => {
    const site = await serve(t)
    const browser = await launch(t, kind, { allow: [...AWAY, /status of 404/, /ServiceWorker/] })
    const page = await open(browser, site.url)
    await kept(page)
    await add(page, 'milk')
    const update = () =>
      page.evaluate(async () => {
        const registration = await navigator.serviceWorker.ready
        await registration.update().catch(() => {})
        const worker = registration.installing ?? registration.waiting
        if (!worker) return 'none'
        while (!['activated', 'redundant'].includes(worker.state)) {
          await new Promise(resolve =>
            worker.addEventListener('statechange', resolve, { once: true }),
          )
        }
        return worker.state
      })

    // in the middle of a deployment: the new page before its scripts, then all but the new page
    await site.down()
    await site.up(half(t, ['index.html']))
    await page.reload()
    await ready(page)
    assert.deepEqual(await versions(page), { html: 'one', script: 'one' })
    await site.down()
    await site.up(half(t, ['sw.js', 'assets']))
    assert.equal(await update(), 'redundant')
    await site.down()
    await page.reload()
    await ready(page)
    assert.deepEqual(await versions(page), { html: 'one', script: 'one' })

    await site.up(builds.two)
    await page.type('#new', 'half a word')
    await update()
    assert.deepEqual(
      await versions(page),
      { html: 'one', script: 'one' },
      'nobody is torn from typing',
    )
    const other = await open(browser, site.url)
    assert.deepEqual(await versions(other), { html: 'two', script: 'two' })
    await page.bringToFront()
    await Promise.all([
      page.waitForNavigation(),
      page
        .$eval('#new', input => input.form.requestSubmit())
        .then(() => page.$eval('#new', input => input.blur())),
    ])
    await ready(page)
    assert.deepEqual(await versions(page), { html: 'two', script: 'two' })
    await site.down()
    await page.reload()
    await ready(page)
    assert.deepEqual(await versions(page), { html: 'two', script: 'two' })
    await page.waitForFunction(() => document.querySelectorAll('#todos li').length === 2)
  })

  test(`under the policy without images and a manifest the app works, and lacks just these (${kind})`, async t => {
    const missing = /^(manifest-src|img-src) /
    const site = await serve(t, { policy: POLICY, allow: [missing] })
    const browser = await launch(t, kind, {
      allow: [...AWAY, /manifest/, /Loading the image/, /loading of a resource \(img-src\)/],
    })
    const page = await open(browser, site.url)
    await kept(page)
    await add(page, 'milk')
    await has(page, { milk: 'confirmed' })
    await site.down()
    await page.reload()
    await ready(page)
    await has(page, { milk: 'confirmed' })
  })
}
