// Lets the page start its own workers where the policy says `require-trusted-types-for 'script'`:
// the address of a script is trusted when it is of this site. Any page may copy this; it is
// imported before the first worker starts.

globalThis.trustedTypes?.createPolicy('default', {
  createScriptURL(url) {
    if (new URL(url, location.href).origin === location.origin) return url
    throw new TypeError(`not a script of this site: ${url}`)
  },
})
