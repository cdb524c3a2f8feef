// The lock on a path among real processes, some of which are killed or frozen.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import test from 'node:test'
import { lockPath } from '../../pkg-template/platform/path-lock.js'

const module = new URL('../../pkg-template/platform/path-lock.js', import.meta.url).href

const directory = () => fs.mkdtempSync(path.join(os.tmpdir(), 'tidelog-lock-'))

/** Runs a module in a process of its own; its lines as they come. */
const run = (source, ...args) => {
  const text = `import {lockPath} from '${module}'; import fs from 'node:fs'; ${source}`
  const child = spawn(process.execPath, ['--input-type=module', '-e', text, ...args], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  let out = ''
  const waiting = []
  child.stdout.on('data', data => {
    out += data
    for (const look of waiting.splice(0)) look()
  })
  let over = false
  const line = async text => {
    while (!out.includes(text)) {
      assert.ok(!over, `the process ended without '${text}': ${out}`)
      await new Promise(resolve => waiting.push(resolve))
    }
  }
  const ended = new Promise(resolve =>
    child.on('close', (code, signal) => {
      over = true
      for (const look of waiting.splice(0)) look()
      resolve({ code, signal, out })
    }),
  )
  return { child, line, ended }
}

const holder = `const lock = await lockPath(process.argv[1]); console.log(lock ? 'got' : 'no'); setInterval(() => {}, 1e6)`

test('a second opener is turned away, in this process and in another', async () => {
  const file = path.join(directory(), 'a.db')
  const lock = await lockPath(file)
  assert.equal(await lockPath(file), null)
  assert.equal(await lockPath(path.join(path.dirname(file), '.', 'x', '..', 'a.db')), null)
  const other = run(holder, file)
  await other.line('no')
  other.child.kill('SIGKILL')
  await other.ended
  lock.release()
  const again = await lockPath(file)
  assert.notEqual(again, null)
  again.release()
  assert.deepEqual(fs.readdirSync(path.dirname(file)), [])
})

test('a dead process keeps nothing, a frozen one does', async () => {
  const file = path.join(directory(), 'a.db')
  const other = run(holder, file)
  await other.line('got')
  assert.equal(await lockPath(file), null)
  other.child.kill('SIGSTOP')
  assert.equal(await lockPath(file), null)
  other.child.kill('SIGKILL')
  await other.ended
  const lock = await lockPath(file)
  assert.notEqual(lock, null)
  lock.release()
})

test('of many that come at once one gets it', async () => {
  for (let round = 0; round < 20; round++) {
    const file = path.join(directory(), 'a.db')
    const locks = (await Promise.all(Array.from({ length: 6 }, () => lockPath(file)))).filter(
      lock => lock,
    )
    assert.equal(locks.length, 1, `${locks.length} got it`)
    for (const lock of locks) lock.release()
    const lock = await lockPath(file)
    assert.notEqual(lock, null)
    lock.release()
  }
})

test('a lock does not keep its process alive', async () => {
  const { code, out } = await run(
    `console.log(await lockPath(process.argv[1]) ? 'got' : 'no')`,
    path.join(directory(), 'a'),
  ).ended
  assert.deepEqual([code, out], [0, 'got\n'])
})

test('a path too long for a socket is locked all the same', async () => {
  const deep = path.join(directory(), ...Array(6).fill('a-rather-long-name-of-a-directory'))
  fs.mkdirSync(deep, { recursive: true })
  const lock = await lockPath(path.join(deep, 'a.db'))
  assert.equal(await lockPath(path.join(deep, 'a.db')), null)
  const free = await lockPath(path.join(deep, 'b.db'))
  free.release()
  lock.release()
})

test('of many that race, kill themselves and come again, never two hold it', async () => {
  const file = path.join(directory(), 'a.db')
  const contender = `
    const [file, count] = process.argv.slice(1)
    // a killed process closes its sockets a moment before it is gone
    const alive = pid => {
      try { return !/\\) [ZX] /.test(fs.readFileSync('/proc/' + pid + '/stat', 'utf8')) } catch { return false }
    }
    for (let i = 0; i < count; i++) {
      const lock = await lockPath(file)
      if (lock) {
        const mark = file + '.holder'
        if (fs.existsSync(mark)) {
          const pid = Number(fs.readFileSync(mark, 'utf8'))
          for (let wait = 0; wait < 100 && alive(pid); wait++) await new Promise(resolve => setTimeout(resolve, 5))
          if (pid && alive(pid)) { console.log('TWO: ' + pid + ' is alive'); process.exit(1) }
        }
        fs.writeFileSync(mark, String(process.pid))
        await new Promise(resolve => setTimeout(resolve, Math.random() * 8))
        if (Number(fs.readFileSync(mark, 'utf8')) !== process.pid) { console.log('TWO: another has come'); process.exit(1) }
        console.log('held')
        if (Math.random() < 0.3) process.kill(process.pid, 'SIGKILL')
        fs.unlinkSync(mark)
        lock.release()
      }
      await new Promise(resolve => setTimeout(resolve, Math.random() * 8))
    }`
  let held = 0
  let killed = 0
  const lane = async () => {
    for (let i = 0; i < 8; i++) {
      const { signal, out } = await run(contender, file, 12).ended
      assert.doesNotMatch(out, /TWO/)
      held += out.split('held').length - 1
      killed += signal === 'SIGKILL' ? 1 : 0
    }
  }
  await Promise.all([lane(), lane(), lane(), lane()])
  assert.ok(
    held > 40 && killed > 8,
    `held ${held} times, killed ${killed} times: too little happened`,
  )
  console.log(`held ${held} times, killed while holding ${killed} times`)
  const lock = await lockPath(file)
  assert.notEqual(lock, null)
  lock.release()
  assert.deepEqual(
    fs.readdirSync(path.dirname(file)).filter(name => name.startsWith('.lock')),
    [],
  )
})
