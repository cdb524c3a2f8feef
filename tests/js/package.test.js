// The built package as npm would publish it: what its entries export is what their types say, and
// everything it imports is inside. Runs against pkg/.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, posix } from 'node:path'
import { test } from 'node:test'

const pkg = join(import.meta.dirname, '..', '..', 'pkg')
const read = file => readFileSync(join(pkg, file), 'utf8')
const manifest = JSON.parse(read('package.json'))
const entries = Object.entries(manifest.exports).filter(([, conditions]) => conditions.types)

test('it has the version of the crate, and no dependencies', () => {
  const { version } = JSON.parse(read('../package.json'))
  assert.equal(manifest.version, version)
  assert.deepEqual(
    [manifest.dependencies, manifest.peerDependencies, manifest.scripts],
    Array(3).fill(undefined),
  )
})

test('the engine is loaded once per realm', async () => {
  const { loadEngine } = await import(join(pkg, 'platform', 'engine.js'))
  const [first, second] = await Promise.all([loadEngine(), loadEngine()])
  assert.equal(first, second)
  assert.ok(Object.keys(first).length > 1, 'it exports something')
})

for (const [entry, { types, default: file }] of entries) {
  test(`${entry.replace('.', 'tidelog')} exports what its types declare`, async () => {
    const name = entry.replace('.', manifest.name)
    const exported = Object.keys(await import(name)).sort()
    const text = read(types)
    const here = text.matchAll(
      /^export (?:declare )?(?:abstract )?(?:class|function|const) (\w+)/gm,
    )
    const elsewhere = text.matchAll(/^export \{([^}]*)\} from/gm)
    const declared = [...here, ...elsewhere].flatMap(found => found[1].match(/\w+/g))
    assert.deepEqual(exported, [...new Set(declared)].sort())
    assert.ok(existsSync(join(pkg, file)))
  })
}

const IMPORTS = /(?:from|import|import\()\s*'(\.{1,2}\/[^']+)'/g

test('npm packs the wasm, and every file that another one imports', () => {
  const { stdout, status } = spawnSync('npm', ['pack', '--dry-run', '--json'], {
    cwd: pkg,
    encoding: 'utf8',
  })
  assert.equal(status, 0)
  // npm 11 gives a list, newer ones an object by name
  const packed = Object.values(JSON.parse(stdout))[0].files.map(({ path }) => path)
  assert.ok(packed.includes('engine/tidelog_bg.wasm'))
  for (const file of packed.filter(path => /\.(js|d\.ts)$/.test(path))) {
    const text = read(file)
    for (const { 1: path, index } of text.matchAll(IMPORTS)) {
      const imported = posix.join(posix.dirname(file), path)
      // a comment of JavaScript names types: of a declaration, or of a module
      const inComment = /^ *\/?\*/.test(text.slice(text.lastIndexOf('\n', index) + 1))
      const types = imported.replace(/\.js$/, '.d.ts')
      const wanted = file.endsWith('.d.ts') ? [types] : inComment ? [types, imported] : [imported]
      const found = wanted.some(one => packed.includes(one))
      assert.ok(found, `${file} imports ${path}, which is not packed`)
    }
  }
  const strays = packed.filter(path => !/\.(js|ts|wasm|md)$|^LICENSE$|^package\.json$/.test(path))
  assert.deepEqual(strays, [])
  assert.ok(
    readdirSync(pkg, { recursive: true, withFileTypes: true }).filter(entry => entry.isFile())
      .length <= packed.length,
    'everything in pkg/ is meant to be published',
  )
})
