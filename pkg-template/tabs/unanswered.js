// The requests of a page that have no answer yet: its calls, its wishes for newer rows of live
// queries, and its events without a verdict. It sends them when a leader serves the page, sends
// them again to the next leader where that is safe, and settles their promises. Which worker there
// is, and whether anybody leads, is connection.js's.

import { deferred } from '../language/deferred.js'
import { TidelogError } from '../language/errors.js'
import { cloneable, decodeError, hidden } from './rpc.js'

/**
 * A call during which so many leaders' engines stopped is not tried at another: it may be what
 * stops them.
 */
const TRAPS = 3

export class Unanswered {
  /** Sends a message to the leader while one serves us; undefined in between. */
  #post
  /** By model, the methods that may be sent again: the last leader's list. */
  #repeatable = {}
  #id = 0
  /** By id `{message, resolve, reject, sent, traps}`, each until it is answered. */
  #calls = new Map()
  #lives = new Map()
  /** By the id of their call, events without a verdict: `{events, resolve, reject}`. */
  #synced = new Map()

  newId() {
    this.#id += 1
    return this.#id
  }

  /** Calls a method; `what` names it in errors. */
  call(message, what) {
    return new Promise((resolve, reject) => {
      // a copy: it may be sent later or again, and is what it was when it was called
      const args = copy(message.args, what)
      const id = this.newId()
      const call = {
        message: { t: 'call', id, ...message, args },
        resolve,
        reject,
        sent: false,
        traps: 0,
      }
      this.#calls.set(id, call)
      if (this.#post) this.#send(call)
    })
  }

  /** Asks for newer rows of the live query `id`. One such wish at a time. */
  live(id, { model, args }) {
    return new Promise((resolve, reject) => {
      const message = { t: 'live', id, model, args: copy(args, `${model}.live`) }
      this.#lives.set(id, { message, resolve, reject })
      this.#post?.(message)
    })
  }

  /** Ends a live query here and at the leader. */
  forget(id) {
    this.#lives.get(id)?.resolve({ done: true, value: undefined })
    this.#lives.delete(id)
    this.#post?.({ t: 'end', id })
  }

  #send(call) {
    const [[done]] = this.#calls
    const again = call.sent
    call.sent = true
    this.#post({ ...call.message, done, again })
  }

  get isServed() {
    return this.#post !== undefined
  }

  /** A leader serves this page, reached by `post`: it gets everything that has no answer. */
  serve(repeatable, post) {
    this.#repeatable = repeatable
    this.#post = post
    for (const call of [...this.#calls.values()]) this.#send(call)
    for (const { message } of this.#lives.values()) post(message)
    for (const [id, { events }] of this.#synced) post({ t: 'verdict', id, events })
  }

  /** Nobody serves this page, and what is asked waits. */
  wait() {
    this.#post = undefined
  }

  /**
   * The leader is gone: what may have taken effect there and cannot be repeated is lost, the rest
   * waits for the next one. `trapped`: its engine stopped.
   */
  lose(trapped) {
    this.wait()
    for (const [id, call] of [...this.#calls]) {
      if (!call.sent) continue
      if (trapped) call.traps += 1
      if (call.traps >= TRAPS || !this.#repeats(call.message)) {
        this.#calls.delete(id)
        call.reject(lost(call.message))
      }
    }
  }

  /** All of the database's own methods may be sent again. */
  #repeats({ model, name }) {
    return model === undefined || (this.#repeatable[model] ?? []).includes(name)
  }

  /** The leader's answer `ok`, `err` or `synced`. */
  receive({ t, id, value, synced, error }) {
    if (t === 'synced') return settle(take(this.#synced, id), error)
    const asked = take(this.#calls, id) ?? take(this.#lives, id)
    if (t === 'err') asked?.reject(decodeError(error))
    else asked?.resolve(synced ? this.#event(id, value) : value)
  }

  #event(id, value) {
    const waiter = deferred()
    // nobody has to look at the server's verdict
    waiter.promise.catch(() => {})
    this.#synced.set(id, { ...waiter, events: [value].flat().map(event => event.id) })
    hidden(value, 'synced', waiter.promise)
    return value
  }

  /** Resolves when all calls are answered that the next leader could be sent as well. */
  async answered() {
    const calls = [...this.#calls.values()].filter(({ message }) => this.#repeats(message))
    await Promise.all(calls.map(settled))
  }

  /** Rejects calls and live queries; events keep waiting for their verdicts. */
  reject(error) {
    rejectAll([this.#calls, this.#lives], error)
  }

  /** Rejects everything, verdicts as well: no answer will come. */
  end(error) {
    this.wait()
    rejectAll([this.#calls, this.#lives, this.#synced], error)
  }
}

function rejectAll(waits, error) {
  const all = waits.flatMap(map => [...map.values()])
  for (const map of waits) map.clear()
  for (const { reject } of all) reject(error)
}

function lost({ model, name }) {
  const what = model === undefined ? name : `${model}.${name}`
  return new TidelogError(
    'LEADER_LOST',
    `${what} was cut off, because the tab that ran it is gone: it may have taken effect, in part or whole. Read what is there before you call it again`,
  )
}

function copy(args, what) {
  try {
    return structuredClone(args)
  } catch (cause) {
    const at = args.findIndex(arg => !cloneable(arg))
    const message = `argument ${at + 1} cannot be sent to the worker: give plain data, no functions`
    throw new TypeError(`${what}: ${message} (${cause.message})`, { cause })
  }
}

function take(waits, id) {
  const wait = waits.get(id)
  waits.delete(id)
  return wait
}

/** Settles what waits, by the error that came along if there is one. */
export function settle(wait, error) {
  if (error) wait?.reject(decodeError(error))
  else wait?.resolve()
}

/** Resolves when a call is answered, also while its own promise stays as it is. */
function settled(call) {
  return new Promise((/** @type {(value?: unknown) => void} */ done) => {
    for (const end of ['resolve', 'reject']) {
      const now = call[end]
      call[end] = value => {
        now(value)
        done()
      }
    }
  })
}
