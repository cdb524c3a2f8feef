// The methods of Node's EventEmitter that databases have; each database declares its own `on`,
// typed by its events.

import type { Untyped } from '../worker.js'

export class Emitter {
  /** Calls `fn` the next time only. */
  once(name: string, fn: (...args: Untyped[]) => void): this
  /** Calls `fn` no more: if it was added several times, the last one is removed. */
  off(name: string, fn: (...args: Untyped[]) => void): this
  /** The same as `on`. */
  addListener(name: string, fn: (...args: Untyped[]) => void): this
  /** The same as `off`. */
  removeListener(name: string, fn: (...args: Untyped[]) => void): this
  /** Removes all listeners of a name; without a name all there are. */
  removeAllListeners(name?: string): this
  /** `on`, before those that listen already. */
  prependListener(name: string, fn: (...args: Untyped[]) => void): this
  /** `once`, before those that listen already. */
  prependOnceListener(name: string, fn: (...args: Untyped[]) => void): this
  /** The listeners of a name, in their order. */
  listeners(name: string): ((...args: Untyped[]) => void)[]
  /** The number of listeners; with `fn` how many times it is one of them. */
  listenerCount(name: string, fn?: (...args: Untyped[]) => void): number
  /** The names that have listeners. */
  eventNames(): string[]
  /** Kept for `getMaxListeners`: there is no warning of many listeners. Default 10. */
  setMaxListeners(most: number): this
  /** The number that `setMaxListeners` was last given. */
  getMaxListeners(): number
  /**
   * Calls the listeners of a name; whether there was one. The error of one that throws goes to the
   * console.
   */
  emit(name: string, ...args: unknown[]): boolean
}
