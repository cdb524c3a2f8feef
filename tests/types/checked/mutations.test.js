// The check itself can fail: each of these faults, put into a copy of the package, is a complaint.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'

const root = join(import.meta.dirname, '..', '..', '..')
// inside the repository, where the types of Node are found
const copy = join(root, '.build', 'mutated')
after(() => rmSync(copy, { recursive: true, force: true }))

/** `[what, file, from, to, complaint]` */
const MUTATIONS = [
  [
    'a member is gone',
    'sql/queries.js',
    'async dataVersion(',
    'async dataVersions(',
    'dataVersion is declared and not there',
  ],
  [
    'a declared member was never made',
    'types/db.d.ts',
    '  integrityCheck(): Promise<boolean>',
    '  integrityCheck(): Promise<boolean>\n  renameModel(name: string): Promise<void>',
    'renameModel is declared and not there',
  ],
  [
    'a public member is not declared',
    'sql/queries.js',
    'async dataVersion(',
    'async dataVersions() {}\n  async dataVersion(',
    'dataVersions is there and not declared',
  ],
  [
    'a parameter is gone',
    'models/json-model.js',
    'async changeId(oldId, newId) {',
    'async changeId(oldId) {\n    const newId = oldId',
    'changeId has 1 parameters, and is declared with 2',
  ],
  [
    'a parameter is not declared',
    'types/sql.d.ts',
    '  userVersion(version?: number)',
    '  userVersion()',
    'userVersion has 1 parameters, and is declared with 0',
  ],
  [
    'an optional parameter is required',
    'language/errors.js',
    '@param {{cause?: unknown}} [options]',
    '@param {{cause?: unknown}} options',
    'TidelogError does not take what its declaration says',
  ],
  [
    'a parameter has another type',
    'types/sql.d.ts',
    'export function renameDatabase(file: string, to: string)',
    'export function renameDatabase(file: string, to: URL)',
    'renameDatabase does not take what its declaration says',
  ],
  [
    'a promise is declared as a value',
    'types/sql.d.ts',
    'export function listDatabases(directory?: string): Promise<string[]>',
    'export function listDatabases(directory?: string): string[]',
    'listDatabases gives a promise',
  ],
  [
    'a method has a parameter of another type',
    'types/model.d.ts',
    '    op: AggregateName,',
    '    op: URL,',
    'searchable.js',
  ],
  [
    'an export is gone',
    'index.js',
    "export { Column } from './drift/column.js'\n",
    '',
    'Column is declared and not there',
  ],
  [
    'a call of the engine has another argument',
    'sql/queries.js',
    'engine.userVersion(',
    'engine.userVersion({}, ',
    'Expected',
  ],
]

const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc')
const run = (...args) => spawnSync(process.execPath, args, { encoding: 'utf8', cwd: copy })

function copyAll() {
  rmSync(copy, { recursive: true, force: true })
  const types = join('tests', 'types')
  const folders = ['pkg-template', join(types, 'checked'), join(types, 'engine')]
  for (const folder of [...folders, join('.build', 'engine')])
    cpSync(join(root, folder), join(copy, folder), { recursive: true })
  assert.equal(run(tsc, '-p', join(types, 'engine')).status, 0)
}

/** The output of the two commands of the lints, and whether one of them fails. */
function complaints() {
  const runs = [
    run(tsc, '-p', join('tests', 'types', 'checked')),
    run(join(import.meta.dirname, 'parameters.js'), copy),
  ]
  return {
    failed: runs.some(({ status }) => status !== 0),
    said: runs.map(({ stdout, stderr }) => stdout + stderr).join(''),
  }
}

before(copyAll)

test('the copy as it is has no fault', () => {
  assert.deepEqual(complaints(), { failed: false, said: '' })
})

for (const [what, file, from, to, complaint] of MUTATIONS) {
  test(what, () => {
    const path = join(copy, 'pkg-template', file)
    const text = readFileSync(path, 'utf8')
    assert.equal(text.split(from).length, 2, `${file} has '${from}' once`)
    writeFileSync(path, text.replace(from, to))
    const { failed, said } = complaints()
    writeFileSync(path, text)
    assert.ok(failed)
    assert.ok(said.includes(complaint), `no '${complaint}' in:\n${said}`)
  })
}
