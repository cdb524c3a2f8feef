// Slugs: short, readable, unique values made of a text, and chosen so that writes at the same time
// get different ones. The model is asked which slugs its documents have.

const LONGEST = 30
/** Letters that decompose into nothing simpler. */
const PLAIN = { ß: 'ss', æ: 'ae', œ: 'oe', ø: 'o', đ: 'd', ð: 'd', ł: 'l', þ: 'th', ı: 'i' }

/**
 * The slug of a text, or of the first string in an object of translations: letters and digits of
 * any script, lower case, without accents, dashes between, at most 30 characters; `x` when nothing
 * of it is usable.
 */
export function slugify(given) {
  const text =
    typeof given === 'object' && given !== null ? Object.values(given).find(isText) : given
  const plain = String(text ?? '')
    .toLowerCase()
    .replace(/[ßæœøđðłþı]/g, letter => PLAIN[letter])
    .normalize('NFD')
    .replace(/\p{M}/gu, '')
    .normalize('NFC')
  const dashed = plain.replace(/[^\p{L}\p{N}]+/gu, '-').replace(/^-/, '')
  return [...dashed].slice(0, LONGEST).join('').replace(/-$/, '') || 'x'
}

/**
 * `slug`, or `slug-2`, `slug-3`… whichever is not taken: found in few questions, also after
 * thousands of them.
 */
export function freeSlug(slug, isTaken) {
  if (!isTaken(slug)) return slug
  let taken = 1
  let free = 2
  while (isTaken(`${slug}-${free}`)) {
    taken = free
    free *= 2
  }
  while (free - taken > 1) {
    const middle = Math.floor((taken + free) / 2)
    if (isTaken(`${slug}-${middle}`)) taken = middle
    else free = middle
  }
  return `${slug}-${free}`
}

const isText = value => typeof value === 'string' && value

/**
 * Runs `write(slugs)` of a model: what it chooses is its own until it is done, though nobody can
 * read it yet. Writes don't wait for one another, so that a column's function may write too.
 */
export async function choosing(model, write) {
  const slugs = new Slugs(model)
  try {
    return await write(slugs)
  } finally {
    slugs.end()
  }
}

/**
 * The slugs of one write. `model._choosing` has those of all that are under way: by slug, the ids
 * they are for.
 */
class Slugs {
  #model
  #token
  #mine = new Set()

  constructor(model) {
    this.#model = model
    this.#token = model._inside()
  }

  /**
   * A slug that neither a document has nor a write in the same transaction is about to give to
   * another.
   */
  async choose(column, text, doc) {
    const model = this.#model
    const engine = await model._ready()
    const id = this.#idOf(doc)
    // from here to the end nobody else chooses
    const slug = freeSlug(
      slugify(text),
      slug => this.#isChosen(column, slug, id) || model._isTaken(engine, column, slug, id),
    )
    this.keep(column, slug, doc)
    return slug
  }

  /** One that was given. */
  keep(column, slug, doc) {
    const { _choosing: chosen } = this.#model
    const key = this.#key(column, slug)
    if (!chosen.has(key)) chosen.set(key, new Map())
    chosen.get(key).set(this, this.#idOf(doc))
    this.#mine.add(key)
  }

  end() {
    const { _choosing: chosen } = this.#model
    for (const key of this.#mine) {
      const ids = chosen.get(key)
      ids.delete(this)
      if (!ids.size) chosen.delete(key)
    }
  }

  #isChosen(column, slug, id) {
    const ids = this.#model._choosing.get(this.#key(column, slug))
    return ids !== undefined && [...ids.values()].some(other => id === undefined || other !== id)
  }

  #key(column, slug) {
    return JSON.stringify([this.#token, column.name, String(slug)])
  }

  /** Undefined for one that the database will count up. */
  #idOf(doc) {
    const id = doc[this.#model.idCol]
    return id === null || id === undefined ? undefined : String(this.#model._id(id))
  }
}
