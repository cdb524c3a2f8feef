// Finds the known name that is most like an unknown one, for messages.

/**
 * The known key that is most like one.
 * @param {string} key
 * @param {string[] | object} known
 */
export function nearest(key, known) {
  const distance = other => {
    let row = Array.from({ length: other.length + 1 }, (_, i) => i)
    for (let i = 1; i <= key.length; i++) {
      const next = [i]
      for (let j = 1; j <= other.length; j++) {
        const same = key[i - 1].toLowerCase() === other[j - 1].toLowerCase()
        next[j] = Math.min(row[j] + 1, next[j - 1] + 1, row[j - 1] + (same ? 0 : 1))
      }
      row = next
    }
    return row[other.length]
  }
  const names = Array.isArray(known) ? known : Object.keys(known)
  return names.reduce((best, name) => (distance(name) < distance(best) ? name : best))
}
