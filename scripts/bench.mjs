// Measures floors, bare SQLite, peers and ours side by side in one Chromium run and prints the
// ratios, beside the aims of docs/design/performance.md. `--json FILE` writes all figures;
// `--browser firefox` measures there; `--only workload` or `operations` does one half; `--against
// PKG` compares with another build instead (bench-against.mjs). Nothing passes or fails here.
import { existsSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { build } from './build.mjs'
import { oneOf, optionsOf, whole } from './options.mjs'
import { setup } from './setup.mjs'
import { root } from './shell.mjs'

const values = {
  browser: 'chromium',
  rounds: 5,
  ...optionsOf({
    json: newFile,
    browser: oneOf(['chromium', 'firefox']),
    only: oneOf(['workload', 'operations']),
    against: packageFolder,
    rounds: whole(1),
  }),
}
setup('npm', 'build', 'browsers')
build()
const { measureWorkload, printWorkload } = await import('./bench-workload.mjs')
const { launch } = await import('../tests/browser/harness.js')
const { buildPages, serveSite } = await import('../tests/browser/site.js')

if (values.against) {
  const { compare } = await import('./bench-against.mjs')
  await compare(values.against, values.rounds, values.json)
  process.exit(0)
}

/** Stands in for a test: what is started is undone at the end. */
const ends = []
const run = { after: end => ends.push(end) }

const results = {}
try {
  const site = await serveSite(run, { files: await buildPages(join(root, 'www', 'bench')) })
  const page = await (await launch(run, values.browser)).open(`${site.url}/index.html`)
  if (values.only !== 'workload') {
    for (const name of ['strict', 'relaxed', 'batch', 'proxy']) {
      results[name] = await page.evaluate(name => globalThis.runBenchmark(name), name)
    }
  }
  if (values.only !== 'operations') results.workload = await measureWorkload(page)
} finally {
  for (const end of ends) await end()
}

if (results.strict) printOperations()
if (results.workload) printWorkload(values.browser, results.workload)
if (values.json)
  writeFileSync(values.json, JSON.stringify({ browser: values.browser, ...results }, null, 2))

/** A file to write when everything is measured: too late to find out that it cannot be. */
function newFile(path) {
  if (existsSync(dirname(resolve(path)))) return path
  throw new Error(`there is no folder ${dirname(resolve(path))}`)
}

function packageFolder(path) {
  if (existsSync(join(path, 'package.json'))) return path
  throw new Error("it has no package.json; give another checkout's pkg/, built by npm run build")
}

function printOperations() {
  const us = n => `${n.toFixed(0)} µs`.padStart(9)
  const ratio = (ours, floor, target) => `${(ours / floor).toFixed(2)} × (target ≤ ${target})`
  const ms = n => `${n.toFixed(2)} ms`.padStart(9)

  console.log(
    `\n${values.browser}, OPFS; one operation at a time, medians of fifties (p95 of fifties; what one wrote)`,
  )
  for (const durability of ['strict', 'relaxed']) {
    const { floor, bare, set, dispatch } = results[durability]
    for (const [name, m] of Object.entries({
      'OPFS write': floor,
      'bare SQLite insert': bare,
      'JsonModel.set': set,
      dispatch,
    })) {
      const wrote = `${m.writes.toFixed(2)} writes, ${(m.bytes / 1024).toFixed(1)} KiB, ${m.flushes.toFixed(2)} flushes`
      console.log(
        `${durability.padEnd(8)} ${name.padEnd(19)}${us(m.p50)} (${us(m.p95).trim()}; ${wrote})`,
      )
    }
    const target = durability === 'strict' ? 1.5 : 2
    console.log(
      `${durability.padEnd(8)} JsonModel.set is ${ratio(set.p50, floor.p50, target)} one OPFS write of the same bytes`,
    )
    console.log(
      `${durability.padEnd(8)} dispatch is ${ratio(dispatch.p50, set.p50, 1.5)} JsonModel.set`,
    )
  }
  console.log(
    `a batch makes ${results.batch.reducer} events/s by a reducer, ${results.batch.esModel} by ESModel (target ≥ 30000)`,
  )
  const { bare, get, live, dispatch } = results.proxy
  console.log(
    `get from the page p50${ms(get.p50)}, p95${ms(get.p95)} (target ≤ 0.25 ms; a bare message ${ms(bare.p50).trim()})`,
  )
  console.log(
    `a live query of 50 rows hears of a commit after p50${ms(live.p50)}, p95${ms(live.p95)} (target ≤ 3 ms)`,
  )
  console.log(
    `dispatch from the page p50${ms(dispatch.p50)}, p95${ms(dispatch.p95)} (target ≤ 1.5 and 3 ms)`,
  )
}
