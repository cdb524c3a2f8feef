// Counts the parameters of every public method against its declaration, by the compiler's own
// reading of both. The compiler itself lets a method have fewer than its type says. Prints what
// differs, and fails then. Takes another folder than the repository's as an argument.
import { join } from 'node:path'
import { API } from 'typescript/unstable/sync'

const root = process.argv[2] ?? join(import.meta.dirname, '..', '..', '..')

/** `[file, class, file of the declaration, its name]` */
const CLASSES = [
  ['client.js', 'Database', 'client.d.ts', 'Connection'],
  ['client.js', 'Live', 'client.d.ts', 'Live'],
  ['db/db.js', 'DB', 'types/db.d.ts', 'DB'],
  ['drift/repository.js', 'Repository', 'types/define.d.ts', 'Repository'],
  ['events/es-model.js', 'ESModel', 'types/events.d.ts', 'ESModel'],
  ['events/event-queue.js', 'EventQueue', 'types/events.d.ts', 'EventQueue'],
  ['events/event-sourcing-db.js', 'EventSourcingDB', 'types/events.d.ts', 'EventSourcingDB'],
  ['language/emitter.js', 'Emitter', 'types/emitter.d.ts', 'Emitter'],
  ['models/json-model.js', 'JsonModel', 'types/model.d.ts', 'JsonModel'],
  ['models/keyed.js', 'Keyed', 'types/model.d.ts', 'JsonModel'],
  ['models/loader.js', 'Loader', 'types/model.d.ts', 'Loader'],
  ['models/searchable.js', 'Searchable', 'types/model.d.ts', 'JsonModel'],
  ['sql/queries.js', 'Queries', 'types/sql.d.ts', 'SQLite'],
  ['sql/sqlite.js', 'SQLite', 'types/sql.d.ts', 'SQLite'],
  ['sql/statement.js', 'Statement', 'types/sql.d.ts', 'Statement'],
]

const api = new API({ cwd: root })
const config = join(root, 'tests', 'types', 'checked', 'tsconfig.json')
const { program } = api.updateSnapshot({ openProject: config }).getProject(config)

/** By method, the parameters of each of its signatures. */
function methodsOf(file, name) {
  const { statements } = program.getSourceFile(join(root, 'pkg-template', file))
  const found = statements.find(one => one.members && one.name?.text === name)
  if (!found) throw new Error(`${file} has no ${name}`)
  const methods = new Map()
  for (const { name, parameters } of found.members) {
    if (!parameters || !name?.text) continue
    methods.set(name.text, [...(methods.get(name.text) ?? []), parameters])
  }
  return methods
}

const differ = []
let counted = 0
for (const [file, name, declaredIn, declaredAs] of CLASSES) {
  const declared = methodsOf(declaredIn, declaredAs)
  for (const [method, [parameters]] of methodsOf(file, name)) {
    // one that takes any number sees for itself what it is given
    if (!declared.has(method) || parameters.some(one => one.dotDotDotToken)) continue
    const most = Math.max(...declared.get(method).map(({ length }) => length))
    counted += 1
    if (parameters.length === most) continue
    differ.push(
      `${file}: ${name}.${method} has ${parameters.length} parameters, and is declared with ${most}`,
    )
  }
}
api.close()
if (counted < 100) differ.push(`only ${counted} methods were found`)
for (const line of differ) console.log(line)
process.exitCode = differ.length ? 1 : 0
