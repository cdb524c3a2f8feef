// Column definitions: checked here, split into what the engine knows and the functions that run here.

const ENGINE_KEYS = ['type', 'real', 'path', 'get', 'index', 'unique', 'version']
const HERE_KEYS = ['default', 'required', 'value']
const TYPES = ['TEXT', 'NUMERIC', 'INTEGER', 'REAL', 'JSON']

/** `{engine, computed}`: the engine's columns, and the columns whose values are made or checked here. */
export function splitColumns(model, columns = {}) {
  const engine = []
  const computed = []
  for (const [name, given] of Object.entries(columns)) {
    const column = typeof given === 'function' ? given({ columnName: name }) : given
    if (!column) continue
    check(`${model}.${name}`, column)
    const known = { name }
    for (const key of ENGINE_KEYS) if (column[key] !== undefined) known[key] = column[key]
    if (known.index) known.index = indexKind(column)
    else delete known.index
    engine.push(known)
    if (HERE_KEYS.some(key => column[key] !== undefined)) {
      computed.push({ name, path: (column.path ?? name).split('.'), ...column })
    }
  }
  return { engine, computed }
}

function check(name, column) {
  if (typeof column !== 'object') throw new TypeError(`column ${name} must be an object`)
  for (const key of Object.keys(column)) {
    if (!ENGINE_KEYS.includes(key) && !HERE_KEYS.includes(key)) {
      throw new TypeError(
        `column ${name}: '${key}' is not supported; use ${[...ENGINE_KEYS, ...HERE_KEYS].join(', ')}`,
      )
    }
  }
  const { type, index, unique, value } = column
  if (type !== undefined && !TYPES.includes(type))
    throw new TypeError(`column ${name}: type must be one of ${TYPES}`)
  if (index && ![true, 'ALL', 'SPARSE'].includes(index)) {
    throw new TypeError(`column ${name}: index must be true, 'ALL' or 'SPARSE'`)
  }
  if (unique && !index) throw new TypeError(`column ${name}: unique needs index`)
  if (value !== undefined && typeof value !== 'function')
    throw new TypeError(`column ${name}: value must be a function`)
}

/** Sparse (NULLs not indexed) unless every row is wanted or has a value. */
function indexKind({ index, unique, default: byDefault, required }) {
  if (index === 'ALL' || index === 'SPARSE') return index
  return unique || required || byDefault !== undefined ? 'ALL' : 'SPARSE'
}

/** The value at a path of names. */
export function valueAt(object, path) {
  return path.reduce(
    (value, name) => (value === null || value === undefined ? undefined : value[name]),
    object,
  )
}

/** `object` with `value` at a path, copied only along the way. */
export function withValueAt(object, [name, ...rest], value) {
  const inner = rest.length ? withValueAt(object?.[name] ?? {}, rest, value) : value
  return { ...object, [name]: inner }
}
