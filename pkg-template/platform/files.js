// The place of a database's files: `:memory:` everywhere, else the platform's storage.

import { openFile as openOnPlatform } from '#platform'

/**
 * `{storage, fs?}` for a file's name, as `Engine.open` takes them; `wanted` forces one of a
 * browser's storages.
 */
export function openFile(file, wanted) {
  return file === ':memory:' || wanted === 'memory' ? { storage: 'memory' } : openOnPlatform(wanted)
}
