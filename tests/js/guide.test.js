// Whether the guide knows what the types know: every option, method, column key and error code has
// its place in docs/, as code. What it says there is for people to judge.
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { members, typesText } from './declared.js'

const root = join(import.meta.dirname, '../..')
const pages = readdirSync(join(root, 'docs')).filter(
  name => name.endsWith('.md') && name !== 'differences.md',
)
/** All code of the guide. */
const code = pages
  .flatMap(page =>
    readFileSync(join(root, 'docs', page), 'utf8').match(/```[\s\S]*?```|``[\s\S]*?``|`[^`\n]*`/g),
  )
  .join('\n')
const says = name => new RegExp(`(?<![\\w$])${name.replaceAll('$', '\\$')}(?!\\w)`).test(code)

/** Node's EventEmitter, in one line of the guide. */
const EMITTER = /listener|eventNames|^prepend/i

for (const [file, names] of Object.entries({
  'types/emitter.d.ts': ['Emitter'],
  'types/sql.d.ts': ['SQLiteOptions', 'SQLite', 'Statement'],
  'types/db.d.ts': ['DBOptions', 'DB'],
  'types/columns.d.ts': ['ColumnDefinition', 'ForeignKey'],
  'types/model.d.ts': [
    'ModelOptions',
    'IndexDefinition',
    'Patch',
    'Loader',
    'EachOptions',
    'JsonModel',
  ],
  'types/search.d.ts': ['SearchOptions', 'SnippetOptions', 'Page', 'Explanation'],
  'types/define.d.ts': ['FindOptions', 'Repository'],
})) {
  for (const name of names)
    test(`the guide has every member of ${name}`, () => {
      // what nobody needs to know of
      const hidden = ['constructor', 'isStatement']
      const all = members(file, name).filter(key => !hidden.includes(key) && !EMITTER.test(key))
      assert.ok(all.length > 2, `found only ${all}`)
      assert.deepEqual(
        all.filter(key => !says(key)),
        [],
      )
    })
}

test('the guide has every error code and every operator', () => {
  const codes = [...typesText('index.d.ts').matchAll(/^ {2}\| ['`]([A-Z_]+)/gm)].map(
    ([, name]) => name,
  )
  const operators = [...typesText('types/search.d.ts').matchAll(/^ {2}(\$[a-z]+)\?:/gim)].map(
    ([, name]) => name,
  )
  assert.ok(codes.length > 20 && operators.length > 15)
  assert.deepEqual(
    [...codes, ...operators].filter(name => !says(name) && !says(`${name}…`)),
    [],
  )
  assert.equal(says('NO_SUCH_CODE') || says('noSuchOption'), false)
})
