// The specification of tests/spec in this Node: the bundled engine on files. Other runtimes are
// tests/runtimes'.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { tests } from '../spec/index.js'

const dir = mkdtempSync(join(tmpdir(), 'tidelog-spec-'))
after(() => rmSync(dir, { recursive: true, force: true }))

let n = 0
const place = () => {
  n += 1
  return { file: join(dir, `${n}.db`) }
}
for (const { name, run } of tests({ place })) test(name, run)
