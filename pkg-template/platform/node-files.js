// The files of Node >= 20, Bun and Deno for src/vfs/system.rs: handles that look like
// FileSystemSyncAccessHandle, and a lock on a path. It knows nothing of SQLite beyond the names of
// its companion files.
import fs from 'node:fs'
import path from 'node:path'
import { lockPath } from './path-lock.js'

const companion = /-(wal|journal|shm)$/
const magic = 'SQLite format 3\0'

// Makes a new or removed name survive a loss of power; Windows can't and needn't.
const flushDirectory = directory => {
  if (process.platform === 'win32') return
  const fd = fs.openSync(directory, 'r')
  try {
    fs.fsyncSync(fd)
  } finally {
    fs.closeSync(fd)
  }
}

class Handle {
  // The directory to flush with the first flush, because the file's name is new.
  #directory
  #fd

  constructor(fd, directory) {
    this.#fd = fd
    this.#directory = directory
  }

  read(view, { at = 0 } = {}) {
    let done = 0
    while (done < view.byteLength) {
      const count = fs.readSync(this.#fd, view, done, view.byteLength - done, at + done)
      if (count === 0) break
      done += count
    }
    return done
  }

  write(view, { at = 0 } = {}) {
    let done = 0
    while (done < view.byteLength) {
      const count = fs.writeSync(this.#fd, view, done, view.byteLength - done, at + done)
      if (count === 0) break
      done += count
    }
    return done
  }

  truncate(size) {
    fs.ftruncateSync(this.#fd, size)
  }

  flush() {
    fs.fdatasyncSync(this.#fd)
    if (this.#directory !== undefined) {
      flushDirectory(this.#directory)
      this.#directory = undefined
    }
  }

  getSize() {
    return fs.fstatSync(this.#fd).size
  }

  // As in browsers it never throws: what was written is on the disk since the last flush, or nobody
  // was told that it is.
  close() {
    if (this.#fd === undefined) return
    const fd = this.#fd
    this.#fd = undefined
    try {
      fs.closeSync(fd)
    } catch {}
  }
}

const openNew = file => {
  try {
    return fs.openSync(file, 'wx+')
  } catch (error) {
    if (error.code !== 'EEXIST') throw error
  }
}

const isDatabase = file => {
  if (fs.existsSync(`${file}-wal`)) return true
  const fd = fs.openSync(file, 'r')
  try {
    const head = Buffer.alloc(magic.length)
    return (
      fs.readSync(fd, head, 0, head.length, 0) === head.length && head.toString('latin1') === magic
    )
  } finally {
    fs.closeSync(fd)
  }
}

export const systemFs = {
  /**
   * Takes the lock of a database for this process; its directories are made.
   * @param {string} file
   * @returns {Promise<{release(): void} | null>} null when this or another living process has it
   */
  lock(file) {
    fs.mkdirSync(path.dirname(path.resolve(file)), { recursive: true })
    return lockPath(file)
  },

  open(file, create) {
    if (create) {
      const fd = openNew(file)
      if (fd !== undefined) return new Handle(fd, path.dirname(path.resolve(file)))
    }
    return new Handle(fs.openSync(file, 'r+'))
  },

  exists(file) {
    return fs.existsSync(file)
  },

  delete(file) {
    try {
      fs.unlinkSync(file)
    } catch (error) {
      if (error.code === 'ENOENT') return
      throw error
    }
    flushDirectory(path.dirname(path.resolve(file)))
  },

  /** Renames a file; false when there is one of the new name, which is left alone. */
  rename(file, to) {
    try {
      fs.linkSync(file, to)
    } catch (error) {
      if (error.code === 'EEXIST') return false
      throw error
    }
    fs.unlinkSync(file)
    for (const directory of new Set([
      path.dirname(path.resolve(file)),
      path.dirname(path.resolve(to)),
    ]))
      flushDirectory(directory)
    return true
  },

  /** The names of the databases in a directory. */
  list(directory) {
    return fs
      .readdirSync(directory, { withFileTypes: true })
      .filter(entry => entry.isFile() && !companion.test(entry.name))
      .filter(entry => isDatabase(path.join(directory, entry.name)))
      .map(entry => entry.name)
      .sort()
  },
}
