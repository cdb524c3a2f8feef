// The messages between a page (connection.js), its worker (tab.js) and the leader's side of the
// page (desk.js), and how errors cross between them. It holds no state and knows neither locks nor
// the engine.
//
// page → its worker, and handed on to the leader where it is none itself
//   {t: 'join', tab, held}          the page's random name; `held`: it holds the Web Lock
//                                   `tidelog-page:<tab>`
//   {t: 'call', id, model?, name, args, done, again}
//                                   call a method of a model, or without `model` of the database;
//                                   all calls below `done` are answered; `again`: may have been
//                                   sent before
//   {t: 'live', id, model, args}    ask for newer rows than the last ones; one such wish at a time
//   {t: 'end', id}                  end the live query; it gets no answer
//   {t: 'verdict', id, events}      tell again when the events of call `id`, by their ids, are
//                                   `synced`
//   {t: 'close'} {t: 'freeze'} {t: 'resume'}
//                                   to its own worker: the page closes, is about to be frozen, was
//                                   woken
// worker → page; from the leader those marked *
//   {t: 'hello', alive?, status}    the worker listens; `alive` is a Web Lock that it holds as long
//                                   as it lives
//   {t: 'up', repeatable, status} * a leader serves the page: send it all that has no answer;
//                                   `repeatable`: by model, the methods that may be sent again at
//                                   the leader after this one
//   {t: 'down', status, trapped?}   nobody serves the page: keep everything; `trapped`: the engine
//                                   stopped
//   {t: 'failed', error, status}    nobody will, for all one knows
//   {t: 'status', status} *         the status changed; sent before any answer that came after the
//                                   change
//   {t: 'ok', id, value, synced?} * answer to a call; with `synced`, a `synced` follows; to live:
//                                   {value, done}
//   {t: 'err', id, error} *         the call or the live query failed
//   {t: 'synced', id, error?} *     the events that call `id` dispatched are in the server's log,
//                                   or were refused
//   {t: 'closed', error?}           the database is closed here
//   {t: 'crash', error}             the engine is gone and the worker ends
// worker → workers of other tabs (hall.js), each with its address `from`
//   {t: 'hello', version}           a new worker says so to all; answered to an older version by an
//                                   own `hello`
//   {t: 'opening'} {t: 'lead'} {t: 'down'}
//                                   has the lock, serves, serves no more
//   {t: 'join', tab, held} {t: 'page', tab, message}
//                                   follower → leader: its page, and the page's message
//   {t: 'answer', message}          leader → follower, for its page
//   {t: 'ping'}                     to all: who has the lock? Answered by `lead`, or `pong` while
//                                   it opens

import { TidelogError } from '../language/errors.js'

const STANDARD = [TypeError, RangeError, SyntaxError, ReferenceError, EvalError, URIError]
const CARRIED = new Set(['name', 'message', 'stack', 'code', 'cause'])
const CAUSES = 8

/**
 * An error as plain fields; whatever else was thrown as `{value}`.
 * @param {unknown} error
 */
export function encodeError(error, depth = 0) {
  if (!(error instanceof Error)) return { value: cloneable(error) ? error : String(error) }
  const { name, message, stack, code, cause } = /** @type {Error & {code?: string}} */ (error)
  /** @type {Record<string, unknown>} */
  const plain = { name, message, stack, base: STANDARD.find(type => error instanceof type)?.name }
  if (code !== undefined) plain.code = code
  if (cause !== undefined && depth < CAUSES) plain.cause = encodeError(cause, depth + 1)
  const details = Object.entries(error).filter(
    ([key, value]) => !CARRIED.has(key) && cloneable(value),
  )
  if (details.length) plain.details = details
  return plain
}

/**
 * The error that `encodeError` was given, as near as this side can come; the thrower's stack is in
 * `remoteStack`.
 * @param {any} plain
 */
export function decodeError(plain) {
  if ('value' in plain) return plain.value
  const { name, message, stack, code, cause, base, details = [] } = plain
  const options = cause === undefined ? undefined : { cause: decodeError(cause) }
  const standard = STANDARD.find(type => type.name === base)
  /** @type {Error & {code?: string}} */
  const error = standard ? new standard(message, options) : new TidelogError(code, message, options)
  if (error.name !== name) hidden(error, 'name', name)
  if (code !== undefined) error.code = code
  else delete error.code
  for (const [key, value] of details) hidden(error, key, value, true)
  hidden(error, 'remoteStack', stack)
  return error
}

/** Whether an error says that the engine cannot go on: the wasm trapped, or it said so itself. */
export function isCrash(error) {
  return error instanceof WebAssembly.RuntimeError || error?.code === 'CRASHED'
}

/** Defines instead of assigning, so that a detail named `__proto__` stays a detail. */
export function hidden(object, key, value, enumerable = false) {
  Object.defineProperty(object, key, { value, enumerable, configurable: true, writable: true })
}

/** Whether a value can be sent. */
export function cloneable(value) {
  try {
    structuredClone(value)
    return true
  } catch {
    return false
  }
}
