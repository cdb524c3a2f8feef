// A worker in which the world of tests/sim runs as wasm (examples/sim_shipped.rs) on the stage of
// this realm. Takes seeds from a counter that it shares with its siblings; tells the hash of each
// trace, or the whole trace of one.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parentPort, workerData } from 'node:worker_threads'
import { root } from '../../scripts/shell.mjs'
import { openStage } from './stage.js'

const folder = join(root, '.build', 'sim')
const world = await import(join(folder, 'sim.js'))
world.initSync({ module: readFileSync(join(folder, 'sim_bg.wasm')) })
const stage = await openStage()

const { first, seeds, steps, next, text } = workerData
for (let i = Atomics.add(next, 0, 1); i < seeds; i = Atomics.add(next, 0, 1)) {
  const told = text ? world.traceOf(stage, first + i, steps) : world.hashOf(stage, first + i, steps)
  parentPort.postMessage([first + i, told])
}
