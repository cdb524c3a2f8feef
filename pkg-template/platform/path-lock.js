// A lock on a path that no dead process can keep: its holder listens on a socket beside the file,
// and a process that wants it tries to connect. On Windows a named pipe, which dies with its
// process by itself.
//
// Every taker listens under a name nobody else uses and only then puts the socket in place, so a
// socket in place that refuses is dead for good and may be removed. Then it looks for others in
// place: of two takers at least the later one sees the other. A socket answers `H` when it holds
// the lock and `T` when it is still trying.
import crypto from 'node:crypto'
import fs from 'node:fs'
import net from 'node:net'
import os from 'node:os'
import path from 'node:path'

// The path of a socket may have 104 bytes on macOS, 108 on Linux, with a zero at the end.
const longest = 100
const tries = 40
const patience = 2000

const hash = text => crypto.createHash('sha256').update(text).digest('hex').slice(0, 16)
const random = () => crypto.randomBytes(6).toString('hex')
const wait = ms => new Promise(resolve => setTimeout(resolve, ms))

/** The one path of a file that may not exist yet. */
const canonical = file => {
  const full = path.resolve(file)
  try {
    return fs.realpathSync(full)
  } catch {
    return path.join(fs.realpathSync(path.dirname(full)), path.basename(full))
  }
}

const remove = file => {
  try {
    fs.unlinkSync(file)
  } catch (error) {
    if (error.code !== 'ENOENT') throw error
  }
}

/** Listens without keeping the process alive; says the state to whoever connects. */
const listen = (address, state) =>
  new Promise((resolve, reject) => {
    const server = net.createServer(socket => {
      socket.on('error', () => {})
      socket.end(state.held ? 'H' : 'T')
    })
    server.on('error', reject)
    server.listen(address, () => resolve(server))
    server.unref()
  })

/**
 * The socket's state: 'held', 'trying' or 'dead'. One that connects and stays silent is held by a
 * frozen process.
 */
const ask = address =>
  new Promise((resolve, reject) => {
    const socket = net.connect(address)
    let answer = ''
    socket.setTimeout(patience, () => {
      resolve('held')
      socket.destroy()
    })
    socket.on('data', data => (answer += data))
    socket.on('end', () => {
      resolve(answer === 'T' ? 'trying' : 'held')
      socket.destroy()
    })
    socket.on('error', (/** @type {NodeJS.ErrnoException} */ error) => {
      if (error.code === 'ECONNREFUSED' || error.code === 'ENOENT') resolve('dead')
      else if (error.code === 'ECONNRESET' || error.code === 'EPIPE' || error.code === 'EAGAIN')
        resolve('held')
      else reject(error)
    })
  })

/**
 * The directory of a file's sockets and the beginning of their names: beside it, unless the path is
 * too long or can't hold sockets.
 */
const places = file => {
  const name = hash(path.basename(file))
  const beside = path.join(path.dirname(file), `.lock-${name}-`)
  const apart = path.join(os.tmpdir(), `tidelog-${hash(file)}-`)
  return Buffer.byteLength(beside) + 16 <= longest ? [beside, apart] : [apart]
}

/** One attempt: the lock, 'held', or 'again' after meeting another that tries. */
const attempt = async prefix => {
  const id = random()
  const state = { held: false }
  const away = `${prefix}t${id}`
  const place = `${prefix}l${id}`
  const server = await listen(away, state)
  const release = () => {
    server.close()
    remove(place)
  }
  try {
    fs.renameSync(away, place)
    const directory = path.dirname(prefix)
    const begin = path.basename(prefix)
    for (const name of fs.readdirSync(directory)) {
      const other = path.join(directory, name)
      if (!name.startsWith(begin) || other === place) continue
      const said = await ask(other)
      if (said === 'dead') {
        // one that is not in place yet may come alive, and then has to begin anew
        remove(other)
      } else if (name[begin.length] === 'l') {
        release()
        return said === 'held' ? 'held' : 'again'
      }
    }
    state.held = true
    return { release }
  } catch (error) {
    release()
    remove(away)
    if (error.code === 'ENOENT') return 'again'
    throw error
  }
}

const unsupported = new Set(['EPERM', 'EACCES', 'EOPNOTSUPP', 'ENOTSUP', 'EINVAL', 'ENAMETOOLONG'])

const lockSocket = async file => {
  const [first, ...others] = places(file)
  let prefix = first
  for (let count = 0; count < tries; count++) {
    try {
      const got = await attempt(prefix)
      if (got === 'held') return null
      if (got !== 'again') return got
      await wait(5 + Math.random() * 5 * (count + 1))
    } catch (error) {
      const other = others.shift()
      if (!unsupported.has(error.code) || other === undefined) throw error
      prefix = other
    }
  }
  return null
}

const lockPipe = async file => {
  try {
    const server = await listen(`\\\\.\\pipe\\tidelog-${hash(file.toLowerCase())}`, { held: true })
    return { release: () => server.close() }
  } catch (error) {
    if (error.code === 'EADDRINUSE' || error.code === 'EACCES') return null
    throw error
  }
}

/**
 * Takes the lock on a file whose directory exists.
 * @param {string} file
 * @returns {Promise<{release(): void} | null>} null when somebody alive has it
 */
export const lockPath = file =>
  (process.platform === 'win32' ? lockPipe : lockSocket)(canonical(file))
