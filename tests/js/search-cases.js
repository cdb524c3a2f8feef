// Random models, documents and questions for the differential test. A seed says everything.

export function random(seed) {
  let state = seed >>> 0
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
  const below = n => Math.floor(next() * n)
  const one = list => list[below(list.length)]
  return {
    next,
    below,
    one,
    chance: p => next() < p,
    many: (n, make) => Array.from({ length: below(n + 1) }, make),
  }
}

const TEXTS = [
  '',
  'a',
  'A',
  'ab',
  'aB',
  'b ',
  'b',
  '%',
  'a%b',
  '_',
  'ä',
  'Ä',
  '😀',
  '\uffee',
  "o'x",
  '12',
  ' 7',
  '1e2',
  '-3',
  'abc',
  'a\u0001b',
  'a\0b',
  '"q"',
  '\\',
]
const INTEGERS = [0, 1, -1, 2, 3, -5, 12, 100, 9007199254740991, -9007199254740991]
const REALS = [0.5, -0.5, 1.5, 2.25, -7.75, 1e21, -1e-7, 0.1, 0.30000000000000004]
const INDEXES = [undefined, true, 'ALL', 'SPARSE']
const COLLATIONS = [undefined, undefined, 'NOCASE', 'RTRIM', 'BINARY']

/** A value of some kind; nothing now and then. */
function value(r, kind) {
  if (r.chance(0.2)) return r.one([undefined, null])
  switch (kind) {
    case 'text':
      return r.one(TEXTS)
    case 'integer':
      return r.one(INTEGERS)
    case 'number':
      return r.one([...INTEGERS, ...REALS])
    case 'mixed':
      return r.one([r.one(TEXTS), r.one(INTEGERS), r.one(REALS), true, false])
    case 'json':
      return r.one([value(r, 'mixed'), list(r), { k: value(r, 'mixed') ?? 1, list: list(r) }, {}])
    case 'list':
      return r.chance(0.8) ? list(r) : value(r, 'mixed')
    default:
      return r.chance(0.6) ? true : undefined
  }
}

const list = r => r.many(3, () => r.one([value(r, 'mixed') ?? null, null, [1], { k: 'a' }]))

/** Columns, and what kind of value each gets. */
export function model(r) {
  const columns = { id: { type: r.one(['INTEGER', 'TEXT']) } }
  const kinds = {}
  const add = (name, kind, column) => {
    kinds[name] = kind
    const index = r.one(INDEXES)
    columns[name] = { ...column, ...(index && { index }) }
  }
  const collate = () => {
    const chosen = r.one(COLLATIONS)
    return chosen ? { collate: chosen } : {}
  }
  add('text', 'text', {
    type: 'TEXT',
    ...collate(),
    ...r.one([{}, { in: true }, { textSearch: true }]),
  })
  add('integer', 'integer', { type: 'INTEGER', ...r.one([{}, { in: true }]) })
  add('real', 'number', { type: 'REAL' })
  add('numeric', 'number', { type: 'NUMERIC' })
  add('bare', 'mixed', { real: true, ...collate() })
  add('virtual', 'mixed', { ...collate(), ...r.one([{}, { in: true }, { textSearch: true }]) })
  add('deep', 'mixed', { path: 'nest.very.deep', ...collate() })
  add('flag', 'flag', { falsyBool: true })
  add('json', 'json', { type: 'JSON' })
  add('tags', 'list', {
    ...r.one([{ type: 'JSON' }, {}]),
    ...r.one([{ isArray: true }, { isArray: true, in: true }, { isArray: true, inAll: true }]),
  })
  add('spot', 'integer', { path: 'nest.spot', type: 'INTEGER' })
  add('twin', 'integer', { path: 'nest.spot' })
  columns.double = { sql: 'tbl."integer" * 2' }
  kinds.double = 'integer'
  columns.loose = {}
  kinds.loose = 'json'
  rename(columns, kinds, 'json', 'any')
  return { columns, kinds }
}

/** `json` is a name of the table's own. */
function rename(columns, kinds, from, to) {
  columns[to] = columns[from]
  kinds[to] = kinds[from]
  delete columns[from]
  delete kinds[from]
}

export function documents(r, { columns, kinds }) {
  const docs = []
  const n = 1 + r.below(24)
  for (let i = 0; i < n; i += 1) {
    const doc = { id: columns.id.type === 'TEXT' ? `${r.one(['k', 'K', 'é', ''])}${i}` : i - 3 }
    for (const [name, kind] of Object.entries(kinds)) {
      if (['double', 'twin'].includes(name)) continue
      const given = value(r, kind)
      if (given === undefined) continue
      if (name === 'deep') doc.nest = { ...doc.nest, very: { deep: given } }
      else if (name === 'spot') doc.nest = { ...doc.nest, spot: given }
      else doc[name] = given
    }
    docs.push(doc)
  }
  return docs
}

const scalar = (r, kind) => {
  for (;;) {
    const found = value(
      r,
      ['text', 'integer', 'number'].includes(kind) && r.chance(0.8) ? kind : 'mixed',
    )
    if (found !== undefined && found !== null) return found
  }
}
const scalars = (r, kind, n) =>
  Array.from({ length: r.below(n) }, () => (r.chance(0.1) ? null : scalar(r, kind)))

/** Operators for a column of a kind. */
function operators(r, kind) {
  const pattern = () =>
    r.one([
      r.one(TEXTS.filter(text => !text.includes('\0'))),
      'a%',
      '%b%',
      '_',
      'A_',
      '*',
      '?b',
      'a*',
    ])
  const make = {
    $eq: () => (r.chance(0.1) ? null : scalar(r, kind)),
    $ne: () => (r.chance(0.1) ? null : scalar(r, kind)),
    $gt: () => scalar(r, kind),
    $gte: () => scalar(r, kind),
    $lt: () => scalar(r, kind),
    $lte: () => scalar(r, kind),
    $in: () => scalars(r, kind, 4),
    $nin: () => scalars(r, kind, 4),
    $like: pattern,
    $glob: pattern,
    $text: () => r.one(['\0', '\0B', pattern()]),
    $between: () => [scalar(r, kind), scalar(r, kind)],
    $exists: () => r.chance(0.5),
    $null: () => r.chance(0.5),
  }
  if (['json', 'list'].includes(kind)) {
    const item = () => r.one([value(r, 'mixed') ?? null, null, [1], { k: 'a' }])
    make.$contains = item
    make.$containsAll = () => r.many(2, item)
    make.$containsAny = () => r.many(2, item)
  }
  const chosen = {}
  for (let i = 0; i <= r.below(2); i += 1) {
    const op = r.one(Object.keys(make))
    chosen[op] = make[op]()
  }
  return chosen
}

/** A random condition. */
export function attrs(r, { columns, kinds }, depth = 0) {
  const made = {}
  const names = [...Object.keys(kinds), 'id']
  for (let i = r.below(depth ? 2 : 3) + (depth ? 1 : 0); i > 0; i -= 1) {
    if (depth < 3 && r.chance(0.25)) {
      const inner = () => attrs(r, { columns, kinds }, depth + 1)
      const logic = r.one(['$and', '$or', '$not'])
      made[logic] = logic === '$not' ? inner() : r.many(3, inner)
      continue
    }
    if (r.chance(0.15)) {
      const path = r.one([
        'any.k',
        'any[0]',
        'any.list[1]',
        'loose.k',
        'loose.list',
        'nest.very.deep',
        'nest.spot',
        'tags[0]',
        'tags[0].k',
        'nope',
      ])
      if (path !== 'nope') made[path] = operators(r, path === 'loose.list' ? 'list' : 'mixed')
      continue
    }
    const name = r.one(names)
    const kind = kinds[name] ?? (columns.id.type === 'TEXT' ? 'text' : 'integer')
    made[name] = r.chance(0.4) ? attribute(r, columns[name], kind) : operators(r, kind)
  }
  return made
}

/** A plain value for a column, as its keys ask. */
function attribute(r, column, kind) {
  if (r.chance(0.05)) return r.one([null, undefined])
  if (column.isArray) {
    const item = () => scalar(r, 'mixed')
    return column.in || column.inAll ? r.many(3, item) : item()
  }
  if (column.in) return r.chance(0.9) ? scalars(r, kind, 4) : scalar(r, kind)
  if (column.textSearch) return r.one(['', 'a', '%', '_', 'B', 1])
  if (column.falsyBool) return r.one([true, false, 0, 1, '', 'x'])
  if (column.type === 'JSON') return r.one([scalar(r, 'mixed'), list(r), { k: 1, list: [] }])
  return scalar(r, kind)
}

export function sort(r, { kinds }) {
  const made = {}
  const names = [
    ...Object.keys(kinds).filter(name => name !== 'tags'),
    'id',
    'any.k',
    'loose.list[0]',
  ]
  for (let i = r.below(4); i > 0; i -= 1)
    made[r.one(names)] = (r.below(3) + 1 + r.next() / 2) * r.one([1, -1])
  if (r.chance(0.1)) made[r.one(names)] = 0
  return made
}
