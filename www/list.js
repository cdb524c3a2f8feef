// The list on the page: rows keep their element while they exist, so that focus and a half-typed title survive an
// update from another device.

import { byId, el } from './dom.js'

/**
 * @param {{tick: Function, rename: Function, remove: Function}} actions
 * @returns {(todos: object[]) => void} shows these rows
 */
export function listView(actions) {
  const items = new Map()
  const list = byId('todos')

  return todos => {
    const gone = new Set(items.keys())
    for (const [index, todo] of todos.entries()) {
      gone.delete(todo.id)
      const item = items.get(todo.id) ?? makeItem(actions)
      items.set(todo.id, item)
      item.show(todo)
      if (list.children[index] !== item.element) list.insertBefore(item.element, list.children[index] ?? null)
    }
    for (const id of gone) {
      items.get(id).element.remove()
      items.delete(id)
    }
    const open = todos.filter(({ done }) => !done).length
    byId('empty').hidden = todos.length > 0
    byId('count').textContent = todos.length ? `${open} open, ${todos.length - open} done` : ''
  }
}

function makeItem({ tick, rename, remove }) {
  let todo
  const box = el('input', { type: 'checkbox', className: 'tick' })
  const title = el('input', { type: 'text', className: 'title', maxLength: 200, enterKeyHint: 'done' })
  const who = el('span', { className: 'dot' })
  const bin = el('button', { type: 'button', className: 'bin', textContent: '×' })
  const element = el('li', {}, box, title, who, bin)

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
  return { element, show }
}
