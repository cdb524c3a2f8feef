// Brings what a command needs onto a fresh machine, and costs nothing the second time. Installs
// from Debian, crates.io and npm only; what it may not install it names, with the command to type.
//
//   node scripts/setup.mjs [build] [runner] [browsers] [runtimes]
import { existsSync, mkdirSync, readlinkSync, rmSync, statSync, symlinkSync } from 'node:fs'
import { join, relative } from 'node:path'
import { bindgen, cache, has, locked, must, output, root, runner, say } from './shell.mjs'

/** Debian's packages by the program that shows whether they are there. */
const packages = {
  build: { clang: 'clang', 'llvm-ar': 'llvm', cc: 'build-essential' },
  browsers: { chromium: 'chromium', chromedriver: 'chromium-driver', 'firefox-esr': 'firefox-esr' },
}

const groups = {
  /** Dev dependencies, again when package-lock.json changed. */
  npm() {
    install(root, 'package-lock.json')
  },
  /** The tools that `npm run build` and `npm start` need. */
  build() {
    system(packages.build)
    rust()
    amalgamation()
    buildBindgen()
  },
  /** The runner of tests in wasm. */
  runner() {
    const version = locked('wasm-bindgen')
    crateBinary('wasm-bindgen-cli', version, runner(), 'wasm-bindgen-test-runner')
  },
  /** The browsers and drivers that tests in browsers need. */
  browsers() {
    system(packages.browsers)
    crateBinary('geckodriver', null, join(cache, 'geckodriver'), 'geckodriver')
  },

  /**
   * The other runtimes of `npm test -- runtimes`, from npm alone: about 600 MB, in a place of their
   * own.
   */
  runtimes() {
    install(join(root, 'tests', 'runtimes'), 'package.json')
  },
}

/** Does the set-up of the named groups: 'npm', 'build', 'runner', 'browsers', 'runtimes'. */
export function setup(...names) {
  for (const name of names) groups[name]()
}

/** Again when the file that names the versions changed. */
function install(directory, versions) {
  const age = file => statSync(join(directory, file), { throwIfNoEntry: false })?.mtimeMs ?? 0
  if (age('node_modules/.package-lock.json') >= age(versions)) return
  say(`installing what ${relative(root, join(directory, 'package.json'))} names, from npm`)
  must('npm', ['install', '--no-audit', '--no-fund'], { cwd: directory })
}

function system(wanted) {
  const missing = Object.keys(wanted)
    .filter(program => !has(program))
    .map(program => wanted[program])
  if (missing.length === 0) return
  if (process.getuid?.() === 0 && has('apt-get')) {
    say(`installing ${missing.join(' ')}, from Debian`)
    const env = { DEBIAN_FRONTEND: 'noninteractive' }
    must('apt-get', ['update', '-q'], { env })
    must('apt-get', ['install', '-y', '-q', '--no-install-recommends', ...missing], { env })
    return
  }
  give(
    `system packages are missing: ${missing.join(' ')}`,
    `sudo apt-get install -y ${missing.join(' ')}`,
  )
}

function rust() {
  if (!has('cargo')) give('Rust is missing', 'see https://rustup.rs, then run this again')
  // rustup reads rust-toolchain.toml and installs what it names; a distribution's cargo has its own
  // targets
  const lib = output('rustc', [
    '--print',
    'target-libdir',
    '--target',
    'wasm32-unknown-unknown',
  ])?.trim()
  if (lib && existsSync(lib)) return
  if (!has('rustup'))
    give('the target wasm32-unknown-unknown is missing', 'install Rust by https://rustup.rs')
  must('rustup', ['target', 'add', 'wasm32-unknown-unknown'])
}

/**
 * `.build/sqlite3`: sqlite-wasm-rs compiles libsqlite3-sys's SQLite, so that both targets have the
 * very same one.
 */
function amalgamation() {
  const link = join(root, '.build', 'sqlite3')
  const crate = `libsqlite3-sys-${locked('libsqlite3-sys')}`
  if (existsSync(join(link, 'sqlite3.c')) && readlinkSync(link).includes(crate)) return
  say('fetching crates and the source of SQLite, from crates.io')
  must('cargo', ['fetch', '--locked'])
  const metadata = JSON.parse(
    output('cargo', ['metadata', '--format-version', '1', '--locked', '--offline']),
  )
  const { manifest_path } = metadata.packages.find(({ name }) => name === 'libsqlite3-sys')
  mkdirSync(join(root, '.build'), { recursive: true })
  rmSync(link, { force: true })
  symlinkSync(join(manifest_path, '..', 'sqlite3'), link)
}

/** Our own builder, from bindgen/. Cargo knows whether anything changed since. */
function buildBindgen() {
  const manifest = join(root, 'scripts', 'bindgen', 'Cargo.toml')
  const wanted = locked('wasm-bindgen')
  const found = locked('wasm-bindgen-cli-support', 'scripts/bindgen')
  if (found !== wanted)
    give(
      `wasm-bindgen is ${wanted} in Cargo.lock and ${found} in scripts/bindgen/Cargo.lock`,
      `name '=${wanted}' in scripts/bindgen/Cargo.toml, then: cargo update --manifest-path ${manifest}`,
    )
  if (!existsSync(bindgen)) say('compiling the builder of the JavaScript beside the wasm (once)')
  const directory = join(bindgen, '..', '..')
  const options = ['--quiet', '--locked', '--manifest-path', manifest, '--target-dir', directory]
  must('cargo', ['build', ...(existsSync(bindgen) ? options : options.slice(1))])
}

function crateBinary(crate, version, directory, program) {
  if (existsSync(join(directory, 'bin', program))) return
  say(`compiling ${crate} ${version ?? ''} (once)`)
  const which = version ? ['--version', version] : []
  // built in a directory of its own: cargo would otherwise fill the project's target directory. It
  // runs for seconds, and the compiler's second level would take twice as long as the first
  const env = { CARGO_TARGET_DIR: undefined, CARGO_PROFILE_RELEASE_OPT_LEVEL: '1' }
  must('cargo', ['install', crate, ...which, '--root', directory], { env })
}

function give(what, command) {
  console.error(`${what}\n  type: ${command}`)
  process.exit(1)
}

if (import.meta.filename === process.argv[1]) setup('npm', ...process.argv.slice(2))
