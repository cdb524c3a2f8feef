// The examples of docs/ and what they say they give. A page's blocks ```js are run, those of one
// `##` section together; a line that ends in `// → value` gives that value, one that ends in `// ✗
// words` fails with a code or message that has them. ```js page is code for a page or a worker: it
// is read, not run.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

const root = join(import.meta.dirname, '../..')
const scratch = join(root, '.build', 'docs')

/** The functions that a transformed example calls for each line that states its result. */
globalThis.docs = {
  counted: 0,
  async gives(line, given, wanted) {
    this.counted += 1
    const value = await given()
    assert.deepEqual(value, wanted(), line)
  },
  async fails(line, given, words) {
    this.counted += 1
    const error = await given().then(
      () => assert.fail(`${line}: did not fail`),
      error => error,
    )
    const said = `${error.name}: ${error.code}: ${error.message}`
    const missing = words.split(': ').filter(word => !said.includes(word))
    assert.deepEqual(missing, [], `${line}: ${said}`)
  },
}

for (const page of readdirSync(join(root, 'docs')).filter(name => name.endsWith('.md'))) {
  for (const { title, blocks } of sections(readFileSync(join(root, 'docs', page), 'utf8'))) {
    const run = blocks.filter(({ info }) => info === 'js')
    if (run.length)
      test(`docs/${page}, ${title}: runs and gives what it says`, () => example(page, title, run))
    for (const { line, code } of blocks.filter(({ info }) => info === 'js page'))
      test(`docs/${page}, ${title}: line ${line} can be read`, () => readable(page, line, code))
  }
}

test('the examples of the models page are checked, and a wrong result would be noticed', async () => {
  const before = globalThis.docs.counted
  await example('proof.md', 'right', [
    { line: 1, code: "1 + 1 // → 2\nawait Promise.reject(Error('a b')) // ✗ a b" },
  ])
  assert.equal(globalThis.docs.counted, before + 2)
  await assert.rejects(
    example('proof.md', 'wrong', [{ line: 1, code: '1 + 1 // → 3' }]),
    /proof\.md:1/,
  )
  await assert.rejects(
    example('proof.md', 'fine', [{ line: 1, code: 'await 1 // ✗ REQUIRED' }]),
    /did not fail/,
  )
  await assert.rejects(
    example('proof.md', 'other', [{ line: 1, code: 'null.x // ✗ REQUIRED' }]),
    /REQUIRED/,
  )
  assert.ok(before > 50, `only ${before} results were checked`)
})

/** Runs blocks as one module. */
async function example(page, title, blocks) {
  const file = join(scratch, `${page}-${title}.mjs`.replaceAll(/[^\w.-]+/g, '_'))
  mkdirSync(scratch, { recursive: true })
  writeFileSync(file, blocks.map(({ line, code }) => checking(page, line, code)).join('\n'))
  try {
    await import(file)
  } finally {
    rmSync(file)
  }
}

/** The code with its comments about results made into checks. */
function checking(page, first, code) {
  const lines = code.split('\n')
  return lines
    .map((text, i) => {
      const [, indent, expression, sign, said] =
        text.match(/^(\s*)(.*?);?\s*\/\/ (→|✗) (.*)$/) ?? []
      if (!sign) return text
      const where = JSON.stringify(`${page}:${first + i}`)
      const given = `async () => (${expression.replace(/^;/, '')})`
      return sign === '→'
        ? `${indent};await docs.gives(${where}, ${given}, () => (${said}))`
        : `${indent};await docs.fails(${where}, ${given}, ${JSON.stringify(said)})`
    })
    .join('\n')
}

function readable(page, line, code) {
  const { status, stderr } = spawnSync(process.execPath, ['--input-type=module', '--check'], {
    input: code,
    encoding: 'utf8',
  })
  assert.equal(status, 0, `${page}:${line}: ${stderr}`)
}

/** `[{title, blocks: [{info, line, code}]}]` of a page's `##` sections. */
function sections(text) {
  const found = [{ title: 'top', blocks: [] }]
  let block
  for (const [i, line] of text.split('\n').entries()) {
    if (block && line === '```') {
      block.code = block.code.join('\n')
      block = undefined
    } else if (block) block.code.push(line)
    else if (line.startsWith('```')) {
      block = { info: line.slice(3), line: i + 2, code: [] }
      found.at(-1).blocks.push(block)
    } else if (line.startsWith('## ')) found.push({ title: line.slice(3), blocks: [] })
  }
  return found
}
