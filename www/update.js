// Keeps the page at the build its service worker has: a new one takes over as a whole, then every
// tab loads anew.

/**
 * @param {() => Promise<unknown>} leave lets the writes under way finish before the page goes
 */
export function keepUpToDate(leave) {
  const { serviceWorker } = navigator
  if (!serviceWorker) return
  let controlled = Boolean(serviceWorker.controller)
  serviceWorker.addEventListener('controllerchange', () => {
    // on the first visit it only takes over what it has just kept
    if (controlled) reloadWhenIdle(leave)
    controlled = true
  })
  serviceWorker.register('/sw.js', { updateViaCache: 'none' }).then(
    registration =>
      document.addEventListener(
        'visibilitychange',
        () => document.hidden || registration.update().catch(() => {}),
      ),
    // works without it, as long as there is a network
    () => {},
  )
}

/** Reloads once nobody is in the middle of typing here. */
function reloadWhenIdle(leave) {
  let leaving = false
  const look = () => {
    if (leaving || typing()) return
    leaving = true
    leave().finally(() => location.reload())
  }
  document.addEventListener('focusout', () => setTimeout(look))
  look()
}

function typing() {
  return (
    document.querySelector('dialog[open]') ||
    document.activeElement?.matches('input[type=text]:not(:placeholder-shown)')
  )
}
