// Files in memory for `Engine.open`'s `file` storage, which can be caught in the middle: a copy of
// all is taken just before the k-th write, as tests/sim/spied.rs does natively. What the dying
// engine still does afterwards is forgotten.

export class Files {
  #files
  #left = -1
  #taken = null
  #sound = -1

  constructor(files = new Map()) {
    this.#files = files
  }

  /** Takes a copy just before the `k`-th write from now. */
  arm(k) {
    this.#left = k
    this.#taken = null
  }

  /** Has the `k`-th write from now fail, once. */
  breakWrite(k) {
    this.#sound = k
  }

  /** Whether the copy was taken; if not, none will be. */
  caught() {
    this.#left = -1
    this.#sound = -1
    return this.#taken !== null
  }

  /**
   * The files that the next process finds: the copy, if one was taken, else the files as they are.
   */
  fork() {
    const files = this.#taken ?? this.#copy()
    this.#taken = null
    return new Files(files)
  }

  #copy() {
    return new Map(
      [...this.#files].map(([name, file]) => [name, new File(file.bytes.slice(0, file.size))]),
    )
  }

  beforeWrite() {
    if (this.#sound >= 0) {
      this.#sound -= 1
      if (this.#sound < 0) throw new Error('the disk says no')
    }
    if (this.#left === 0) this.#taken = this.#copy()
    if (this.#left >= 0) this.#left -= 1
  }

  // nobody else has these files, and a lock that is there at once lets the database open without a
  // wait
  lock() {
    return { release() {} }
  }

  open(name, create) {
    const found = this.#files.get(name) ?? (create ? new File() : undefined)
    if (!found) throw Object.assign(new Error(`${name} is not there`), { code: 'ENOENT' })
    this.#files.set(name, found)
    return new Handle(found, this)
  }

  exists(name) {
    return this.#files.has(name)
  }

  delete(name) {
    this.beforeWrite()
    this.#files.delete(name)
  }
}

class File {
  constructor(bytes = new Uint8Array(0)) {
    this.bytes = bytes
    this.size = bytes.length
  }

  resize(size) {
    if (size > this.bytes.length) {
      const bytes = new Uint8Array(Math.max(size, 2 * this.bytes.length))
      bytes.set(this.bytes.subarray(0, this.size))
      this.bytes = bytes
    }
    if (size < this.size) this.bytes.fill(0, size, this.size)
    this.size = size
  }
}

/** As `FileSystemSyncAccessHandle`. */
class Handle {
  #file
  #files

  constructor(file, files) {
    this.#file = file
    this.#files = files
  }

  read(view, { at }) {
    const found = this.#file.bytes.subarray(at, Math.min(at + view.length, this.#file.size))
    view.set(found)
    return found.length
  }

  write(view, { at }) {
    this.#files.beforeWrite()
    if (at + view.length > this.#file.size) this.#file.resize(at + view.length)
    this.#file.bytes.set(view, at)
    return view.length
  }

  truncate(size) {
    this.#files.beforeWrite()
    this.#file.resize(size)
  }

  // a moment of its own: everything is written and nothing answered
  flush() {
    this.#files.beforeWrite()
  }

  getSize() {
    return this.#file.size
  }

  close() {}
}
