// A new definition under which old events fail: the open says so, and the queue tells which. Real
// files.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { EventSourcingDB } from 'tidelog'

const directory = mkdtempSync(join(tmpdir(), 'tidelog-test-'))
after(() => rmSync(directory, { recursive: true }))

test('an open that takes the effect of events by a new definition warns, once, with how many and why', async () => {
  const file = join(directory, 'a.db')
  const open = async columns => {
    const es = new EventSourcingDB({ file, models: { k: { columns }, other: {} } })
    const warnings = []
    es.on('warning', text => warnings.push(text))
    await es.open()
    const docs = (await es.store.k.all()).map(({ id }) => id)
    const events = await es.queue.search({ type: 'es/k' }, { itemsOnly: true })
    return { es, warnings, docs, failed: events.filter(event => event.error).map(event => event.v) }
  }
  const first = await open({})
  await first.es.store.k.set([
    { id: 'a', d: 'x' },
    { id: 'c', d: 'y' },
  ])
  await first.es.store.k.set({ id: 'b', d: 'x' })
  await first.es.store.other.set({ id: 'b', d: 'x' })
  await first.es.close()
  assert.deepEqual(first.warnings, [])

  const unique = { d: { type: 'TEXT', index: true, unique: true } }
  const second = await open(unique)
  await second.es.close()
  assert.deepEqual(second.docs, ['a', 'c'])
  assert.equal(second.warnings.length, 1)
  assert.match(
    second.warnings[0],
    /^1 event of model 'k' has no effect .*UNIQUE.*queue\.search\(\{ type: 'es\/k' \}\)/s,
  )
  assert.equal(second.failed.length, 1)

  const third = await open(unique)
  await third.es.close()
  assert.deepEqual([third.warnings, third.docs, third.failed.length], [[], ['a', 'c'], 1])

  const fourth = await open({})
  await fourth.es.close()
  assert.deepEqual([fourth.warnings, fourth.docs.sort(), fourth.failed], [[], ['a', 'b', 'c'], []])
})
