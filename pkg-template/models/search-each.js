// `each`: calls a function for every document that matches, a few at a time, and reads them in
// pages of results.
//
// A document comes once although the function writes: a page follows the last one by the values of
// the order, and the last page ends at the document that was last when `each` began.

/**
 * Calls `fn(item, i)` with each document and gives their number. The first error stops it: running
 * calls are waited for, then it is thrown.
 */
export async function each(model, attrs, options, fn) {
  const { concurrent = 5, batchSize = 50, limit, fn: given, noCursor, ...rest } = options
  const call = fn ?? given
  if (typeof call !== 'function') throw new TypeError(`${model.name}.each: fn must be a function`)
  const whole = { concurrent, batchSize, limit: limit ?? 1 }
  for (const [name, value] of Object.entries(whole)) {
    if (!(Number.isSafeInteger(value) && value > (name === 'limit' ? -1 : 0)))
      throw new TypeError(`${model.name}.each: ${name} must be a whole number, not ${value}`)
  }
  for (const name of ['cursor', 'offset', 'distinct', 'itemsOnly']) {
    if (rest[name])
      throw new TypeError(
        `${model.name}.each: ${name} is not an option here, for each goes through all that match: leave it out`,
      )
  }
  const { idCol } = model
  /** @type {Record<string, any>} */
  const run = {
    call,
    concurrent,
    left: limit || Number.POSITIVE_INFINITY,
    count: 0,
    idCol,
    seen: undefined,
  }
  const own = model._searchesItself()
  // a function that changes what is sorted by would meet its own documents again
  if (own || (rest.sort && Object.keys(rest.sort).some(name => name !== idCol)))
    run.seen = new Set()
  const order = { ...rest, noTotal: true }
  if (run.seen && rest.cols && !rest.cols.includes(idCol)) {
    order.cols = [...rest.cols, idCol]
    run.hidden = true
  }
  // where an own search ends only its cursors tell
  const until = own || (await model._find(attrs, { ...order, limit: 1 }, { fromEnd: true })).cursor
  for (let cursor; until; ) {
    const page = { ...order, limit: Math.min(batchSize, run.left), cursor }
    const found = own ? await model.search(attrs, page) : await model._find(attrs, page, { until })
    await batch(run, found.items)
    cursor = found.cursor
    if (!cursor || run.left <= 0) break
  }
  return run.count
}

async function batch(run, items) {
  const fresh = items.filter(item => {
    if (!run.seen) return true
    const id = item[run.idCol]
    if (run.hidden) delete item[run.idCol]
    return !run.seen.has(id) && run.seen.add(id)
  })
  const queue = fresh.slice(0, run.left)
  run.left -= queue.length
  let failed
  const worker = async () => {
    while (!failed && queue.length) {
      const i = run.count
      run.count += 1
      try {
        await run.call(queue.shift(), i)
      } catch (error) {
        failed ??= { error }
      }
    }
  }
  await Promise.all(Array.from({ length: Math.min(run.concurrent, queue.length) }, worker))
  if (failed) throw failed.error
}
