// Makes elements. Text goes in as text only, so nothing a person typed becomes markup.

/** An element with properties (`dataset`, `style` and ARIA names included) and children. */
export function el(name, properties = {}, ...children) {
  const element = document.createElement(name)
  for (const [key, value] of Object.entries(properties)) {
    if (key.startsWith('aria-') || key === 'role') element.setAttribute(key, value)
    else if (key === 'hue') element.style.setProperty('--hue', String(Number(value) || 0))
    else element[key] = value
  }
  element.append(...children)
  return element
}

/** The one element with this id. */
export const byId = id => document.getElementById(id)
