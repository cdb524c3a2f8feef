// What databases have of Node's EventEmitter; `on` is theirs, typed by the events they tell.

import type { Untyped } from '../worker.js'

export class Emitter {
  /** Calls `fn` the next time only. */
  once(name: string, fn: (...args: Untyped[]) => void): this
  /** Calls `fn` no more: of several times that it was added, the last one is taken back. */
  off(name: string, fn: (...args: Untyped[]) => void): this
  /** The same as `on`. */
  addListener(name: string, fn: (...args: Untyped[]) => void): this
  /** The same as `off`. */
  removeListener(name: string, fn: (...args: Untyped[]) => void): this
  /** Takes back all listeners of a name; without a name all there are. */
  removeAllListeners(name?: string): this
  /** `on`, before those that listen already. */
  prependListener(name: string, fn: (...args: Untyped[]) => void): this
  /** `once`, before those that listen already. */
  prependOnceListener(name: string, fn: (...args: Untyped[]) => void): this
  /** The listeners of a name, in their order. */
  listeners(name: string): ((...args: Untyped[]) => void)[]
  /** How many listen; with `fn` how many times it does. */
  listenerCount(name: string, fn?: (...args: Untyped[]) => void): number
  /** The names that have listeners. */
  eventNames(): string[]
  /** Kept for `getMaxListeners`: there is no warning of many listeners. Default 10. */
  setMaxListeners(most: number): this
  /** What `setMaxListeners` was last given. */
  getMaxListeners(): number
  /** Calls the listeners of a name; whether there was one. What one throws goes to the console. */
  emit(name: string, ...args: unknown[]): boolean
}
