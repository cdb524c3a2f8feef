// Refuses calls that would deadlock: a write that waits for the very transaction, or phase of an
// event, that it is made in; and any call of a hook on the database whose opening waits for the
// hook. Where the runtime does not follow asynchronous calls, a warning tells of them when nothing
// has moved for a while.

import { TidelogError } from '../language/errors.js'
import { Transaction } from './transaction.js'

const hooks = globalThis.process?.getBuiltinModule?.('node:async_hooks')
const phases = hooks?.AsyncLocalStorage && new hooks.AsyncLocalStorage()
const hookOf = hooks?.AsyncLocalStorage ? new hooks.AsyncLocalStorage() : firstTask()
const AsyncFunction = (async () => {}).constructor

/** The time that writes wait for a transaction before a warning, in ms. */
const LONG = 5000

const USE_TX =
  'inside withTransaction(tx => …) use tx: a write that does not go through it would wait for the end of the transaction, and the transaction for it'

/** Refuses a write that takes its turn when its caller holds that turn. */
export function refuseOwnWait(db) {
  const phase = phases?.getStore()
  if (phase?.db === db && !phase.over) {
    throw new TidelogError(
      'BAD_VALUE',
      `${db.name}: a ${phase.kind} cannot write outside of its event: the write would wait for the end of the event, and the event for it: ${phase.remedy}`,
    )
  }
  if (Transaction.around(db)) throw new TidelogError('BAD_VALUE', `${db.name}: ${USE_TX}`)
  const hook = hookOf.getStore()
  if (hook?.db === db && !hook.over) hook.refuse()
  if (Transaction.follows) return
  const { root, hook: running } = db._now
  if (root)
    tell(
      root,
      () => db._now.root === root,
      `${db.name}: writes have waited for a transaction`,
      USE_TX,
    )
  if (running?.db === db) tell(running, () => !running.over, running.waits, running.remedy)
}

/**
 * Calls a hook of the opening of `db`. One that waits for `db` itself, and not for what it is
 * called with, would do so for ever: it fails, and the opening with it. One that only starts
 * something is left alone.
 */
export async function inHook(db, kind, remedy, call) {
  const hook = { db, over: false, waits: `${db.name}: the opening has waited for ${kind}`, remedy }
  const refused = new Promise((_, reject) => {
    hook.refuse = () =>
      reject(
        new TidelogError(
          'BAD_VALUE',
          `${db.name}: ${kind} uses the database itself, whose opening waits for ${kind}: ${remedy}`,
        ),
      )
  })
  refused.catch(() => {})
  try {
    const running = hookOf.run(hook, call)
    if (typeof running?.then !== 'function') return
    db._now.hook = hook
    await Promise.race([running, refused])
  } finally {
    hook.over = true
    db._now.hook = undefined
  }
}

/** For runtimes that follow no asynchronous calls: the caller is known until the first await. */
function firstTask() {
  let store
  return {
    getStore: () => store,
    run(given, fn) {
      const before = store
      store = given
      try {
        return fn()
      } finally {
        store = before
      }
    },
  }
}

/**
 * Refuses an event that its maker would have to wait for, or that the opening of its database
 * would.
 */
export function refuseEvents(db) {
  const { open, joined } = db._now
  if (Transaction.around(db) || joined) throw noEvents(db)
  if (db.isOpen && !open)
    throw new TidelogError(
      'BAD_VALUE',
      `${db.name}: no event can be made while the database opens: dispatch it once open() has resolved`,
    )
  refuseOwnWait(db)
}

/** The error of a write to an event-sourced model inside a transaction. */
export function noEvents(db) {
  return new TidelogError(
    'BAD_VALUE',
    `${db.name}: inside withTransaction a model that events own cannot be written, for a rebuild from the log would lose what was written: dispatch events outside of transactions (an array of them is all or none), or write in a deriver`,
  )
}

/**
 * Tells once of a transaction or hook that is still `running` after a while: it may wait for this
 * very call.
 */
function tell(whom, running, what, remedy) {
  if (whom.told) return
  whom.told = true
  const timer = setTimeout(() => {
    if (running()) console.warn(`${what} for ${LONG / 1000} s: ${remedy}`)
  }, LONG)
  timer.unref?.()
}

const REMEDIES = {
  preprocessor: 'change and return the event',
  reducer: 'return what is to be written',
  deriver: 'write through its `model` or `store`',
}

/**
 * Calls a user's function of a phase so that its own writes are known. One that is not async cannot
 * wait for any.
 */
export function inPhase(db, kind, fn, argument) {
  if (!phases || !(fn instanceof AsyncFunction)) return fn(argument)
  const phase = { db, kind, remedy: REMEDIES[kind], over: false }
  const over = () => {
    phase.over = true
  }
  const running = phases.run(phase, /** @type {any} */ (fn), argument)
  running.then(over, over)
  return running
}
