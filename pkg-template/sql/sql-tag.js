// The `sql` template tag: values become parameters; `${x}ID`, `${x}LIT` and `${x}JSON` mean an
// identifier, raw text and JSON text.

const MODIFIER = /^(ID|LIT|JSON)(?![A-Za-z0-9_])/

/** A name as an SQL identifier. */
export const quoteId = name => `"${String(name).replaceAll('"', '""')}"`

/**
 * `[text, values]` of a template.
 * @param {readonly string[]} strings
 * @param {any[]} values
 * @returns {[string, any[]]}
 */
export function sql(strings, ...values) {
  let text = strings[0]
  const bound = []
  values.forEach((value, i) => {
    const rest = strings[i + 1]
    const modifier = MODIFIER.exec(rest)?.[1]
    if (modifier === 'ID') text += quoteId(value)
    else if (modifier === 'LIT') text += value
    else {
      text += '?'
      bound.push(modifier === 'JSON' ? JSON.stringify(value) : value)
    }
    text += modifier ? rest.slice(modifier.length) : rest
  })
  return [text, bound]
}
sql.quoteId = quoteId
