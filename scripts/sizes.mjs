// Prints what a user downloads: the wasm, and each entry of the package bundled and minified with
// what it imports at once. The wasm is an asset of its own and is not counted twice.
import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { rolldown } from 'rolldown'

/** Prints the sizes of the package built at `pkg`. */
export async function printSizes(pkg) {
  const rows = [['tidelog_bg.wasm', readFileSync(join(pkg, 'engine', 'tidelog_bg.wasm'))]]
  const { exports } = JSON.parse(readFileSync(join(pkg, 'package.json'), 'utf8'))
  for (const [entry, conditions] of Object.entries(exports)) {
    const file = join(pkg, conditions.default ?? '')
    if (!conditions.default || !statSync(file, { throwIfNoEntry: false })) continue
    rows.push([`${entry.replace('.', 'tidelog')} (js)`, await bundled(file)])
  }
  for (const [name, bytes] of rows) {
    const gzip = gzipSync(bytes, { level: 9 }).length
    console.log(`${name.padEnd(24)}${kilobytes(bytes.length)} plain${kilobytes(gzip)} gzip`)
  }
}

/** The entry's code as a browser gets it. */
async function bundled(input) {
  const bundle = await rolldown({
    input,
    platform: 'browser',
    external: /^node:/,
    logLevel: 'silent',
  })
  const { output } = await bundle.generate({ format: 'es', minify: true, codeSplitting: false })
  await bundle.close()
  return Buffer.from(output[0].code)
}

const kilobytes = bytes => `${(bytes / 1000).toFixed(1)} KB`.padStart(12)
