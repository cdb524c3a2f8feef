// Types of the result of `addModel`: the model of a definition, or the instance of a class.

import type { Untyped } from '../worker.js'
import type {
  Columns,
  DocOf,
  Flat,
  IdOf,
  InputOf,
  IsAny,
  Same,
  StandardSchema,
  WithId,
} from './columns.js'
import type { Id, JsonModel } from './model.js'

/** The model of a definition. */
export type ModelOf<C extends Columns, IdCol extends string, V> = JsonModel<
  With<Output<V>, DocOf<C, IdCol>>,
  WithId<C, IdCol>,
  With<Input<V>, InputOf<C, IdCol>>,
  IdKey<IdOf<C, IdCol>>
>
/** A value that can be given to ask for an id. */
export type IdKey<V> = [V] extends [Date] ? Date | number : [V] extends [Uint8Array] ? V : Id
/**
 * The result of `addModel(Model, options)`: for JsonModel the model of the definition, for another
 * class its instance.
 */
export type Added<M, C extends Columns, IdCol extends string, V> =
  Same<M, typeof JsonModel> extends true
    ? ModelOf<C, IdCol, V>
    : M extends new (
          ...args: Untyped[]
        ) => infer Instance
      ? Instance
      : never
/** A document as the schema describes it, and the columns as well. */
type With<Said, Doc> =
  IsAny<Said> extends true ? Said : unknown extends Said ? Doc : Flat<Said & Doc>
type Output<V> = [V] extends [StandardSchema<Untyped, infer O>] ? O : unknown
type Input<V> = [V] extends [StandardSchema<infer I, Untyped>] ? I : unknown
