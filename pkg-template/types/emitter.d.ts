// What databases have of Node's EventEmitter; `on` is theirs, typed by the events they tell.

import type { Untyped } from '../worker.js'

export class Emitter {
  once(name: string, fn: (...args: Untyped[]) => void): this
  off(name: string, fn: (...args: Untyped[]) => void): this
  addListener(name: string, fn: (...args: Untyped[]) => void): this
  removeListener(name: string, fn: (...args: Untyped[]) => void): this
  removeAllListeners(name?: string): this
  prependListener(name: string, fn: (...args: Untyped[]) => void): this
  prependOnceListener(name: string, fn: (...args: Untyped[]) => void): this
  listeners(name: string): ((...args: Untyped[]) => void)[]
  listenerCount(name: string, fn?: (...args: Untyped[]) => void): number
  eventNames(): string[]
  /** Kept; nobody is warned of many listeners. */
  setMaxListeners(most: number): this
  getMaxListeners(): number
  emit(name: string, ...args: unknown[]): boolean
}
