// Runs one set of measurements in a worker of its own. The build it measures is the one that this
// page was built with.

import '../../trusted-types.js'

globalThis.measure = async name => {
  const worker = new Worker(new URL('./against.worker.js', import.meta.url), { type: 'module' })
  try {
    return await new Promise((resolve, reject) => {
      worker.onmessage = ({ data }) =>
        data.error ? reject(new Error(data.error)) : resolve(data.result)
      worker.onerror = event => reject(new Error(event.message))
      worker.postMessage(name)
    })
  } finally {
    worker.terminate()
  }
}
