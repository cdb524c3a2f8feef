// driftdb's surface in every runtime: what it gives, and that it is all or nothing.
import { Column, DB, Model } from 'tidelog'
import * as assert from './assert.js'

const schema = {
  name: Column.text().required().build(),
  email: Column.text().unique().build(),
  active: Column.boolean().default(true).build(),
  photo: Column.blob(),
}

export function spec(t, { open }) {
  const users = () => {
    const db = open(DB)
    return [db, db.define('users', schema)]
  }

  t('records come back as they were made, and are found by conditions', async () => {
    const [, all] = users()
    const photo = new Uint8Array([0, 255])
    const ann = await all.create({ name: 'Ann', email: 'a', photo })
    const bob = await all.create({ name: 'Bob', active: false })
    assert.deepEqual(await all.findById(ann.id), ann)
    assert.deepEqual(
      [ann.active, ann.photo, bob.active, bob.email, bob.photo],
      [true, photo, false, null, null],
    )
    assert.deepEqual(await all.find({ where: { active: true } }), [ann])
    assert.deepEqual(await all.find({ orderBy: { name: 'DESC' }, offset: 1 }), [ann])
    assert.deepEqual(await all.filter({ email: null }), [bob])
    assert.equal(await all.count({ name: { $in: ['Ann', 'Bob'] } }), 2)
    await assert.rejects(all.find({ where: { name: { $nope: 1 } } }), { name: 'TypeError' })
  })

  t('records are changed, made when missing, and removed', async () => {
    const [, all] = users()
    const ann = await all.upsert({ email: 'a' }, { name: 'Ann' })
    assert.deepEqual([ann.email, ann.name], ['a', 'Ann'])
    assert.equal((await all.upsert({ email: 'a' }, { name: 'Anna' })).id, ann.id)
    assert.equal(await all.update({ name: { $like: 'An%' } }, { active: false }), 1)
    assert.equal(await all.count({ active: false }), 1)
    assert.equal(await all.delete({ active: false }), 1)
    assert.equal(await all.deleteById(ann.id), false)
  })

  t('a refused update changes no record', async () => {
    const [, all] = users()
    await all.create({ name: 'Ann', email: 'a' })
    await all.create({ name: 'Bob', email: 'b' })
    await assert.rejects(all.update({}, { email: 'same' }))
    assert.equal(await all.count({ email: 'same' }), 0)
  })

  t('a transaction holds what repositories and classes do in it', async () => {
    class Post extends Model {
      static tableName = 'posts'
      static schema = { title: Column.text() }
    }
    const [db, all] = users()
    db.registerModel(Post)
    const stop = new Error('stop')
    const failing = db.transaction(async tx => {
      await tx.repository('users').create({ name: 'Ann' })
      await tx.repository('posts').upsert({ title: 'Hello' }, {})
      throw stop
    })
    await assert.rejects(failing, stop)
    assert.deepEqual([await all.count(), await Post.count()], [0, 0])
    await db.transaction(async tx => {
      const made = await tx.repository('posts').create({ title: 'Hello' })
      assert.ok(made instanceof Post)
    })
    assert.equal(await Post.count(), 1)
  })

  t('a database has a name of its own', async () => {
    const db = open(DB)
    const id = await db.getNodeId()
    assert.match(id, /^[0-9a-f]{12}$/)
    assert.equal(await db.getNodeId(), id)
  })
}
