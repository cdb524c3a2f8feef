// Where a database's files are: `:memory:` everywhere, else what the platform has.

import { openFile as openOnPlatform } from '#platform'

/**
 * `{storage, fs?}` for a file's name, as `Engine.open` takes them; `wanted` forces one of a
 * browser's storages.
 */
export function openFile(file, wanted) {
  return file === ':memory:' || wanted === 'memory' ? { storage: 'memory' } : openOnPlatform(wanted)
}
