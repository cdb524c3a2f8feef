// Makes pkg/, the publishable package: cargo → wasm-bindgen → wasm-opt → pkg-template's files, and
// prints sizes. Steps whose input did not change are left out.
import { createHash } from 'node:crypto'
import {
  cpSync,
  existsSync,
  lstatSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { optionsOf } from './options.mjs'
import { setup } from './setup.mjs'
import { bindgen, locked, must, root, say, target } from './shell.mjs'

const pkg = join(root, 'pkg')
const template = join(root, 'pkg-template')
const engine = join(root, '.build', 'engine')

// rustc's defaults for the target, by name, so that wasm-opt refuses a feature that creeps in:
// every one of these has been in Chromium, Firefox and Safari since 2023
const features = [
  'bulk-memory',
  'bulk-memory-opt',
  'call-indirect-overlong',
  'multivalue',
  'mutable-globals',
  'nontrapping-float-to-int',
  'reference-types',
  'sign-ext',
]
// browsers compile a function whole when it is first called: by default everything with one caller
// becomes part of it, and what is seldom needed is compiled with what every open needs. The stack
// grows down to address 0, so nothing but an overflow of it comes to the first KiB: offsets can be
// folded into loads and stores
const optimize = [
  ...['-Os', '--one-caller-inline-max-function-size=50', '--low-memory-unused', '--mvp-features'],
  ...features.map(feature => `--enable-${feature}`),
]

/** Builds pkg/ and returns its path. */
export function build() {
  setup('npm', 'build')
  say('compiling the engine and SQLite to wasm')
  must('cargo', ['build', '--lib', '--release', '--locked', '--target', 'wasm32-unknown-unknown'])
  bind(join(target, 'wasm32-unknown-unknown', 'release', 'tidelog.wasm'))
  say('putting pkg/ together')
  rmSync(pkg, { recursive: true, force: true })
  cpSync(template, pkg, { recursive: true })
  cpSync(engine, join(pkg, 'engine'), { recursive: true })
  for (const file of ['README.md', 'CHANGELOG.md', 'LICENSE']) {
    if (existsSync(join(root, file))) cpSync(join(root, file), join(pkg, file))
  }
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  const manifest = JSON.parse(readFileSync(join(template, 'package.json'), 'utf8'))
  writeFileSync(join(pkg, 'package.json'), `${JSON.stringify({ ...manifest, version }, null, 2)}\n`)
  const versions = join(pkg, 'platform', 'version.js')
  writeFileSync(versions, readFileSync(versions, 'utf8').replace('0.0.0', version))
  linkAsInstalled()
  return pkg
}

/** Makes tidelog.js and tidelog_bg.wasm of what cargo built. */
function bind(wasm) {
  const stamp = join(root, '.build', 'engine.stamp')
  const inputs = createHash('sha256')
    .update(readFileSync(wasm))
    .update(locked('wasm-bindgen'))
    .update(readFileSync(join(root, 'scripts', 'bindgen', 'src', 'main.rs')))
    .update(optimize.join())
  const digest = inputs.digest('hex')
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === digest) return
  rmSync(stamp, { force: true })
  rmSync(engine, { recursive: true, force: true })
  say('making the JavaScript beside the wasm')
  must(bindgen, [wasm, engine, 'tidelog'])
  const plain = join(engine, 'tidelog_bg.wasm')
  say('making the wasm smaller')
  must('node', [join(root, 'node_modules/binaryen/bin/wasm-opt'), ...optimize, plain, '-o', plain])
  writeFileSync(stamp, digest)
}

/** Tests and the demo import `tidelog` as its users do, through its exports. */
function linkAsInstalled() {
  const link = join(root, 'node_modules', 'tidelog')
  if (!lstatSync(link, { throwIfNoEntry: false })) symlinkSync('../pkg', link)
}

if (import.meta.filename === process.argv[1]) {
  optionsOf({})
  build()
  const { printSizes } = await import('./sizes.mjs')
  await printSizes(pkg)
}
