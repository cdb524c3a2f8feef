// Where a database's files are: `:memory:` everywhere, else what the platform has.

import { openFile as openOnPlatform } from '#platform'

/** `{storage, fs?, persistence}` for a file's name. */
export function openFile(file) {
  return file === ':memory:' ? { storage: 'memory', persistence: 'none' } : openOnPlatform(file)
}
