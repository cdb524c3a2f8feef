// Runs programs for the other scripts: where the repository is, what the environment of cargo is,
// how a command is started. Decides nothing about what is run. watch.mjs runs tests.
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The repository. */
export const root = fileURLToPath(new URL('..', import.meta.url)).replace(/\/$/, '')

/**
 * Tools built once and kept outside `target/`, so that `cargo clean` and a fresh checkout keep
 * them.
 */
export const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'tidelog')

/** Where cargo builds. */
export const target = process.env.CARGO_TARGET_DIR || join(root, 'target')

/** The version of a crate in a Cargo.lock; throws when it has none or several. */
export function locked(crate, directory = '.') {
  const lock = readFileSync(join(root, directory, 'Cargo.lock'), 'utf8')
  const found = [...lock.matchAll(new RegExp(`^name = "${crate}"\\nversion = "(.+)"$`, 'gm'))]
  if (found.length !== 1)
    throw new Error(
      `${join(directory, 'Cargo.lock')} has ${found.length} versions of '${crate}', 1 is needed`,
    )
  return found[0][1]
}

/** Makes the JavaScript module beside a wasm: `[wasm, directory, name]`. Its source is bindgen/. */
export const bindgen = join(cache, 'bindgen', 'debug', 'bindgen')

/**
 * Directory of the runner of tests in wasm, of the very version of the crate: the two refuse to
 * work together otherwise.
 */
export const runner = () => join(cache, `wasm-bindgen-${locked('wasm-bindgen')}`)

/** The environment of every command: cargo finds the runner of tests in wasm on the PATH. */
export function environment(extra = {}) {
  const path = `${join(runner(), 'bin')}:${join(cache, 'geckodriver', 'bin')}:${process.env.PATH}`
  return { ...process.env, PATH: path, ...extra }
}

/** Says what is done now and may take a while. */
export const say = what => console.log(`- ${what}`)

/** The output of a command, or null when it fails or is not there. */
export function output(command, args) {
  const { status, stdout } = spawnSync(command, args, {
    cwd: root,
    encoding: 'utf8',
    env: environment(),
  })
  return status === 0 ? stdout : null
}

/** Whether a program is on the PATH. */
export const has = program => output('sh', ['-c', `command -v ${program}`]) !== null

/** Runs a command in sight of the user and ends the script when it fails. */
export function must(command, args, { env, cwd = root } = {}) {
  const { status, error } = spawnSync(command, args, {
    cwd,
    stdio: 'inherit',
    env: environment(env),
  })
  if (status === 0) return
  console.error(`failed: ${[command, ...args].join(' ')}${error ? ` (${error.message})` : ''}`)
  process.exit(status || 1)
}
