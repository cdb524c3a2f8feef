// Starts the worker that runs the specification, and keeps its answer.
import '../../../www/trusted-types.js'

const worker = new Worker(new URL('./spec.worker.js', import.meta.url), { type: 'module' })
globalThis.results = new Promise((resolve, reject) => {
  worker.onmessage = ({ data }) => resolve(data)
  worker.onerror = event => reject(new Error(event.message))
})
