// The database of fallback.test.js, with the options the test's server gives, in a realm that lacks
// what it says.
const { without = [], ...options } = await (await fetch('/options', { cache: 'no-store' })).json()

if (without.includes('handles')) delete FileSystemFileHandle.prototype.createSyncAccessHandle
if (without.includes('opfs')) {
  const refused = () => Promise.reject(new DOMException('not in a private window', 'SecurityError'))
  Object.defineProperty(navigator.storage, 'getDirectory', { value: refused })
}
if (without.includes('indexeddb'))
  Object.defineProperty(globalThis, 'indexedDB', { value: undefined })

const { ESModel } = await import('tidelog')
const { serve } = await import('tidelog/worker')

class Rows extends ESModel {
  async audit() {
    const [{ integrity_check }] = await this.db.all('PRAGMA integrity_check')
    const rows = await this.db.all('SELECT id FROM rows')
    return { integrity_check, ids: rows.map(row => row.id) }
  }
}

serve({ file: 'fallback.db', models: { rows: { Model: Rows } }, ...options })
