// What a message about an unknown name advises: the known name that is like it, or all of them.

/**
 * "did you mean 'x'?" where a known name is like the given one, else which names there are.
 * @param {string} key
 * @param {string[] | object} known
 */
export function advice(key, known) {
  const names = Array.isArray(known) ? known : Object.keys(known)
  const close = nearest(key, names)
  return close === undefined ? `use ${names.join(', ')}` : `did you mean '${close}'?`
}

/** The name that differs in a third of the key's letters or fewer, or in two. */
function nearest(key, names) {
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
  const most = Math.max(2, Math.floor(key.length / 3))
  const close = names.map(name => ({ name, far: distance(name) })).filter(({ far }) => far <= most)
  return close.sort((a, b) => a.far - b.far)[0]?.name
}
