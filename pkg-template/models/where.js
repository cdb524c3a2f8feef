// Writes to all documents that a search finds: `updateWhere` and `removeWhere`, all or none, in as
// few calls of the engine as the columns' functions and a subclass's own methods allow.

import { utf8 } from '../documents/codec.js'
import { nullish } from '../documents/kinds.js'
import { isPatch } from '../documents/patch.js'

/** Changes the documents of `model` that match; gives how many. */
export async function updateWhere(model, attrs, given) {
  const { kind, change } = checkChange(model, attrs, given)
  return model._together(async inside => {
    const docs = await matching(inside, attrs)
    if (kind === 'function') return setMade(inside, docs, change)
    if (inside._needsWhole()) return inside._part(part => changeEach(part, docs, change, kind))
    if (docs.length) await changeAll(inside, docs, change, kind)
    return docs.length
  })
}

/**
 * Removes the documents that match; gives how many. `onesOwn`: by the model's own `remove`, one by
 * one.
 */
export async function removeWhere(model, attrs, onesOwn) {
  model._checkAttrs('removeWhere', attrs)
  return model._together(async inside => {
    const ids = (await matching(inside, attrs)).map(doc => doc[inside.idCol])
    if (!onesOwn) await inside._removeAll(ids)
    else
      await inside._part(async part => {
        for (const id of ids) await part.remove(id)
      })
    return ids.length
  })
}

/** `{kind, change}`: a function, a patch or an object to merge. */
export function checkChange(model, attrs, given) {
  model._checkAttrs('updateWhere', attrs)
  if (typeof given === 'function') return { kind: 'function', change: given }
  const change = model._checkObject('updateWhere', given)
  if (isPatch(change)) return { kind: model._encodePatch(change) && 'patch', change }
  if (!nullish(change[model.idCol]))
    throw new TypeError(`${model.name}.updateWhere: the id cannot be changed: use changeId`)
  return { kind: 'merge', change }
}

/** The matching documents as they are stored. */
export async function matching(model, attrs) {
  const text = model._searchText(attrs, { noTotal: true, noCursor: true }, { strict: true })
  const engine = await model._ready()
  const { items } = model._reply(engine.search(model.name, text, model._inside()))
  // what SQL computes is no part of the document, nor is what was made to hold it
  if (model._selected)
    return Promise.all(items.map(item => model._stored(model._codec.revive(item)[model.idCol])))
  return items.map(doc => model._revived(doc))
}

/** Changes documents in one call of the engine. */
async function changeAll(model, docs, change, kind) {
  const engine = await model._readyToWrite()
  const token = model._inside()
  const what = `${model.name}.updateWhere`
  const ids = docs.map(doc => doc[model.idCol])
  if (kind === 'merge') {
    const texts = ids.map(id =>
      model._codec.text(model._shaped({ ...change, [model.idCol]: id }, what), what),
    )
    await engine.update(model.name, texts, false, token)
  } else {
    const patch = model._encodePatch(change)
    const texts = ids.map(id => engine.patched(model.name, model._id(id), patch, token))
    await engine.set(model.name, utf8.encode(texts.join('\n')), false, token)
  }
  model._announce()
}

/** Changes documents as a subclass or the columns' functions want it. */
async function changeEach(model, docs, change, kind) {
  for (const doc of docs) {
    const id = doc[model.idCol]
    await (kind === 'patch'
      ? model.update(id, change)
      : model.update({ ...change, [model.idCol]: id }))
  }
  return docs.length
}

/** Writes what a function makes of documents; undefined leaves one as it is. */
async function setMade(model, docs, make) {
  const made = []
  for (const doc of docs) {
    const id = doc[model.idCol]
    const other = await make(doc)
    if (other !== undefined)
      made.push({ ...model._checkObject('updateWhere', other), [model.idCol]: id })
  }
  if (!model._needsWhole()) {
    if (made.length) await model.set(made)
  } else {
    await model._part(async part => {
      for (const doc of made) await part.set(doc)
    })
  }
  return made.length
}
