// Migrations of event-owned models: what they may read, and that what they may not write is
// refused.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { EventSourcingDB } from 'tidelog'

const dir = mkdtempSync(join(tmpdir(), 'tidelog-es-migrations-'))
after(() => rmSync(dir, { recursive: true, force: true }))

test('a migration of an event-owned model gets the queue, reads it and the models, and writes its own tables', async () => {
  const file = join(dir, 'read.db')
  const seen = []
  const look = key => ({
    [key]: async ({ queue, model, db, more }) => {
      const { items } = await queue.search({ type: 'es/things' })
      const [next, last] = [await queue.getNext(0), await queue.getMaxV()]
      seen.push([
        key,
        more,
        items.map(e => e.data[1]),
        next?.v,
        last,
        await model.count(),
        await queue.get(1),
      ])
      await db.exec(`CREATE TABLE IF NOT EXISTS report(key, n)`)
      await db.run`INSERT INTO report VALUES (${key}, ${items.length})`
    },
  })
  const open = migrations =>
    new EventSourcingDB({ file, models: { things: { migrations, migrationOptions: { more: 5 } } } })
  const first = open(look('1'))
  await first.store.things.set([{ id: 'a' }, { id: 'b' }])
  await first.close()
  const second = open({ ...look('1'), ...look('2') })
  assert.deepEqual(await second.db.all('SELECT * FROM report'), [
    { key: '1', n: 0 },
    { key: '2', n: 2 },
  ])
  assert.deepEqual(seen[0], ['1', 5, [], undefined, 0, 0, undefined])
  assert.deepEqual(seen[1].slice(0, 6), ['2', 5, ['a', 'b'], 1, 2, 2])
  assert.equal(seen[1][6].data[1], 'a')
  assert.equal(await second.store.things.count(), 2)
  await second.close()
})

const refused = {
  set: m => m.set({ id: 'c' }),
  update: m => m.update({ id: 'a', n: 1 }),
  patch: m => m.update('a', { $set: { n: 1 } }),
  remove: m => m.remove('a'),
  delete: m => m.delete('a'),
  changeId: m => m.changeId('a', 'b'),
  updateWhere: m => m.updateWhere({ id: 'a' }, { n: 1 }),
  removeWhere: m => m.removeWhere({ id: 'a' }),
  renameColumn: m => m.renameColumn('n', 'm'),
  retypeColumn: m => m.retypeColumn('n', Number),
  dropColumn: m => m.dropColumn('n'),
  'queue.add': (_, queue) => queue.add('es/things', [1, 'c', {}]),
}

for (const [name, write] of Object.entries(refused)) {
  test(`${name} in a migration of an event-owned model fails the open, which leaves everything as it was`, async () => {
    const file = join(dir, `${name}.db`)
    const open = migrations => new EventSourcingDB({ file, models: { things: { migrations } } })
    const before = open()
    await before.store.things.set({ id: 'a', n: '1' })
    await before.close()
    const wrong = open({ 1: ({ model, queue }) => write(model, queue) })
    await assert.rejects(wrong.open(), {
      code: 'NOT_SUPPORTED',
      message: /migration '1 things'.*migration/,
    })
    await wrong.close()
    const next = open({ 1: () => {} })
    assert.deepEqual(await next.store.things.all(), [{ id: 'a', n: '1' }])
    assert.equal(await next.queue.getMaxV(), 1)
    await next.close()
  })
}
