// Keeps the demo's files so that it opens without a network. The build fills in FILES and VERSION (vite.config.js); sync
// and presence are not its business and go past it.

const FILES = self.__FILES__
const CACHE = `tidelog-demo-${self.__VERSION__}`

addEventListener('install', event => {
  event.waitUntil(caches.open(CACHE).then(cache => cache.addAll(FILES)))
  self.skipWaiting()
})

addEventListener('activate', event => {
  event.waitUntil(takeOver())
})

addEventListener('fetch', event => {
  const { method, mode, url } = event.request
  const { origin, pathname } = new URL(url)
  if (method !== 'GET' || origin !== location.origin) return
  // the page comes from the network while there is one, so that a new version is seen at once
  if (mode === 'navigate') event.respondWith(fetch(event.request).catch(() => kept('/')))
  else if (FILES.includes(pathname))
    event.respondWith(kept(pathname).then(file => file ?? fetch(event.request)))
})

const kept = async path => (await caches.open(CACHE)).match(path)

async function takeOver() {
  for (const name of await caches.keys()) if (name !== CACHE) await caches.delete(name)
  await clients.claim()
}
