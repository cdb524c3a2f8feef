// The rooms of pkg-template/: which may import from which, read from the imports themselves.
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join, posix } from 'node:path'
import { test } from 'node:test'
import { parseAst } from 'rolldown/parseAst'

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
const ALONE = {
  language: [],
  hosts: [],
  tabs: ['language'],
  server: ['language', 'platform'],
}

/** The rooms and files that each entry may import. */
const ENTRIES = {
  'index.js': ROOMS,
  'client.js': ['language', 'tabs'],
  'server.js': ['server'],
  'hosts.js': ['hosts'],
  'worker.js': ['language', 'tabs', 'platform/version.js'],
}

/** The one entry that another loads: the tab that leads loads the classes, and no other tab. */
const LEADER = { from: 'worker.js', to: 'index.js', late: true }

/** Who may name what is not a path; nobody may name anything else. */
const BARE = [
  { from: /^platform\//, to: /^(node:[a-z/_]+|#platform)$/ },
  { from: /^sql\/(waits|transaction)\.js$/, to: /^node:async_hooks$/ },
]

/** Stands for what is known only when the code runs. */
const UNREAD = '?'

/**
 * Everything that a module loads: from where, to where, and whether only when that line runs.
 * Types are another matter.
 */
function importsOf(files) {
  return files.flatMap(([from, text]) => {
    const found = []
    const add = (path, late) => {
      const bare = path === UNREAD || !path.startsWith('.')
      found.push({ from, to: bare ? path : posix.join(posix.dirname(from), path), late })
    }
    visit(parseAst(text), node => {
      const { type } = node
      if (/^(Import|ExportNamed|ExportAll)Declaration$/.test(type)) {
        if (node.source) add(node.source.value, false)
      } else if (type === 'ImportExpression') add(textOf(node.source), true)
      else if (isModuleUrl(node)) add(textOf(node.arguments[0]), true)
      else if (type === 'CallExpression' && isLoader(node.callee))
        add(textOf(node.arguments[0]), true)
    })
    return found
  })
}

const LOADERS = ['require', 'createRequire', 'getBuiltinModule', 'importScripts']

function visit(node, see) {
  if (Array.isArray(node)) for (const each of node) visit(each, see)
  else if (node !== null && typeof node === 'object') {
    if (typeof node.type === 'string') see(node)
    for (const each of Object.values(node)) visit(each, see)
  }
}

/** `require(…)`, `a.getBuiltinModule(…)` and `import.meta.resolve(…)` load as an import does. */
const isLoader = ({ name, property, object }) =>
  LOADERS.includes(property?.name ?? name) ||
  (property?.name === 'resolve' && object.type === 'MetaProperty')

/** The text that an expression always is. */
function textOf(node) {
  if (node?.type === 'Literal' && typeof node.value === 'string') return node.value
  return node?.type === 'TemplateLiteral' && node.quasis.length === 1
    ? node.quasis[0].value.cooked
    : UNREAD
}

/** `new URL('../x.js', import.meta.url)` */
function isModuleUrl({ type, callee, arguments: given }) {
  const base = type === 'NewExpression' && callee.name === 'URL' && given[1]
  return base && base.object?.type === 'MetaProperty'
}

const roomOf = file => (file.includes('/') ? file.slice(0, file.indexOf('/')) : undefined)

const faults = imports => imports.filter(found => !isAllowed(found))

function isAllowed({ from, to, late }) {
  const [room, other] = [roomOf(from), roomOf(to)]
  if (BARE.some(rule => rule.from.test(from) && rule.to.test(to))) return true
  if (!ROOMS.includes(other))
    return from === LEADER.from && to === LEADER.to && late === LEADER.late
  if (room === undefined) return [other, to].some(name => ENTRIES[from]?.includes(name))
  if (room === other) return true
  return (ALONE[room] ?? ROOMS.slice(0, ROOMS.indexOf(room))).includes(other)
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
  assert.deepEqual(top.toSorted(), Object.keys(ENTRIES).toSorted())
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
  assert.equal(broken('client.js', "import { b } from './sql/b.js'"), 1, 'the page loads SQL')
  assert.equal(broken('client.js', "import { b } from './engine/b.js'"), 1)
  assert.equal(broken('language/a.js', "import { b } from '../engine/b.js'"), 1)
  assert.equal(broken('server.js', "import { b } from './sql/b.js'"), 1)
  assert.equal(broken('hosts.js', "import { b } from './language/b.js'"), 1)
  assert.equal(broken('worker.js', "import { b } from './platform/engine.js'"), 1)
  assert.equal(broken('worker.js', "import { b } from './index.js'"), 1, 'every tab loads it')
  assert.equal(broken('worker.js', "const b = await import('./index.js')"), 0)
  assert.equal(broken('client.js', "const b = await import('./index.js')"), 1)
  assert.equal(broken('index.js', "import { b } from './client.js'"), 1)
  assert.equal(broken('other.js', "import { b } from './sql/b.js'"), 1, 'an entry without a rule')
  assert.equal(broken('platform/a.js', "import b from 'node:fs'"), 0)
  assert.equal(broken('hosts/a.js', "import b from 'node:fs'"), 1)
  assert.equal(broken('hosts/a.js', "import b from 'better-sqlite3'"), 1)
  assert.equal(broken('platform/a.js', "import b from 'tidelog'"), 1)
  assert.equal(broken('sql/a.js', "import b from '#platform'"), 1)
  const hooks = "globalThis.process?.getBuiltinModule?.('node:async_hooks')"
  assert.equal(broken('sql/waits.js', hooks), 0)
  assert.equal(broken('sql/a.js', hooks), 1)
  assert.equal(broken('sql/a.js', 'await import(`../models/b.js`)'), 1)
  assert.equal(broken('sql/a.js', `await import(\`./\${b}.js\`)`), 1, 'unknown until it runs')
  assert.equal(broken('sql/a.js', 'await import(b)'), 1)
  assert.equal(broken('sql/a.js', "await import(\n  /* late */\n  '../models/b.js',\n)"), 1)
  assert.equal(broken('sql/a.js', "import { b } /* ' */ from '../models/b.js'"), 1)
  assert.equal(broken('sql/a.js', "f(); export * from '../models/b.js'"), 1)
  assert.equal(broken('sql/a.js', "new URL('../models/b.js', import.meta.url)"), 1)
  assert.equal(broken('sql/a.js', "import.meta.resolve('../models/b.js')"), 1)
  assert.equal(broken('sql/a.js', "new URL('../models/b.js', location.href)"), 0, 'an address')
  assert.equal(broken('models/a.js', "/** @type {import('../events/b.js').B} */"), 0, 'a type')
  const two = [
    ...of('sql/a.js', "import { b } from './b.js'"),
    ...of('sql/b.js', "import { a } from './a.js'"),
  ]
  assert.deepEqual(circles(two), ['sql/a.js → sql/b.js → sql/a.js'])
})
