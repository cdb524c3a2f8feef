// Opens a database in the runtime that runs this file: `holder.js FILE hold|once`. `hold` writes a
// document and stays; `once` reads, writes another, closes. Prints one line of JSON about it.
import fs from 'node:fs'
import process from 'node:process'
import { DB, JsonModel } from 'tidelog'

const [, , file, mode] = process.argv
const flush = fs.fdatasyncSync
let flushes = 0
fs.fdatasyncSync = fd => {
  flushes += 1
  return flush(fd)
}
const handles = () => fs.readdirSync('/proc/self/fd').length
const say = answer => console.log(JSON.stringify(answer))

// the first opening may start a thread, or whatever the runtime needs for sockets
const warm = new DB({ file: `${file}.${process.pid}` })
await warm.open()
await warm.close()
fs.unlinkSync(`${file}.${process.pid}`)

const before = handles()
const db = new DB({ file })
const things = db.addModel(JsonModel, { name: 'things' })
try {
  await db.open()
} catch (error) {
  say({ code: error.code })
  process.exit(0)
}
const found = (await things.all()).map(({ id }) => id)
// the first write into an empty WAL flushes its header, too
await things.set({ id: `${found.length}` })
const opened = flushes
await things.update({ id: `${found.length}`, seen: true })
const written = flushes - opened
if (mode === 'hold') {
  say({ found, written })
  setInterval(() => {}, 1000)
} else {
  await db.close()
  say({ found, written, left: handles() - before })
}
