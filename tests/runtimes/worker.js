// The specification in workerd: in memory, and in Durable Objects, each test in one of its own.
import { DurableObject } from 'cloudflare:workers'
import { DB, JsonModel } from 'tidelog'
import { fromDurableObject } from 'tidelog/hosts'
import { runAll, tests } from '../spec/index.js'

export class Spec extends DurableObject {
  #tests() {
    const adapter = () => fromDurableObject(this.ctx)
    const traits = { reader: false, bundled: false, calls: true, adapter }
    return tests({ place: () => ({ adapter: adapter() }), traits })
  }

  names() {
    return this.#tests().map(({ name }) => name)
  }

  run(i) {
    return this.#tests()
      [i].run()
      .then(
        () => undefined,
        error => String(error?.stack ?? error),
      )
  }

  async #open() {
    const db = new DB({ adapter: fromDurableObject(this.ctx) })
    const docs = db.addModel(JsonModel, { name: 'docs' })
    await db.exec(`CREATE TABLE IF NOT EXISTS p(id TEXT PRIMARY KEY);
      CREATE TABLE IF NOT EXISTS k(p REFERENCES p(id) DEFERRABLE INITIALLY DEFERRED)`)
    return { db, docs }
  }

  async keep(id) {
    const { docs } = await this.#open()
    await docs.set({ id })
  }

  async ids() {
    const { docs } = await this.#open()
    return (await docs.all()).map(doc => doc.id)
  }

  async failingCommit() {
    const { db } = await this.#open()
    await db
      .withTransaction(async tx => {
        await tx.store.docs.set({ id: 'undone' })
        await tx.run("INSERT INTO k VALUES ('nobody')")
      })
      .catch(() => {})
  }
}

/**
 * The behaviour that only a Durable Object has: workerd ends it when a commit fails, whoever
 * catches the error.
 */
async function afterAFailedCommit(namespace) {
  const id = namespace.newUniqueId()
  await namespace.get(id).keep('kept')
  const ended = await namespace
    .get(id)
    .failingCommit()
    .then(
      () => 'it went on',
      () => '',
    )
  const left = String(await namespace.get(id).ids())
  return ended || left !== 'kept' ? `${ended}, left: ${left}` : undefined
}

export default {
  async test(_, env) {
    const object = () => env.SPEC.get(env.SPEC.newUniqueId())
    const results = []
    for (const [i, name] of (await object().names()).entries()) {
      const error = await object()
        .run(i)
        .catch(error => String(error))
      results.push({ name, error })
    }
    results.push({
      name: 'a commit that fails ends the object, which has nothing of it when it is back',
      error: await afterAFailedCommit(env.SPEC).catch(error => String(error?.stack ?? error)),
    })
    console.log(`objects: ${JSON.stringify(results)}`)
    console.log(`results: ${JSON.stringify(await runAll({ place: () => ({}) }))}`)
  },
}
