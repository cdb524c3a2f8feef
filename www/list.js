// The list on the page: rows keep their element while they exist, so that focus and a half-typed
// title survive an update from another device.

import { byId, el } from './dom.js'

/** Where the newest change of an item is. */
const MARKS = {
  here: 'Kept on this device',
  sent: 'Sent, waiting for the server',
  confirmed: 'Confirmed by the server',
}

/**
 * By item, `here` or `sent`, of events of the log, newest first; what has none is confirmed. An
 * event is `sent` from just before it leaves on, so that without a connection nobody knows whether
 * it has left.
 */
export function marksOf(events, connected) {
  const marks = new Map()
  for (const { pending, sent, data } of events) {
    if (pending && !marks.has(data.id)) marks.set(data.id, sent && connected ? 'sent' : 'here')
  }
  return marks
}

/**
 * @param {{tick: Function, rename: Function, remove: Function}} actions
 * @returns {{show: (todos: object[]) => void, mark: (marks: Map<string, string>) => void}}
 */
export function listView(actions) {
  const items = new Map()
  const list = byId('todos')

  const show = todos => {
    const gone = new Set(items.keys())
    for (const [index, todo] of todos.entries()) {
      gone.delete(todo.id)
      const item = items.get(todo.id) ?? makeItem(actions)
      items.set(todo.id, item)
      item.show(todo)
      if (list.children[index] !== item.element)
        list.insertBefore(item.element, list.children[index] ?? null)
    }
    for (const id of gone) {
      items.get(id).element.remove()
      items.delete(id)
    }
    const open = todos.filter(({ done }) => !done).length
    byId('empty').hidden = todos.length > 0
    byId('count').textContent = todos.length ? `${open} open, ${todos.length - open} done` : ''
  }

  const mark = marks => {
    for (const [id, item] of items) item.mark(marks.get(id) ?? 'confirmed')
  }
  return { show, mark }
}

function makeItem({ tick, rename, remove }) {
  let todo
  const box = el('input', { type: 'checkbox', className: 'tick' })
  const title = el('input', {
    type: 'text',
    className: 'title',
    maxLength: 200,
    enterKeyHint: 'done',
  })
  const who = el('span', { className: 'dot' })
  const bin = el('button', { type: 'button', className: 'bin', textContent: '×' })
  const where = el('span', { className: 'mark', role: 'img' })
  const element = el('li', {}, box, title, who, where, bin)

  box.addEventListener('change', () => tick(todo, box.checked))
  bin.addEventListener('click', () => remove(todo))
  title.addEventListener('change', () => {
    const text = title.value.trim()
    if (text && text !== todo.title) rename(todo, text)
    else title.value = todo.title
  })
  title.addEventListener('keydown', event => {
    if (event.key === 'Escape') title.value = todo.title
    if (event.key === 'Enter' || event.key === 'Escape') title.blur()
  })

  const show = next => {
    const typing = document.activeElement === title && title.value !== todo?.title
    todo = next
    element.classList.toggle('done', Boolean(todo.done))
    box.checked = Boolean(todo.done)
    box.setAttribute('aria-label', `Done: ${todo.title}`)
    if (!typing) title.value = todo.title
    title.setAttribute('aria-label', `Title: ${todo.title}`)
    bin.setAttribute('aria-label', `Delete ${todo.title}`)
    who.style.setProperty('--hue', String(Number(todo.who?.hue) || 0))
    who.title = `Last changed by ${todo.who?.name ?? 'somebody'}`
  }
  const mark = state => {
    if (where.dataset.state === state) return
    where.dataset.state = state
    where.title = MARKS[state]
    where.setAttribute('aria-label', MARKS[state])
  }
  return { element, show, mark }
}
