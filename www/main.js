// The demo: ties the database in the worker to the parts of the page.

import './trusted-types.js'
import { connect } from 'tidelog/client'
import { byId } from './dom.js'
import { listView, marksOf } from './list.js'
import { showLog } from './log.js'
import { watchPeople } from './people.js'
import { loadProfile, saveProfile } from './profile.js'
import { showStatus } from './status.js'
import { keepUpToDate } from './update.js'

const LOG_LINES = 100

const list =
  location.hash
    .slice(1)
    .replace(/[^a-z0-9-]/g, '')
    .slice(0, 40) || 'shared'
let profile = loadProfile()
byId('list-title').textContent = list === 'shared' ? 'Shared list' : list

const db = await connect(
  () =>
    new Worker(new URL('./db.worker.js', import.meta.url), {
      type: 'module',
      name: JSON.stringify({ list, profile: profile.id }),
    }),
)
// for a look around from the browser's console
globalThis.db = db

const who = () => ({ name: profile.name, hue: profile.hue })
async function dispatch(type, data) {
  try {
    const event = await db.dispatch(type, { ...data, who: who() })
    refreshLog()
    await event.synced
    refreshLog()
  } catch (error) {
    complain(error)
  }
}

function complain(error) {
  // the page goes, or its worker did: what it waited for is in the queue, and the status says the
  // rest
  if (error.code === 'CLOSED' || error.code === 'CRASHED') return
  byId('notice').hidden = false
  byId('notice').textContent = `${error.code ?? error.name}: ${error.message}`
}

let logging = null
/** Reads the log again; wishes that come while it is read are one. */
function refreshLog() {
  logging ??= new Promise(requestAnimationFrame)
    .then(() => {
      logging = null
      // what is pending comes first, and the list has a mark for each of these
      return db.log({ limit: Math.max(LOG_LINES, db.status.sync?.pending ?? 0) })
    })
    .then(events => {
      showLog(events.slice(0, LOG_LINES))
      view.mark(marksOf(events, db.status.sync?.state !== 'offline'))
    }, complain)
  return logging
}

const view = listView({
  tick: ({ id, title }, done) => dispatch('ticked', { id, title, done }),
  rename: ({ id, title: was }, title) => dispatch('renamed', { id, title, was }),
  remove: ({ id, title }) => dispatch('removed', { id, title }),
})

byId('add').addEventListener('submit', event => {
  event.preventDefault()
  const title = byId('new').value.trim()
  if (!title) return
  byId('new').value = ''
  dispatch('added', { id: crypto.randomUUID(), title, at: Date.now() })
})

byId('online').addEventListener('click', async () => {
  await db.setOnline(!(db.status.sync?.online ?? true)).catch(complain)
  refreshPeople()
})

byId('me').addEventListener('click', () => {
  byId('my-name').value = profile.name
  byId('my-hue').value = profile.hue
  byId('profile').showModal()
})
byId('my-hue').addEventListener('input', () =>
  document.body.style.setProperty('--me', byId('my-hue').value),
)
byId('profile').addEventListener('close', () => {
  const name = byId('my-name').value.trim()
  if (byId('profile').returnValue === 'save' && name) {
    profile = saveProfile({
      ...profile,
      name: name.slice(0, 40),
      hue: Number(byId('my-hue').value),
    })
  }
  showMe()
  refreshPeople()
})

function showMe() {
  byId('me').textContent = profile.name
  document.body.style.setProperty('--me', profile.hue)
}

const refreshPeople = watchPeople(
  list,
  () => profile,
  () => db.status.sync?.online ?? true,
)
showMe()
showStatus(db.status)
db.on('status', status => {
  showStatus(status)
  if (status.role === 'leader' || status.role === 'follower') refreshLog()
})
addEventListener('hashchange', () => location.reload())
if (import.meta.env.PROD) keepUpToDate(() => db.close())

db.store.todos.live({}, { sort: { at: 1 } }).subscribe(todos => {
  view.show(todos)
  refreshLog()
}, complain)
