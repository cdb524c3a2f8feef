// Every row of what strato-db and driftdb do has a test: tests/checklist/*.json maps `section → row
// → [file: test]`, and this fails when a row has none, when a named test is not there, or when a
// table has not as many rows as its original.
import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

const root = join(import.meta.dirname, '../..')
const load = name => JSON.parse(readFileSync(join(root, 'tests/checklist', `${name}.json`), 'utf8'))
const lists = { 'strato-db': load('strato-db'), driftdb: load('driftdb') }

/** The number of rows in the originals' tables; ours may have more. */
const COUNTS = {
  'strato-db': {
    '1.1 SQLite options': 9,
    '1.3 SQLite members': 20,
    '1.3 events': 5,
    '1.4 Statement': 8,
    '1.5 sql tag': 3,
    '2 DB': 8,
    '3.1 JsonModel options': 9,
    '3.3 column keys': 25,
    '3.4 methods': 25,
    '3.5 search options': 13,
    'issue 4: operators': 16,
  },
  driftdb: {
    '1 config': 10,
    '1 DB methods': 13,
    '1 Repository methods': 12,
    '1 where': 9,
    '1 columns': 9,
    '1 Model': 9,
  },
}

const texts = new Map()
const textOf = file => {
  if (!texts.has(file)) texts.set(file, readFileSync(join(root, file), 'utf8'))
  return texts.get(file)
}

const escaped = words => words.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')

/**
 * Whether a file has a test: by its title, `fn` in Rust; `helper(name)` is a call of the file's own
 * helper with the name first, `entry(name)` an entry of a table that the file makes tests of.
 */
function has(file, named) {
  const text = textOf(file)
  if (file.endsWith('.rs')) return new RegExp(`fn ${escaped(named)}\\(`).test(text)
  const [, helper, name] = named.match(/^([a-z]\w*)\(([^()]+)\)$/i) ?? []
  if (helper === 'entry') return new RegExp(`[[{,\\s]['"]?${escaped(name)}['"]?[:,\\]]`).test(text)
  if (helper) return new RegExp(`\\b${helper}\\(\\s*['"\`]${escaped(name)}['"\`]`).test(text)
  return new RegExp(
    `\\b(?:test|t)\\(\\s*(['"\`])[^\\n]*${escaped(named).replaceAll("'", "\\\\?'")}\\1`,
  ).test(text)
}

for (const [list, sections] of Object.entries(lists)) {
  for (const [section, rows] of Object.entries(sections)) {
    test(`${list} ${section}: every row has a test that is there`, () => {
      const wrong = []
      for (const [row, tests] of Object.entries(rows)) {
        if (!tests.length) wrong.push(`${row}: no test`)
        for (const one of tests) {
          const [, file, named] = one.match(/^(\S+): (.+)$/)
          if (!existsSync(join(root, file))) wrong.push(`${row}: there is no ${file}`)
          else if (!has(file, named)) wrong.push(`${row}: ${file} has no test '${named}'`)
        }
      }
      assert.deepEqual(wrong, [])
    })
  }
  test(`${list}: no table has lost a row`, () => {
    for (const [section, count] of Object.entries(COUNTS[list])) {
      const rows = Object.keys(sections[section] ?? {})
      assert.ok(rows.length >= count, `${section}: ${rows.length} of ${count} rows`)
    }
  })
}

test('a test that is not there is noticed', () => {
  const here = 'tests/js/checklist.test.js'
  assert.ok(has(here, 'a test that is not there is noticed'))
  assert.ok(!has(here, `a test that ${'nobody'} wrote`))
  assert.ok(!has('tests/js/parity-columns.test.js', 'key(no such key)'))
  assert.ok(!has('src/sql/tests.rs', 'no_such_test'))
})
