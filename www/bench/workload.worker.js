// Runs the workload on the system that the page names.

import { bare, model } from './ours.js'
import { dexie, sqliteWasm } from './peers.js'
import { run } from './workload.js'

const systems = {
  'tidelog, strict': () => model('strict'),
  'tidelog, relaxed': () => model('relaxed'),
  'bare statements, strict': () => bare('strict'),
  'bare statements, relaxed': () => bare('relaxed'),
  'sqlite-wasm, WAL full': () => sqliteWasm('wal', 'full'),
  'sqlite-wasm, WAL normal': () => sqliteWasm('wal', 'normal'),
  'sqlite-wasm, delete full': () => sqliteWasm('delete', 'full'),
  dexie,
}

addEventListener('message', async ({ data }) => {
  try {
    postMessage({ result: await run(await systems[data]()) })
  } catch (error) {
    postMessage({ error: error.stack })
  }
})
