// How a page of the benchmarks has one set of measurements run. What is measured is the worker's.

/** Has a new worker run `name`, and ends the worker. */
export async function inWorker(worker, name) {
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
