// Slugs: short, readable, unique values made from a text. Does not know how a model finds out what is taken.

const LONGEST = 30
/** Letters that decompose into nothing simpler. */
const PLAIN = { ß: 'ss', æ: 'ae', œ: 'oe', ø: 'o', đ: 'd', ð: 'd', ł: 'l', þ: 'th', ı: 'i' }

/**
 * The slug of a text, or of the first string in an object of translations: letters and digits of any script, lower
 * case, without accents, dashes between, at most 30 characters; `x` when nothing of it is usable.
 */
export function slugify(given) {
  const text = typeof given === 'object' && given !== null ? Object.values(given).find(isText) : given
  const plain = String(text ?? '')
    .toLowerCase()
    .replace(/[ßæœøđðłþı]/g, letter => PLAIN[letter])
    .normalize('NFD')
    .replace(/\p{M}/gu, '')
    .normalize('NFC')
  const dashed = plain.replace(/[^\p{L}\p{N}]+/gu, '-').replace(/^-/, '')
  return [...dashed].slice(0, LONGEST).join('').replace(/-$/, '') || 'x'
}

/** `slug`, or `slug-2`, `slug-3`… whichever is not taken: found in few questions, also after thousands of them. */
export async function freeSlug(slug, isTaken) {
  if (!(await isTaken(slug))) return slug
  let taken = 1
  let free = 2
  while (await isTaken(`${slug}-${free}`)) {
    taken = free
    free *= 2
  }
  while (free - taken > 1) {
    const middle = Math.floor((taken + free) / 2)
    if (await isTaken(`${slug}-${middle}`)) taken = middle
    else free = middle
  }
  return `${slug}-${free}`
}

const isText = value => typeof value === 'string' && value

/** Runs `fn` after what was given before under the same key: a slug is chosen and written with no other between. */
export function inLine(db, key, fn) {
  const { lines } = db._now
  const done = (lines.get(key) ?? Promise.resolve()).then(fn)
  const forget = () => {
    if (lines.get(key) === last) lines.delete(key)
  }
  const last = done.then(forget, forget)
  lines.set(key, last)
  return done
}
