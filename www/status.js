// The status line: who owns the database, where it is, and what sync is doing, in words.

import { byId } from './dom.js'

const ROLES = {
  waiting: 'One moment: another tab of this browser takes over the list',
  opening: 'Opening the database…',
  failed: 'The database could not be opened',
  crashed: 'The database stopped: reload the page',
  closed: 'The database is closed: reload the page',
}
const STORAGE = {
  opfs: 'on this device (OPFS)',
  indexeddb: 'on this device (IndexedDB)',
  memory: 'in memory only: gone with this tab',
  host: 'on disk',
}

const SYNC = {
  off: 'off',
  offline: 'no connection, trying again',
  catchUp: 'catching up',
  live: 'up to date',
  fenced: 'refused by the server',
  needsUpgrade: 'the server needs a newer version of this page',
  stopped: 'stopped: the server has another history',
}

/** Shows a status of the connection. */
export function showStatus({ role, storage, sync, error }) {
  document.body.dataset.role = role
  const { state = 'off', online = true, pending = 0, error: trouble } = sync ?? {}
  const notice = ROLES[role] ?? ''
  byId('notice').hidden = !notice
  byId('notice').textContent = error?.message ? `${notice}: ${error.message}` : notice
  byId('role').textContent = role
  byId('storage').textContent = STORAGE[storage] ?? 'not open yet'
  byId('sync').textContent = !online ? 'switched off' : (SYNC[state] ?? state)
  byId('sync').dataset.state = online ? state : 'paused'
  byId('trouble').textContent = online && trouble ? `Trouble: ${trouble}` : ''
  byId('pending').textContent = pending
  byId('pending').dataset.some = String(pending > 0)
  byId('online').setAttribute('aria-checked', String(online))
}
