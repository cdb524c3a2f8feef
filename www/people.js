// The list of users online: asks the server every few seconds while the page is seen, which also
// tells it that we are here.

import { byId, el } from './dom.js'

const EVERY_MS = 4000

/**
 * @param {string} list
 * @param {() => object} profile whose page this is
 * @param {() => boolean} online whether asking makes sense
 */
export function watchPeople(list, profile, online) {
  const ask = async () => {
    if (document.hidden) return
    show(online() ? await fetchPeople(list, profile()) : null, profile())
  }
  setInterval(ask, EVERY_MS)
  document.addEventListener('visibilitychange', ask)
  ask()
  return ask
}

async function fetchPeople(list, { id, name, hue }) {
  try {
    const query = new URLSearchParams({ list, name, hue })
    const answer = await fetch(`/who?${query}`, {
      headers: { Authorization: `Bearer ${id}` },
      signal: AbortSignal.timeout(EVERY_MS),
    })
    return answer.ok ? await answer.json() : null
  } catch {
    return null
  }
}

function show(people, me) {
  const others = people?.filter(({ you }) => !you) ?? []
  const known = others.map(({ name, hue }) => person(name, hue, name))
  byId('people').replaceChildren(person(me.name, me.hue, `${me.name} (you)`), ...known)
  const count = others.length === 1 ? '1 other' : `${others.length} others`
  byId('people-count').textContent = people
    ? `You and ${count} online`
    : 'No connection to the server'
}

function person(name, hue, label) {
  const initials = name
    .split(/\s+/)
    .slice(0, 2)
    .map(([letter = '']) => letter)
    .join('')
  return el('li', {
    className: 'person',
    hue,
    title: label,
    role: 'img',
    'aria-label': label,
    textContent: initials,
  })
}
