// The host's files in each runtime: one process at a time, whatever it runs in; a killed one keeps
// nothing locked; each commit is flushed once; closing leaves no handle behind.
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import { runtimes } from './commands.js'

const holder = join(import.meta.dirname, 'holder.js')

/** The output of a process that opens the file and closes it. */
function once([command, ...args], file) {
  const options = { encoding: 'utf8', timeout: 60_000 }
  const { stdout, stderr } = spawnSync(command, [...args, holder, file, 'once'], options)
  assert.match(stdout, /^\{/, stderr)
  return JSON.parse(stdout)
}

/** Starts a process that keeps the file open, and gives its first output. */
async function hold([command, ...args], file) {
  const child = spawn(command, [...args, holder, file, 'hold'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const ended = new Promise(resolve => child.once('close', resolve))
  const said = await Promise.race([
    new Promise(resolve => createInterface({ input: child.stdout }).once('line', resolve)),
    ended.then(code => assert.fail(`it ended with ${code}`)),
  ])
  const kill = () => {
    child.kill('SIGKILL')
    return ended
  }
  return { said: JSON.parse(said), kill }
}

for (const [name, command] of Object.entries(runtimes)) {
  test(`${name} holds its file against all, and a kill lets it go`, async t => {
    const dir = mkdtempSync(join(tmpdir(), 'tidelog-files-'))
    t.after(() => rmSync(dir, { recursive: true, force: true }))
    const file = join(dir, 'some.db')
    const { said, kill } = await hold(command, file)
    t.after(kill)
    assert.deepEqual(said, { found: [], written: 1 })
    for (const [other, args] of Object.entries(runtimes))
      assert.deepEqual(once(args, file), { code: 'LOCKED' }, `${other} came in`)
    await kill()
    let n = 1
    for (const [other, args] of Object.entries(runtimes)) {
      const found = Array.from({ length: n }, (_, i) => `${i}`)
      assert.deepEqual(once(args, file), { found, written: 1, left: 0 }, `${other} after the kill`)
      n += 1
    }
    assert.deepEqual(readdirSync(dir), ['some.db'])
  })
}
