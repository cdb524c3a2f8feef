// `JsonModel.set` and `get` in Node, against bare prepared statements of the same text on the same
// engine, and JSON's share (docs/design/performance.md). `node scripts/documents.mjs [rows]` over
// pkg/; `--pkg DIR` measures another one.
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { root } from './shell.mjs'

const { values, positionals } = parseArgs({
  options: { pkg: { type: 'string' } },
  allowPositionals: true,
})
const pkg = resolve(values.pkg ?? join(root, 'pkg'))
const { DB, JsonModel } = await import(join(pkg, 'index.js'))
const rows = Number(positionals[0] ?? 20_000)

const document = i => ({
  id: `id-${i}`,
  title: `Task number ${i} with some words in it`,
  done: i % 3 === 0,
  count: i,
  tags: ['red', 'green', `t${i % 7}`],
  home: { city: 'Ulm', zip: '89073', geo: { lat: 48.4 + i / 1e6, lon: 9.99 } },
  note: 'The quick brown fox jumps over the lazy dog. '.repeat(3),
})
const docs = Array.from({ length: rows }, (_, i) => document(i))
const texts = docs.map(({ id, ...doc }) => [id, JSON.stringify(doc)])

const best = async (times, fn) => {
  let least = Number.POSITIVE_INFINITY
  for (let i = 0; i < times; i++) {
    const done = await fn(i)
    const start = performance.now()
    await done()
    least = Math.min(least, performance.now() - start)
  }
  return least
}
const rate = ms => Math.round((rows / ms) * 1000)

const db = new DB({ durability: 'relaxed' })
db.addModel(JsonModel, { name: 'plain' })
db.addModel(JsonModel, {
  name: 'typed',
  columns: {
    count: { type: 'INTEGER' },
    title: { type: 'TEXT' },
    city: { path: 'home.city', index: true },
  },
})
await db.open()
const engine = db._engine
const insert = 'INSERT INTO "bare"("id", "json") VALUES (?, ?)'
const fresh = async () => {
  await db.exec(
    'DROP TABLE IF EXISTS bare; CREATE TABLE bare("rowId" INTEGER PRIMARY KEY, "id" TEXT NOT NULL UNIQUE, "json" TEXT)',
  )
}
const times = 5
const bareSet = await best(times, async () => {
  await fresh()
  return async () => {
    const token = await engine.begin()
    for (const row of texts) engine.runSql(insert, row, token)
    await engine.commit(token)
  }
})
// one crossing for all of them: what the engine alone can do with the text
const inside = await best(times, async () => {
  await fresh()
  const list = JSON.stringify(texts)
  const sql = `INSERT INTO bare(id, json) SELECT value ->> 0, value ->> 1 FROM json_each(?)`
  return () => db.run(sql, [list])
})
const set = {}
for (const name of ['plain', 'typed']) {
  set[name] = await best(times, async () => {
    await db.exec(`DELETE FROM ${name}`)
    return () => db.store[name].set(docs, false, true)
  })
  set[`${name}, given back`] = await best(times, async () => {
    await db.exec(`DELETE FROM ${name}`)
    return () => db.store[name].set(docs)
  })
}
const json = {
  stringify: await best(times, () => () => docs.map(doc => JSON.stringify(doc))),
  parse: await best(times, () => () => texts.map(([, text]) => JSON.parse(text))),
}
const select = 'SELECT "id", "json" FROM "bare" WHERE "id" = ?'
const bareGet = await best(times, () => () => docs.map(({ id }) => engine.allSql(select, [id], 0)))
const bareParsed = await best(
  times,
  () => () => docs.map(({ id }) => JSON.parse(engine.allSql(select, [id], 0)[0].json)),
)
const get = {}
for (const name of ['plain', 'typed']) {
  get[name] = await best(times, () => async () => {
    for (const { id } of docs) await db.store[name].get(id)
  })
}
console.log(`${rows} documents of ${texts[0][1].length} bytes`)
console.log(`JSON.stringify ${rate(json.stringify)}/s, JSON.parse ${rate(json.parse)}/s`)
console.log(`bare insert ${rate(bareSet)}/s (all in one statement ${rate(inside)}/s)`)
for (const [name, ms] of Object.entries(set))
  console.log(`set, ${name}: ${rate(ms)}/s, ${Math.round((bareSet / ms) * 100)} % (target ≥ 60 %)`)
console.log(`bare select ${rate(bareGet)}/s, its text parsed ${rate(bareParsed)}/s`)
for (const [name, ms] of Object.entries(get))
  console.log(`get, ${name}: ${rate(ms)}/s, ${Math.round((bareGet / ms) * 100)} % (target ≥ 60 %)`)
await db.close()
