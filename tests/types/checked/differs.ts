// The differences of an implementation from its declaration, by types alone: `Differs` is never, or
// a union of sentences. Looks at members, at how many parameters a method has and at what they
// take, and at whether it gives a promise. JavaScript that says nothing of a parameter takes
// anything.

/** Compiles when nothing differs; else the error has the sentences. */
export function same<_Differs extends never>() {}

/** The members of `Js` that differ from `Declared`, and those that `Declared` does not know. */
export type Differs<Js, Declared> =
  | {
      [K in keyof Declared]-?: K extends 'prototype'
        ? never
        : K extends keyof Js
          ? Between<Js[K], Declared[K], K>
          : Missing<K>
    }[keyof Declared]
  | Undeclared<Exclude<keyof Js, keyof Declared>>

type Missing<K> = `${Said<K>} is declared and not there`
type Undeclared<K> = K extends `_${string}` ? never : `${Said<K>} is there and not declared`
type Said<K> = K extends string | number ? `${K}` : 'a symbol'

type Between<J, D, K> = true extends IsAny<J> | IsAny<D>
  ? never
  : [D] extends [Class]
    ? [J] extends [Class]
      ? Made<ConstructorParameters<J>, ConstructorParameters<D>, K>
      : `${Said<K>} is no class`
    : [D] extends [Callable]
      ? [J] extends [Callable]
        ? Calls<J, D, K>
        : `${Said<K>} is no function`
      : [J] extends [Callable]
        ? `${Said<K>} is a function, and not declared as one`
        : [J] extends [D]
          ? never
          : `${Said<K>} has another type than its declaration`

type Made<J extends readonly unknown[], D extends readonly unknown[], K> =
  | Counts<Most<J>, Most<D>, K>
  | ([D] extends [J] ? never : `${Said<K>} does not take what its declaration says`)

type Calls<J extends Callable, D extends Callable, K> =
  | Made<Parameters_<J>, Parameters_<D>, K>
  | Promises<ReturnType<J>, ReturnType<D>, K>

/** One that takes any number is not counted. */
type Counts<J, D, K> = J extends 'any number'
  ? never
  : [J, D] extends [D, J]
    ? never
    : `${Said<K>} has ${J & string} parameters, and is declared with ${D & string}`

type Promises<J, D, K> = true extends IsAny<J> | IsAny<D>
  ? never
  : [D] extends [PromiseLike<unknown>]
    ? [J] extends [PromiseLike<unknown>]
      ? never
      : `${Said<K>} gives no promise`
    : [J] extends [PromiseLike<unknown>]
      ? [D] extends [ReturnType<() => void>]
        ? never
        : `${Said<K>} gives a promise`
      : never

type Class = abstract new (...args: never) => unknown
type Callable = (...args: never) => unknown
type IsAny<T> = 0 extends 1 & T ? true : false

/** The parameters of each signature. */
type Parameters_<F> = F extends {
  (...args: infer A): unknown
  (...args: infer B): unknown
  (...args: infer C): unknown
  (...args: infer D): unknown
  (...args: infer E): unknown
  (...args: infer G): unknown
}
  ? A | B | C | D | E | G
  : never

/** The number of parameters of the longest, as text. */
type Most<P extends readonly unknown[]> = number extends P['length']
  ? 'any number'
  : Longest<Required<P>['length']>
type Longest<N> = 6 extends N
  ? '6'
  : 5 extends N
    ? '5'
    : 4 extends N
      ? '4'
      : 3 extends N
        ? '3'
        : 2 extends N
          ? '2'
          : 1 extends N
            ? '1'
            : '0'
