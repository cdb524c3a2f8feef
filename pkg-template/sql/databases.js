// Whole databases: listed, exported, imported, renamed and deleted while nobody has them open.

import { loadEngine } from '../platform/engine.js'
import { openFile } from '../platform/files.js'

/** The names of the databases; in Node, Bun and Deno those in `directory`. */
export async function listDatabases(directory = '.') {
  const engine = await loadEngine()
  return engine.listDatabases(openFile('list').fs, directory)
}

/**
 * A database as the bytes of an SQLite file.
 * @param {string} file
 */
export async function exportDatabase(file) {
  const engine = await loadEngine()
  return engine.exportDatabase(openFile(name('exportDatabase', file)).fs, file)
}

/**
 * Makes a database of an SQLite file's bytes. One that exists is not overwritten: `EXISTS`.
 * @param {string} file
 * @param {Uint8Array} bytes
 */
export async function importDatabase(file, bytes) {
  if (!(bytes instanceof Uint8Array))
    throw new TypeError('importDatabase: bytes must be a Uint8Array')
  const engine = await loadEngine()
  await engine.importDatabase(openFile(name('importDatabase', file)).fs, file, bytes)
}

/**
 * Removes a database and all it has.
 * @param {string} file
 */
export async function deleteDatabase(file) {
  const engine = await loadEngine()
  await engine.deleteDatabase(openFile(name('deleteDatabase', file)).fs, file)
}

/**
 * Gives a database another name. One of that name is not overwritten: `EXISTS`.
 * @param {string} file
 * @param {string} to
 */
export async function renameDatabase(file, to) {
  const engine = await loadEngine()
  await engine.renameDatabase(
    openFile(name('renameDatabase', file)).fs,
    file,
    name('renameDatabase', to),
  )
}

function name(method, file) {
  if (typeof file === 'string' && file && file !== ':memory:') return file
  throw new TypeError(
    `${method}: file must be the name of a database, not ${file === '' ? "''" : String(file)}`,
  )
}
