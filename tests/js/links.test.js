// The words of the repository: links and paths in its pages lead somewhere, lines fit, and no file
// names a document that is not here. What the pages say is for people to judge.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join, posix } from 'node:path'
import { test } from 'node:test'

const root = join(import.meta.dirname, '../..')
const LONGEST = 100
const HERE = 'tests/js/links.test.js'
/** Bytes of ARCHITECTURE.md: two printed pages. */
const TWO_PAGES = 12 * 1024
/** Folders that a path in a page may begin with. */
const FOLDERS = ['docs', 'examples', 'pkg-template', 'scripts', 'src', 'tests', 'www']
/** Numbers of rules, aims and invariants that only a document elsewhere explains. */
const NUMBERS = /(?<![\w$-])[TIGFO]\d{1,2}(?![\w-])/

const files = spawnSync('git', ['ls-files', '-co', '--exclude-standard'], {
  cwd: root,
  encoding: 'utf8',
})
  .stdout.split('\n')
  .filter(file => file && existsSync(join(root, file)))
const known = new Set(files.flatMap(file => [file, ...foldersOf(file)]))
const textOf = file => readFileSync(join(root, file), 'utf8')
const pages = files.filter(file => file.endsWith('.md')).map(file => [file, textOf(file)])
const sources = files
  .filter(file => /\.(rs|m?js|ts)$/.test(file) || file === '.cargo/config.toml')
  .map(file => [file, textOf(file)])

function foldersOf(file) {
  const parts = file.split('/').slice(0, -1)
  return parts.map((_, i) => parts.slice(0, i + 1).join('/'))
}

/** A page without its blocks of code: as many lines as before. */
function prose(text) {
  let code = false
  return text
    .split('\n')
    .map(line => {
      const fence = line.trimStart().startsWith('```')
      if (fence) code = !code
      return fence || code ? '' : line
    })
    .join('\n')
}

/** The anchors that a page's headings have, as GitHub makes them. */
function anchorsOf(text) {
  const seen = new Map()
  return [...prose(text).matchAll(/^#+ (.+)$/gm)].map(([, heading]) => {
    const plain = heading.replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1').toLowerCase()
    const slug = plain.replaceAll(/[^\p{L}\p{N}\s_-]/gu, '').replaceAll(/\s/g, '-')
    const times = seen.get(slug) ?? 0
    seen.set(slug, times + 1)
    return times ? `${slug}-${times}` : slug
  })
}

/** Links of a page that lead nowhere. */
function brokenLinks(page, text, { exists, read }) {
  const targets = [...prose(text).matchAll(/\]\(\s*([^)\s]+)\s*\)/g)].map(([, target]) => target)
  return targets
    .filter(target => !/^[a-z]+:/.test(target))
    .filter(target => {
      const [path, anchor] = target.split('#')
      const file = path ? posix.join(posix.dirname(page), path) : page
      if (!exists(file)) return true
      return anchor !== undefined && !anchorsOf(file === page ? text : read(file)).includes(anchor)
    })
    .map(target => `${page}: ${target}`)
}

/** Paths that a page has as code, and that are not there; `*` stands for anything. */
function brokenPaths(page, text, exists) {
  const found = [...prose(text).matchAll(/`([^`\s]+)`/g)].map(([, path]) => path)
  return found
    .filter(path => path.includes('/') && FOLDERS.includes(path.split('/')[0]))
    .map(path => path.replace(/\/$/, ''))
    .filter(path => /^[\w.*/-]+$/.test(path) && !exists(path))
    .map(path => `${page}: ${path}`)
}

/** Lines of a page that are too long: rows of tables may be, and what cannot be split. */
function longLines(page, text) {
  return text
    .split('\n')
    .map((line, i) => [`${page}:${i + 1}`, line])
    .filter(([, line]) => [...line].length > LONGEST)
    .filter(([, line]) => !line.startsWith('|') && !/^\S*$/.test(line.trim()))
    .filter(([, line]) => !/https?:\/\/\S{60}/.test(line))
    .map(([where]) => where)
}

const COMMENT = /^\s*(?:\/\/|\/?\*|# )/

/** A source's comments: as many lines as before. */
const commentsOf = text =>
  text
    .split('\n')
    .map(line => (COMMENT.test(line) ? line : ''))
    .join('\n')

/** Comments that are too long. */
function longComments(file, text) {
  return text
    .split('\n')
    .map((line, i) => [`${file}:${i + 1}`, line])
    .filter(([, line]) => COMMENT.test(line) && [...line].length > LONGEST)
    .filter(([, line]) => !/https?:\/\/\S{60}/.test(line))
    .map(([where]) => where)
}

/** Documents that a text names as words, without being a page of this repository. */
function strangers(file, text, names) {
  return [...text.matchAll(/(?<![\w/$}])([A-Z][A-Z_-]+\.md)\b/g)]
    .map(([, name]) => name)
    .filter(name => !names.has(name))
    .map(name => `${file}: ${name}`)
}

/** Words that only the place where something was written explains. */
const PLACE = /\b(?:workplace|this registry|shared cores)\b/i

/** Bare numbers of rules. Code in a page, such as an identifier, is no number of a rule. */
function bareNumbers(file, text) {
  return text
    .replaceAll(/`[^`]*`/g, '')
    .split('\n')
    .map((line, i) => [`${file}:${i + 1}`, line.match(NUMBERS)?.[0]])
    .filter(([, number]) => number)
    .map(([where, number]) => `${where}: ${number}`)
}

/** `**` stands for any folders, `*` for any part of a name. */
function exists(path) {
  if (!path.includes('*')) return known.has(path)
  const parts = path.split(/(\*\*\/|\*)/).map(part => {
    if (part === '**/') return '(.*/)?'
    return part === '*' ? '[^/]*' : part.replaceAll('.', '\\.')
  })
  const pattern = new RegExp(`^${parts.join('')}$`)
  return files.some(file => pattern.test(file))
}

test('links and paths in the pages lead somewhere', () => {
  assert.ok(pages.length > 20, `only ${pages.length} pages were found`)
  const found = pages.flatMap(([page, text]) => [
    ...brokenLinks(page, text, { exists: path => known.has(path) || path === '.', read: textOf }),
    ...brokenPaths(page, text, exists),
  ])
  assert.deepEqual(found, [])
})

test('lines of pages and comments have at most 100 columns', () => {
  assert.ok(sources.length > 200, `only ${sources.length} sources were found`)
  assert.deepEqual(
    pages.flatMap(([page, text]) => longLines(page, text)),
    [],
  )
  assert.deepEqual(
    sources.flatMap(([file, text]) => longComments(file, text)),
    [],
  )
})

test('no file names a document that is not here, nor a bare number of one', () => {
  const names = new Set(pages.map(([page]) => posix.basename(page)))
  const found = [...pages, ...sources].flatMap(([file, text]) => strangers(file, text, names))
  assert.deepEqual(found, [])
  assert.deepEqual(
    pages.flatMap(([page, text]) => bareNumbers(page, prose(text))),
    [],
  )
  assert.deepEqual(
    sources.flatMap(([file, text]) => bareNumbers(file, commentsOf(text))),
    [],
  )
})

test('no file speaks of the place where it was written', () => {
  const found = [...pages, ...sources].filter(([file, text]) => file !== HERE && PLACE.test(text))
  assert.deepEqual(
    found.map(([file]) => file),
    [],
  )
  assert.ok(PLACE.test('as on two shared cores') && !PLACE.test('the registry of npm'))
})

const fits = text => Buffer.byteLength(text) <= TWO_PAGES

test('ARCHITECTURE.md has two printed pages', () => {
  assert.ok(fits(textOf('ARCHITECTURE.md')), `more than ${TWO_PAGES} bytes`)
  assert.ok(fits('é'.repeat(TWO_PAGES / 2)) && !fits('é'.repeat(TWO_PAGES / 2 + 1)))
})

test('the readers see what is wrong', () => {
  const there = { exists: path => path === 'docs/a.md', read: () => '## Two words, `x`\n' }
  const links = text => brokenLinks('docs/b.md', text, there).length
  assert.equal(links('[a](a.md) [a](a.md#two-words-x) [w](https://x.org/y)'), 0)
  assert.equal(links('[a](c.md)'), 1)
  assert.equal(links('[a](a.md#three)'), 1)
  assert.equal(links('[a\nb](#nowhere)'), 1)
  assert.equal(links('```\n[a](c.md)\n```'), 0)
  const paths = text => brokenPaths('a.md', text, exists).length
  assert.equal(paths('`tests/js/links.test.js` `tests/js/` `src/**/mod.rs` `npm run x` `a/b`'), 0)
  assert.equal(paths(`\`src/no/${'such'}.rs\``), 1)
  assert.equal(paths('`tests/js/*.py`'), 1)
  const long = 'word '.repeat(25)
  assert.equal(longLines('a.md', `${long}\n| ${long} |`).length, 1)
  assert.equal(longComments('a.js', `// ${long}\nconst x = '${long}'\n  /// ${long}`).length, 2)
  const names = new Set(['README.md'])
  assert.equal(strangers('a.rs', `// README.md, ${'NOT'}HERE.md`, names).length, 1)
  assert.equal(bareNumbers('a.md', `(${'I'}4), ${'`T2`'}\n${'T'}13 U16 x-I4\n`).length, 2)
  assert.equal(bareNumbers('a.js', commentsOf(`// ${'I'}4\nconst I4 = T2`)).length, 1)
})
