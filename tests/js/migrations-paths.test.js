// renameColumn, retypeColumn and dropColumn where values are below paths, in arrays too, and what
// is on the way.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { DB, JsonModel } from 'tidelog'

const dir = mkdtempSync(join(tmpdir(), 'tidelog-paths-'))
after(() => rmSync(dir, { recursive: true, force: true }))
let files = 0

/**
 * The documents that `docs` made under `before` become when `up(model)` runs while `columns` are
 * declared.
 */
async function migrated(before, docs, columns, up) {
  const file = join(dir, `${files++}.db`)
  const first = new DB({ file })
  await first.addModel(JsonModel, { name: 'k', columns: before }).set(docs)
  await first.close()
  const db = new DB({ file })
  let told
  const migrations = {
    async m({ model }) {
      told = await up(model)
    },
  }
  const model = db.addModel(JsonModel, { name: 'k', columns, migrations })
  try {
    return [told, await model.all()].map((value, i) => (i ? value : told))
  } finally {
    await db.close()
  }
}

const docs = [{ id: '1', t: ['4', 'y'] }, { id: '2', t: 'text' }, { id: '3', t: [] }, { id: '4' }]

for (const [kind, before] of Object.entries({
  real: { a: { path: 't[0]', type: 'TEXT' } },
  virtual: {},
})) {
  test(`retypeColumn changes what is in an array (${kind})`, async () => {
    const to = { a: { path: 't[0]', type: 'INTEGER' } }
    const [told, all] = await migrated(before, docs, to, model =>
      model.retypeColumn('a', value => value * 10),
    )
    assert.equal(told, 1)
    assert.deepEqual(all, [{ id: '1', t: [40, 'y'] }, ...docs.slice(1)])
  })

  test(`dropColumn leaves null in an array (${kind})`, async () => {
    const [told, all] = await migrated(before, docs, {}, model => model.dropColumn('t[0]'))
    assert.equal(told, 1)
    assert.deepEqual(all, [{ id: '1', t: [null, 'y'] }, ...docs.slice(1)])
  })

  test(`renameColumn moves out of an array, and into one (${kind})`, async () => {
    const out = { b: { type: 'TEXT', path: 'deep.list[1]' } }
    const [told, all] = await migrated(before, docs, out, model => model.renameColumn('t[0]', 'b'))
    assert.equal(told, 1)
    assert.deepEqual(all, [
      { id: '1', t: [null, 'y'], deep: { list: [null, '4'] } },
      ...docs.slice(1),
    ])
  })
}

test('a name of a column is that column, whatever its path, and a path that is none is refused', async () => {
  const columns = { a: { path: 'x.y', type: 'TEXT' } }
  const [told, all] = await migrated(
    columns,
    [{ id: '1', x: { y: 'v' }, a: 'mine' }],
    columns,
    model => model.retypeColumn('a', value => `${value}!`),
  )
  assert.deepEqual([told, all], [1, [{ id: '1', a: 'mine', x: { y: 'v!' } }]])
  const broken = migrated({}, docs, {}, model => model.dropColumn('a..b'))
  await assert.rejects(broken, { name: 'TypeError', message: /path 'a\.\.b' must be like/ })
})

test('what stands on the way of a renamed value stays: nothing is moved through it', async () => {
  const all = [
    { id: '1', old: 1, x: 'text' },
    { id: '2', old: 2, x: [1] },
    { id: '3', old: 3, x: { y: 4 } },
    { id: '4', old: 5, x: { z: 6 } },
  ]
  const [told, after] = await migrated({}, all, {}, model => model.renameColumn('old', 'x.y'))
  assert.equal(told, 1)
  assert.deepEqual(after, [...all.slice(0, 3), { id: '4', x: { z: 6, y: 5 } }])
})
