// The log on the page, newest first: what this device has confirmed, and what still waits for the
// server.

import { byId, el } from './dom.js'

const WORDS = {
  added: ({ title }) => `added “${title}”`,
  ticked: ({ title, done }) => `${done ? 'ticked' : 'unticked'} “${title}”`,
  renamed: ({ title, was }) => `renamed “${was}” to “${title}”`,
  removed: ({ title }) => `deleted “${title}”`,
}

const clock = new Intl.DateTimeFormat([], { hour: '2-digit', minute: '2-digit' })
let lines = new Map()

/**
 * Shows events, newest first. Lines that say the same as before are kept: one event changes one of
 * them.
 */
export function showLog(events) {
  lines = new Map(
    events.map(event => {
      const key = `${event.id} ${event.v} ${event.pending}`
      return [key, lines.get(key) ?? line(event)]
    }),
  )
  byId('log').replaceChildren(...lines.values())
  byId('log-empty').hidden = events.length > 0
}

function line({ v, type, ts, data, pending, code }) {
  const who = data?.who
  // what the server rejected has a place in the log, but no data
  const words =
    data && Object.hasOwn(WORDS, type) ? WORDS[type](data) : [type, code].filter(Boolean).join(': ')
  const time = new Date(ts)
  const position = pending
    ? el('span', { className: 'position pending', textContent: 'pending' })
    : el('span', { className: 'position', textContent: `#${v}` })
  return el(
    'li',
    {},
    position,
    el('span', { className: 'dot', hue: who?.hue }),
    el(
      'span',
      { className: 'words' },
      el('b', { textContent: who?.name ?? 'somebody' }),
      ` ${words}`,
    ),
    el('time', {
      dateTime: time.toISOString(),
      textContent: clock.format(time),
    }),
  )
}
