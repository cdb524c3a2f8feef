// The declarations of the published types, read from their text: the members of an interface or a
// class.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

const folder = join(import.meta.dirname, '../../pkg-template')

export const typesText = file => readFileSync(join(folder, file), 'utf8')

/** `[{name, isStatic}]`, each name once per kind. */
function declarations(file, name) {
  const text = typesText(file)
  const start = text.search(new RegExp(`^export (interface|class) ${name}\\b`, 'm'))
  assert.ok(start >= 0, `${file} has no ${name}`)
  // its own braces begin where a line ends in one
  const body = text.slice(start, start + text.slice(start).search(/^}/m))
  return [...body.matchAll(/^ {2}(?:readonly )*(static )?(?:readonly )*([$\w]+)(?=[?(<:])/gm)].map(
    ([, isStatic, key]) => ({ name: key, isStatic: isStatic !== undefined }),
  )
}

const unique = list => [...new Set(list)]

/** The names of the members that a file declares of an interface or a class, static ones too. */
export const members = (file, name) => unique(declarations(file, name).map(({ name }) => name))

/** Those of its instances. */
export const instanceMembers = (file, name) =>
  unique(
    declarations(file, name)
      .filter(({ isStatic, name }) => !isStatic && name !== 'constructor')
      .map(({ name }) => name),
  )

/** Those of the class itself. */
export const staticMembers = (file, name) =>
  unique(
    declarations(file, name)
      .filter(({ isStatic }) => isStatic)
      .map(({ name }) => name),
  )
