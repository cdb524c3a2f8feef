// Runs one set of measurements in a worker of its own. The build it measures is the one that this
// page was built with.

import '../../trusted-types.js'
import { inWorker } from '../in-worker.js'

const measuring = () =>
  new Worker(new URL('./against.worker.js', import.meta.url), { type: 'module' })

globalThis.measure = name => inWorker(measuring(), name)
