// A page with a worker that keeps one file in OPFS: what the harness itself is proved with. The
// page offers `ask(request)` to the test.
import '../../../www/trusted-types.js'

const worker = new Worker(new URL('./storage.worker.js', import.meta.url), { type: 'module' })
let last = 0

globalThis.ask = request => {
  const id = ++last
  return new Promise((resolve, reject) => {
    worker.addEventListener('message', function answered({ data }) {
      if (data.id !== id) return
      worker.removeEventListener('message', answered)
      if ('error' in data) reject(new Error(data.error))
      else resolve(data.result)
    })
    worker.postMessage({ id, request })
  })
}
