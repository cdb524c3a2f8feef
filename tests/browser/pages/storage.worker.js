// Keeps one file in OPFS through a synchronous handle, fetches, and complains, as it is asked to.
let handle

const actions = {
  async open(name) {
    const directory = await navigator.storage.getDirectory()
    const file = await directory.getFileHandle(name, { create: true })
    handle = await file.createSyncAccessHandle()
    return handle.getSize()
  },
  write(text) {
    const bytes = new TextEncoder().encode(text)
    handle.truncate(0)
    const written = handle.write(bytes, { at: 0 })
    handle.flush()
    return written
  },
  read() {
    const bytes = new Uint8Array(handle.getSize())
    handle.read(bytes, { at: 0 })
    return new TextDecoder().decode(bytes)
  },
  async fetch(path) {
    return (await fetch(path, { cache: 'no-store' })).status
  },
  complain: text => console.error(text),
  reject(text) {
    Promise.reject(new Error(text))
  },
  crash(text) {
    setTimeout(() => {
      throw new Error(text)
    })
  },
}

self.addEventListener('message', async ({ data: { id, request } }) => {
  const [action, argument] = Object.entries(request)[0]
  try {
    self.postMessage({ id, result: await actions[action](argument) })
  } catch (error) {
    self.postMessage({ id, error: String(error) })
  }
})
