// The rooms of pkg-template/: which may import from which, read from the imports themselves.
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join, posix } from 'node:path'
import { test } from 'node:test'

const folder = join(import.meta.dirname, '..', '..', 'pkg-template')

/** From the bottom up: a room may import from itself and from those named before it. */
const ROOMS = [
  'engine', // made by wasm-bindgen
  'language',
  'platform',
  'hosts',
  'sql',
  'documents',
  'models',
  'drift',
  'db',
  'sync',
  'events',
  'server',
  'tabs',
]

/**
 * Rooms that may load no others than these: a page must not load the engine, and a server needs
 * none of the classes.
 */
const ALONE = { hosts: [], tabs: ['language'], server: ['language', 'platform'] }

/** Every import of a module: from where, and to where. Types are another matter. */
function importsOf(files) {
  return files.flatMap(([from, text]) =>
    [
      ...text.matchAll(
        /(?:^(?:import|export)\b[^'"]*?|^\} )from '([^']+)'|^import '([^']+)'|(?<!\* .*)\bimport\('([^']+)'\)/gm,
      ),
    ]
      .map(found => found[1] ?? found[2] ?? found[3])
      .filter(path => path.startsWith('.'))
      .map(path => ({ from, to: posix.join(posix.dirname(from), path) })),
  )
}

const roomOf = file => (file.includes('/') ? file.slice(0, file.indexOf('/')) : undefined)

function faults(imports) {
  return imports.filter(({ from, to }) => {
    const [room, other] = [roomOf(from), roomOf(to)]
    if (room === undefined || room === other) return false
    const known = ROOMS.includes(room) && ROOMS.includes(other)
    return !known || !(ALONE[room] ?? ROOMS.slice(0, ROOMS.indexOf(room))).includes(other)
  })
}

/** Files that reach themselves by their imports, as `a → b → a`. */
function circles(imports) {
  const found = []
  const done = new Set()
  const walk = (file, way) => {
    if (way.includes(file)) found.push([...way.slice(way.indexOf(file)), file].join(' → '))
    else if (!done.has(file)) {
      for (const { to } of imports.filter(({ from }) => from === file)) walk(to, [...way, file])
      done.add(file)
    }
  }
  for (const { from } of imports) walk(from, [])
  return found
}

const files = readdirSync(folder, { recursive: true })
  .filter(file => file.endsWith('.js'))
  .map(file => [file.replaceAll('\\', '/'), readFileSync(join(folder, file), 'utf8')])
const imports = importsOf(files)

test('imports point one way, and entries are not imported', () => {
  assert.ok(imports.length > 150, `only ${imports.length} imports were found`)
  assert.deepEqual(faults(imports), [])
})

test('no two files need each other', () => {
  assert.deepEqual(circles(imports), [])
})

test('every folder is a room or holds types, and only entries lie on top', () => {
  const folders = readdirSync(folder, { withFileTypes: true }).filter(entry => entry.isDirectory())
  assert.deepEqual(
    folders.map(({ name }) => name).filter(name => !ROOMS.includes(name) && name !== 'types'),
    [],
  )
  const { exports } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
  const entries = Object.values(exports).map(({ default: file }) => file?.slice(2))
  const top = files.map(([file]) => file).filter(file => roomOf(file) === undefined)
  assert.deepEqual(
    top.filter(file => !entries.includes(file)),
    [],
  )
})

test('the readers see what breaks a rule', () => {
  const of = (from, text) => importsOf([[from, text]])
  const broken = (from, text) => faults(of(from, text)).length
  assert.equal(broken('sql/a.js', "import { b } from '../models/b.js'"), 1)
  assert.equal(broken('sql/a.js', "import {\n  b,\n} from '../models/b.js'"), 1)
  assert.equal(broken('sql/a.js', "export { b } from '../models/b.js'"), 1)
  assert.equal(broken('sql/a.js', "import '../models/b.js'"), 1)
  assert.equal(broken('sql/a.js', "const b = await import('../models/b.js')"), 1)
  assert.equal(broken('sql/a.js', "import { b } from '../index.js'"), 1, 'an entry')
  assert.equal(broken('sql/a.js', "import { b } from '../rest/b.js'"), 1, 'no room')
  assert.equal(broken('tabs/a.js', "import { b } from '../sql/b.js'"), 1)
  assert.equal(broken('models/a.js', "import { b } from '../sql/b.js'"), 0)
  assert.equal(broken('models/a.js', "import { b } from './b.js'"), 0)
  assert.equal(broken('worker.js', "import { b } from './tabs/b.js'"), 0)
  assert.equal(broken('models/a.js', "/** @type {import('../events/b.js').B} */"), 0, 'a type')
  const two = [
    ...of('sql/a.js', "import { b } from './b.js'"),
    ...of('sql/b.js', "import { a } from './a.js'"),
  ]
  assert.deepEqual(circles(two), ['sql/a.js → sql/b.js → sql/a.js'])
})
