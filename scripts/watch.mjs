// Runs a test's commands: shows what they print, with the name of the part when several run side by
// side, counts CPU time, and ends one that takes too long with all its children. counts.mjs
// reads what they print.
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { environment, root } from './shell.mjs'

/** Runs the command and tells the CPU time of all that it waited for, as `times` does, on fd 3. */
const TIMED = '"$0" "$@"; status=$?; times >&3; exit $status'

/**
 * Runs a command and returns `{status, lines, cpu}`: `lines` are `[text, ms]`, what it printed and
 * when; `cpu` is in seconds. One that takes longer than `minutes` is killed with all its children
 * (browsers, drivers) and has the status null.
 */
export function watch(command, args, { env, minutes = 20, prefix = '' } = {}) {
  return new Promise(resolve => {
    const child = spawn('sh', ['-c', TIMED, command, ...args], {
      cwd: root,
      env: environment(env),
      stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
      detached: true,
    })
    const stop = () => {
      try {
        process.kill(-child.pid, 'SIGKILL')
      } catch {
        // it ended meanwhile
      }
    }
    const interrupted = () => {
      stop()
      process.exit(130)
    }
    const timer = setTimeout(() => {
      console.error(`killed after ${minutes} minutes: ${[command, ...args].join(' ')}`)
      stop()
    }, minutes * 60_000)
    const lines = []
    for (const [from, to] of [
      [child.stdout, process.stdout],
      [child.stderr, process.stderr],
    ]) {
      createInterface({ input: from }).on('line', line => {
        lines.push([line, performance.now()])
        to.write(`${prefix}${line}\n`)
      })
    }
    let times = ''
    child.stdio[3].on('data', chunk => {
      times += chunk
    })
    process.once('SIGINT', interrupted).once('SIGTERM', interrupted)
    const done = status => {
      clearTimeout(timer)
      process.off('SIGINT', interrupted).off('SIGTERM', interrupted)
      resolve({ status, lines, cpu: seconds(times) })
    }
    child.on('error', error => {
      lines.push([String(error), performance.now()])
      done(127)
    })
    child.on('close', done)
  })
}

/** The sum of what `times` prints: `0m1.25s 0m0.10s`, of the shell and of its children. */
const seconds = times =>
  [...times.matchAll(/(\d+)m([\d.]+)s/g)].reduce(
    (sum, [, minutes, rest]) => sum + Number(minutes) * 60 + Number(rest),
    0,
  )
