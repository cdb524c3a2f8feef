// Keeps one whole build of the demo, so that it opens without a network and never mixes two builds.
// The build fills in FILES, with the hash of each, and VERSION (vite.config.js). Sync and presence
// are not its business and go past it.

/** `[path, integrity]` of every file of the build. */
const FILES = self.__FILES__
const PREFIX = 'tidelog-demo-'
const CACHE = PREFIX + self.__VERSION__
const PATHS = new Set(FILES.map(([path]) => path))
/** The folder whose files have their content's hash in their names. */
const HASHED = '/assets/'

addEventListener('install', event => event.waitUntil(keep().then(() => skipWaiting())))
addEventListener('activate', event => event.waitUntil(takeOver()))

addEventListener('fetch', event => {
  const { method, url } = event.request
  const { origin, pathname } = new URL(url)
  if (method !== 'GET' || origin !== location.origin) return
  if (PATHS.has(pathname)) event.respondWith(kept(event.request, pathname))
  else if (pathname.startsWith(HASHED)) event.respondWith(keptBefore(event.request, pathname))
})

/**
 * All or nothing: a server that is in the middle of a deployment gives a file of another hash, and
 * is asked again later.
 */
async function keep() {
  try {
    const cache = await caches.open(CACHE)
    await cache.addAll(
      FILES.map(([path, integrity]) => {
        // the page has just loaded these; under the other names there may be an older file in the
        // browser's cache
        const how = path.startsWith(HASHED) ? 'default' : 'reload'
        return new Request(path, { integrity, cache: how })
      }),
    )
  } catch (error) {
    await caches.delete(CACHE)
    throw error
  }
}

/** Of this build. Without the cache, which the user may have cleared, there is the network. */
async function kept(request, path) {
  const cache = await caches.open(CACHE)
  return (await cache.match(path)) ?? fetch(request)
}

/** Of the build before, which a page that has not loaded anew still runs. */
async function keptBefore(request, path) {
  return (await caches.match(path)) ?? fetch(request)
}

/** The build before stays for the pages that run it; older ones go. */
async function takeOver() {
  const others = (await caches.keys()).filter(name => name.startsWith(PREFIX) && name !== CACHE)
  for (const name of others.slice(0, -1)) await caches.delete(name)
  await clients.claim()
}
