// The users that the demo's server lists as online.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Presence } from '../../www/presence.js'

const ann = 'a'.repeat(32)
const bob = 'b'.repeat(32)

function ask(id, query = '') {
  return new Request(`http://localhost/who?${query}`, {
    headers: id ? { Authorization: `Bearer ${id}` } : {},
  })
}

async function who(presence, id, query) {
  const request = ask(id, query)
  const people = await presence.answer(request).json()
  presence.left(request)
  return people
}

test('people of one list see each other, and nobody sees an id', async () => {
  const presence = new Presence()
  await who(presence, ann, 'list=shared&name=Ann&hue=10')
  await who(presence, bob, 'list=other&name=Bob&hue=20')
  const people = await who(presence, bob, 'list=shared&name=Bob&hue=20')
  assert.deepEqual(people, [
    { name: 'Ann', hue: 10, you: false },
    { name: 'Bob', hue: 20, you: true },
  ])
})

test('who has gone is online for as long as a request is under way and ten seconds more', async t => {
  t.mock.timers.enable({ apis: ['Date'] })
  const presence = new Presence()
  await who(presence, ann, 'list=shared&name=Ann&hue=10')
  const poll = ask(ann)
  assert.equal(presence.seen(poll, 'shared'), ann)
  const names = async () =>
    (await who(presence, bob, 'list=shared&name=Bob')).map(({ name }) => name)
  t.mock.timers.tick(25_000)
  assert.deepEqual(await names(), ['Ann', 'Bob'])
  presence.left(poll)
  t.mock.timers.tick(9_000)
  assert.deepEqual(await names(), ['Ann', 'Bob'])
  t.mock.timers.tick(2_000)
  assert.deepEqual(await names(), ['Bob'])
})

test('without a token there is no answer', () => {
  const presence = new Presence()
  assert.equal(presence.answer(ask()).status, 401)
  assert.equal(presence.seen(ask('short'), 'shared'), null)
})

test('memory is bounded', async () => {
  const presence = new Presence()
  const id = n => n.toString(16).padStart(32, '0')
  for (let n = 0; n < 1500; n++) await who(presence, id(n), 'list=shared&name=N')
  assert.equal((await who(presence, id(1499), 'list=shared&name=N')).length, 1000)
})
