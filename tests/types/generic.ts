// A model of an application's own that is generic in its columns: what every document has is there.
import { type Columns, type DocOf, type InputOf, JsonModel, type Untyped } from 'tidelog'
import { exactly } from './exactly.js'

class Stored<C extends Columns> extends JsonModel<DocOf<C>, C, InputOf<C>> {
  async idOf(key: string): Promise<string | number | undefined> {
    return (await this.get(key))?.id
  }
  async put(given: InputOf<C>) {
    const stored: DocOf<C> = await this.set(given)
    return [stored.id, stored.whatever]
  }
}
exactly<Untyped>()((await new Stored({}).searchOne())?.whatever)

export function described<C extends Columns>(doc: DocOf<C>): string {
  return `${doc.id}: ${doc.whatever}`
}

const columns = { id: { type: 'INTEGER' }, n: { type: 'REAL', required: true } } as const
const numbers = new Stored<typeof columns>({})
exactly<number | undefined>()((await numbers.searchOne({ n: { $gt: 1 } }))?.n)
// @ts-expect-error n is a number
await numbers.put({ n: 'x' })
