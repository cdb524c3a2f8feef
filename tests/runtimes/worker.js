// The specification in workerd: in memory, and in Durable Objects, each test in one of its own.
import { DurableObject } from 'cloudflare:workers'
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
    console.log(`objects: ${JSON.stringify(results)}`)
    console.log(`results: ${JSON.stringify(await runAll({ place: () => ({}) }))}`)
  },
}
