// The columns' `parse` and `stringify`, and `ItemClass`: what they are called with, and what is
// said when they throw.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DB, EventSourcingDB, JsonModel } from 'tidelog'

const open = options => {
  const db = new DB()
  return [db, db.addModel(JsonModel, { name: 'docs', ...options })]
}

test("`this` of parse and stringify is the column, that of the document's functions the model", async () => {
  const seen = new Set()
  const note = function (value) {
    seen.add(this.name)
    return value
  }
  const [db, docs] = open({
    columns: {
      c: {
        type: 'TEXT',
        stringify(value) {
          note.call(this)
          return `${this.name}:${value}`
        },
        parse(value) {
          return `${value} of ${note.call(this) ?? this.name}`
        },
      },
    },
  })
  assert.equal((await docs.set({ id: 'a', c: 1 })).c, 'c:1 of c')
  assert.deepEqual(await docs.searchAll({}, { cols: ['c'] }), [{ c: 'c:1 of c' }])
  for (const attrs of [{ c: 1 }, { c: { $in: [1, 2] } }]) assert.equal(await docs.count(attrs), 1)
  assert.equal((await docs.get(1, 'c')).id, 'a')
  assert.equal((await docs.update({ id: 'a', c: 2 })).c, 'c:2 of c')
  assert.equal((await docs.update('a', { $set: { c: 3 } })).c, 'c:3 of c')
  assert.deepEqual([...seen], ['c'])
  await db.close()
  const [other, models] = open({
    validate: note,
    columns: {
      id: {
        value() {
          note.call(this)
          return 'a'
        },
      },
      v: { value: note, index: true },
      s: { slugValue: note, index: true },
    },
  })
  seen.clear()
  await models.set({})
  assert.deepEqual([...seen], ['docs'])
  await other.close()
})

test('a class of items gets what it can only read as a property of the item', async () => {
  class Item {
    #loud = ''
    get ro() {
      return 1
    }
    get loud() {
      return this.#loud
    }
    set loud(text) {
      this.#loud = text.toUpperCase()
    }
  }
  const [db, docs] = open({ ItemClass: Item })
  const item = await docs.set({ id: 'a', ro: 2, loud: 'hi', ['__proto__']: 5 })
  assert.ok(item instanceof Item)
  assert.deepEqual([item.ro, item.loud, { ...item }.ro], [2, 'HI', 2])
  assert.equal((await docs.set({ ...item })).ro, 2)
  assert.equal((await docs.all()).length, 1)
  await db.close()
})

test('what cannot be read is named: model, column, and the document that is stored', async () => {
  const lost = {
    code: 'USER',
    message: /^docs\.c: parse failed for the stored document 'b': Unexpected token/,
  }
  const columns = { c: { type: 'TEXT', parse: JSON.parse } }
  const [db, docs] = open({ columns })
  const reject = async (promise, error = lost) => {
    const thrown = await promise.catch(thrown => thrown)
    assert.ok(thrown.cause instanceof Error)
    assert.throws(() => {
      throw thrown
    }, error)
  }
  await reject(
    docs.set([
      { id: 'a', c: '1' },
      { id: 'b', c: 'x{' },
    ]),
  )
  assert.equal(await docs.count(), 2)
  await reject(docs.all())
  await reject(docs.get('b'))
  await reject(docs.searchAll({}, { cols: ['c'] }), {
    code: 'USER',
    message: /docs\.c: parse failed.*: Unex/,
  })
  assert.equal((await docs.get('a')).c, 1)
  await docs.remove('b')
  assert.equal((await docs.all()).length, 1)
  await db.close()

  const es = new EventSourcingDB({ models: { docs: { columns } } })
  await reject(es.store.docs.set({ id: 'b', c: 'x{' }))
  await es.close()

  class Strict {
    set n(value) {
      if (value < 0) throw new Error('n is negative')
    }
  }
  const [other, items] = open({ ItemClass: Strict })
  await items.set({ id: 'a', n: 1 })
  await reject(items.set({ id: 'b', n: -1 }), {
    code: 'USER',
    message: "docs: Strict refuses the stored document 'b': n is negative",
  })
  await other.close()
})
