// The comparison of types in type tests: exact, so that `any` never passes for anything else.

/** Whether two types are the same one; `any` is only the same as `any`. */
export type Same<A, B> =
  (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false

/** `exactly<Wanted>()(value)` compiles when the value has that very type. */
export function exactly<Wanted>() {
  return <Given>(_value: Given, ..._differs: Same<Given, Wanted> extends true ? [] : [never]) => {}
}

/** The value, that is there. */
export function some<T>(value: T): NonNullable<T> {
  if (value === undefined || value === null) throw new TypeError('there is no value')
  return value
}

// the comparison itself can fail: these lines would be errors if it could not
exactly<number>()(5 as number)
// @ts-expect-error a union is not one of its members
exactly<number>()(5 as number | string)
// @ts-expect-error any is not a number
exactly<number>()(JSON.parse('5'))
// @ts-expect-error an optional property is not a required one
exactly<{ a: number }>()({} as { a?: number })
