// The specification of tests/spec in every runtime that npm can give us, each test reported as one
// of ours.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { test } from 'node:test'
import { bin, runtimes } from './commands.js'
import { workerdConfig } from './workerd.js'

const main = join(import.meta.dirname, 'main.js')

const runs = [
  ['Node 26', 'bundled'],
  ['Node 26', 'node:sqlite'],
  ['Node 26', 'better-sqlite3'],
  ['Bun', 'bundled'],
  ['Bun', 'bun:sqlite'],
  ['Deno', 'bundled'],
]

for (const [runtime, engine] of runs) {
  const [command, ...args] = runtimes[runtime]
  await report(`${runtime}, ${engine}`, 'results', start(command, [...args, main, engine]))
}

const { dir, remove } = await workerdConfig()
const workerd = start(bin('workerd/bin/workerd'), ['test', join(dir, 'config.capnp')])
remove()
await report('workerd, Durable Object', 'objects', workerd)
await report('workerd, memory', 'results', workerd)

function start(command, args) {
  const env = { ...process.env, NODE_NO_WARNINGS: '1' }
  return spawnSync(command, args, { encoding: 'utf8', timeout: 120_000, maxBuffer: 1e8, env })
}

/**
 * One test for each result, and one that there are results, for nothing may be left out quietly.
 */
async function report(name, key, { status, signal, error, stdout, stderr }) {
  const line = stdout?.split('\n').find(text => text.startsWith(`${key}: `))
  const results = line ? JSON.parse(line.slice(key.length + 2)) : []
  await test(`${name}: it ran and ended`, () => {
    assert.equal(status, 0, `${error ?? signal ?? status}\n${stdout}\n${stderr}`)
    assert.ok(results.length > 20, `${results.length} tests\n${stdout}\n${stderr}`)
  })
  for (const { name: sentence, error: failure } of results) {
    await test(`${name}: ${sentence}`, () => assert.equal(failure, undefined))
  }
}
