// The users online, in memory: anybody with a request under way or one just over, named by the page
// that asks for the others.

const TOKEN = /^Bearer ([0-9a-f]{32})$/
/**
 * The time after the last request during which somebody counts as online; a page that is looked at
 * asks every 4 s.
 */
const GONE_MS = 10_000
const KEPT = 1000

export class Presence {
  /** By list and id, the one not seen for longest first. */
  #people = new Map()
  #requests = new WeakMap()

  /**
   * The id that a request comes with, which is now seen; null without one. Each call is followed by
   * `left`.
   */
  seen(request, list, about) {
    const [, id] = TOKEN.exec(request.headers.get('Authorization') ?? '') ?? []
    if (!id) return null
    const key = `${list}/${id}`
    const person = Object.assign(this.#people.get(key) ?? { id, list, open: 0 }, about)
    person.open++
    this.#people.delete(key)
    this.#people.set(key, person)
    if (this.#people.size > KEPT) this.#people.delete(this.#people.keys().next().value)
    this.#requests.set(request, person)
    return id
  }

  /** The request is over, answered or broken off. */
  left(request) {
    const person = this.#requests.get(request)
    if (!person) return
    person.open--
    person.at = Date.now()
  }

  /**
   * `GET /who?list=…&name=…&hue=…`: the people of a list, without their ids, which are their
   * tokens.
   */
  answer(request) {
    const query = new URL(request.url).searchParams
    const list = query.get('list') ?? ''
    const about = {
      name: (query.get('name') ?? '').slice(0, 40),
      hue: Number(query.get('hue')) || 0,
    }
    const me = this.seen(request, list, about)
    const headers = { 'Cache-Control': 'no-store' }
    if (!me) return Response.json({ err: 'token' }, { status: 401, headers })
    const since = Date.now() - GONE_MS
    const here = [...this.#people.values()].filter(
      person => person.list === list && person.name && (person.open > 0 || person.at > since),
    )
    return Response.json(
      here.map(({ id, name, hue }) => ({ name, hue, you: id === me })),
      { headers },
    )
  }
}
