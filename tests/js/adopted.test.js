// Files that strato-db 3.11 made: opened by Tidelog's classes with the same models, with migrations
// of the application on the way, and with definitions that change from then on.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { DB, JsonModel, SQLite } from 'tidelog'

const dir = mkdtempSync(join(tmpdir(), 'tidelog-adopted-'))
after(() => rmSync(dir, { recursive: true, force: true }))

/** The schema that strato-db's migrations leave, and the records it keeps of them. */
const STRATO = `
  CREATE TABLE "{sdb} migrations"(runKey TEXT, ts DATETIME, up BOOLEAN);
  INSERT INTO "{sdb} migrations" VALUES ('0 k', 1, 1), ('0_t k', 1, 1), ('old k', 1, 1);
  CREATE TABLE "k"("rowId" INTEGER PRIMARY KEY AUTOINCREMENT, "id" TEXT NOT NULL, "json" JSON);
  CREATE UNIQUE INDEX "k_id" ON "k"("id");
  ALTER TABLE "k" ADD COLUMN "t" TEXT;
  CREATE INDEX "k_t" ON "k"("t") WHERE "t" IS NOT NULL;
  ALTER TABLE "k" ADD COLUMN "j" JSON;
  ALTER TABLE "k" ADD COLUMN "f" INTEGER;
  CREATE UNIQUE INDEX "k_f" ON "k"("f") WHERE "f" IS NOT NULL;
  INSERT INTO k(id, json, t, j, f) VALUES ('a', '{"x":1}', '5', '[1]', 1), ('b', NULL, NULL, '3', NULL)`

const columns = {
  t: { type: 'TEXT', index: true },
  j: { type: 'JSON' },
  f: { real: true, falsyBool: true, index: true, unique: true },
}
const DOCS = [
  { id: 'a', x: 1, t: '5', j: [1], f: true },
  { id: 'b', j: 3 },
]

let files = 0
async function strato() {
  files += 1
  const file = join(dir, `${files}.db`)
  const raw = new SQLite({ file })
  await raw.exec(STRATO)
  await raw.close()
  return file
}

/** Opens the file's model; gives what its documents are after they were written again. */
async function shaped(file, columns, migrations, ask) {
  const db = new DB({ file })
  const model = db.addModel(JsonModel, { name: 'k', columns, migrations })
  const docs = await model.all()
  for (const doc of docs) assert.deepEqual(await model.set(doc), doc)
  await model.set({ id: 'new', t: '1' })
  await assert.rejects(model.set({ id: 'new' }, true), { code: 'SQLITE_CONSTRAINT_UNIQUE' })
  await model.remove('new')
  assert.equal(await model.count(), docs.length)
  const answer = await ask?.(model)
  await db.close()
  return answer ?? docs
}

test("strato-db's documents and indexes are those of the same model here, and follow its definition", async () => {
  const file = await strato()
  assert.deepEqual(await shaped(file, columns), DOCS)
  const { f, ...less } = columns
  const shapes = [
    [columns, DOCS],
    [{ ...columns, x: { type: 'INTEGER', index: true } }, DOCS, { x: 1 }],
    [{ ...columns, t: { type: 'INTEGER' } }, [{ ...DOCS[0], t: 5 }, DOCS[1]], { t: 5 }],
    [{ ...columns, t: { type: 'TEXT', fts: true } }, DOCS, { t: { $match: '5' } }],
    [less, DOCS],
    [{ ...less, first: { path: 'j', type: 'JSON' }, j: undefined }, DOCS],
    [columns, DOCS, { f: true }],
  ]
  for (const [shape, docs, attrs] of shapes) {
    assert.deepEqual(await shaped(file, shape), docs, JSON.stringify(shape))
    if (attrs)
      assert.deepEqual(await shaped(file, shape, {}, model => model.searchAll(attrs)), [docs[0]])
  }
})

test('a changed definition and migrations meet a file of strato-db in one open', async () => {
  const changed = {
    ...columns,
    t: { type: 'INTEGER', index: true },
    title: { type: 'TEXT', index: true },
  }
  const migrations = {
    old: () => assert.fail('it has run there'),
    new: async ({ model }) => {
      await model.set({ id: 'c', x: 2, t: 7 })
      await model.renameColumn('x', 'title')
    },
  }
  const docs = await shaped(await strato(), changed, migrations)
  assert.deepEqual(docs, [
    { id: 'a', title: '1', t: 5, j: [1], f: true },
    { id: 'b', j: 3 },
    { id: 'c', title: '2', t: 7 },
  ])
  const retyped = { t: ({ model }) => model.retypeColumn('t', t => ({ was: t })) }
  const [first] = await shaped(await strato(), { ...columns, t: { type: 'JSON' } }, retyped)
  assert.deepEqual(first.t, { was: '5' })
})
