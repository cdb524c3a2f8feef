// The texts that an editor shows on hovering: documents by their own types, and the methods of a
// page's models with the doc texts of the models themselves.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { LanguageServer } from './server.js'

const folder = join(import.meta.dirname, '..')
const server = new LanguageServer()
before(() => server.start())
after(() => server.stop())

/** The places that `^` points at, each with the text behind it and on the lines that go on. */
function marksOf(text) {
  const lines = text.split('\n')
  const marks = []
  lines.forEach((line, i) => {
    const [, gap, said] = /^(\/\/ +)\^ (.*)$/.exec(line) ?? []
    if (said === undefined) return
    const goesOn = new RegExp(`^// {${gap.length}}(\\S.*)$`)
    let shown = said
    for (let next = i + 1; goesOn.test(lines[next]); next += 1)
      shown += ` ${goesOn.exec(lines[next])[1]}`
    marks.push({ line: i - 1, character: gap.length, shown })
  })
  return marks
}

test('documents are shown as documents', async () => {
  const file = join(folder, 'hovered.ts')
  const text = readFileSync(file, 'utf8')
  server.open(file, text)
  const marks = marksOf(text)
  assert.ok(marks.length >= 14, `${marks.length} places`)
  for (const { line, character, shown } of marks)
    assert.equal((await server.hover(file, line, character)).code, shown)
})

const METHODS = [
  ...['set', 'update', 'updateWhere', 'remove', 'removeWhere', 'get', 'getAll', 'all', 'search'],
  ...['searchAll', 'searchOne', 'exists', 'count', 'numAggOp', 'max', 'min', 'sum', 'avg'],
  ...['explain', 'live'],
]
/** Here a function makes the new document, which cannot be sent to a worker. */
const OTHERS = new Set(['updateWhere'])

test('methods of a page’s models have the doc texts of the models', async () => {
  // not on the disk: a place for each method in the worker's database and in the page's
  const file = join(folder, 'methods.ts')
  const head = [
    "import { EventSourcingDB } from 'tidelog'",
    "import { connect } from 'tidelog/client'",
    'const models = { m: { columns: {} } } as const',
    'const es = new EventSourcingDB({ models })',
    "const page = await connect<typeof models>(() => new Worker('x'))",
  ]
  const own = METHODS.map(name => `es.store.m.${name}`)
  const remote = METHODS.map(name => `page.store.m.${name}`)
  server.open(file, [...head, ...own, ...remote, 'export {}'].join('\n'))
  for (const [i, name] of METHODS.entries()) {
    const here = await server.hover(file, head.length + i, 'es.store.m.'.length)
    const there = await server.hover(file, head.length + METHODS.length + i, 'page.store.m.'.length)
    assert.match(here.code, new RegExp(`^\\(method\\) .*\\.${name}[(<]`))
    assert.match(there.code, new RegExp(`^\\(method\\) RemoteModel<.*\\.${name}[(<]`))
    assert.ok(here.doc.length > 15, `${name} has no doc text`)
    if (OTHERS.has(name)) assert.ok(there.doc.length > 15, `${name} has no doc text on a page`)
    else assert.equal(there.doc, here.doc, name)
  }
})

test('the database of a page has doc texts', async () => {
  const file = join(folder, 'database.ts')
  const names = [
    ...['store', 'status', 'on', 'off', 'dispatch', 'setOnline', 'sync', 'log', 'close'],
    'acknowledgeEviction',
  ]
  const head =
    "import { connect } from 'tidelog/client'\nconst page = await connect(() => new Worker(''))"
  server.open(file, `${head}\n${names.map(name => `page.${name}`).join('\n')}\nexport {}`)
  for (const [i, name] of names.entries()) {
    const { doc } = await server.hover(file, i + 2, 'page.'.length)
    assert.ok(doc.length > 15, `${name} has no doc text`)
  }
})
