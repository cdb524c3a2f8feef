// Databases as event emitters: what code for Node's calls on them.
import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import { test } from 'node:test'
import { EventSourcingDB, SQLite } from 'tidelog'

/** The observations of a script over an emitter's methods. */
function seen(emitter) {
  const said = []
  const hear = name => {
    const fn = (...args) => said.push([name, ...args])
    return fn
  }
  const [a, b, c, d, e] = ['a', 'b', 'c', 'd', 'e'].map(hear)
  emitter.addListener('x', a).once('x', b).prependListener('x', c).prependOnceListener('x', d)
  emitter.on('y', e).on('y', e)
  said.push(emitter.listeners('x').map(fn => [a, b, c, d].indexOf(fn)))
  said.push(emitter.eventNames(), emitter.listenerCount('x'), emitter.listenerCount('y'))
  said.push(emitter.emit('x', 1, 2), emitter.listenerCount('x'), emitter.emit('x', 3))
  emitter.removeListener('y', e)
  said.push(emitter.listenerCount('y'))
  emitter.off('x', a).once('x', b).off('x', b)
  said.push(emitter.listenerCount('x'))
  emitter.removeAllListeners('x')
  said.push(emitter.eventNames(), emitter.emit('x'))
  emitter.removeAllListeners()
  said.push(emitter.eventNames(), emitter.setMaxListeners(3).getMaxListeners())
  return said
}

test("a database has the methods of Node's emitters, which do the same", () => {
  const theirs = seen(new EventEmitter())
  assert.deepEqual(seen(new SQLite()), theirs)
})

test('so has a database of events', () => {
  const es = new EventSourcingDB({ models: { k: {} } })
  assert.deepEqual(seen(es), seen(new EventEmitter()))
})

test('a listener that throws keeps no other from hearing', t => {
  t.mock.method(console, 'error', () => {})
  const db = new SQLite()
  let heard = 0
  db.on('x', () => {
    throw new Error('no')
  }).on('x', () => heard++)
  assert.equal(db.emit('x'), true)
  assert.equal(heard, 1)
  assert.throws(() => db.on('x', 5), TypeError)
})
