// Builds the demo into www/dist, and its service worker with the list of all files of the build and
// their hashes.

import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, sep } from 'node:path'
import { defineConfig } from 'vite'

const here = import.meta.dirname

/** Writes sw.js beside what was built, when all of that is on the disk. */
function serviceWorker() {
  return {
    name: 'service-worker',
    apply: 'build',
    enforce: 'post',
    writeBundle: {
      order: 'post',
      handler({ dir }) {
        const files = readdirSync(dir, { recursive: true, withFileTypes: true })
          .filter(entry => entry.isFile())
          .map(entry => join(entry.parentPath, entry.name))
          .sort()
          .map(file => [address(file.slice(dir.length)), integrity(readFileSync(file))])
        const version = createHash('sha256')
          .update(JSON.stringify(files))
          .digest('hex')
          .slice(0, 12)
        const source = readFileSync(join(here, 'sw.js'), 'utf8')
          .replace('self.__FILES__', JSON.stringify(files))
          .replace('self.__VERSION__', JSON.stringify(version))
        writeFileSync(join(dir, 'sw.js'), source)
      },
    },
  }
}

const address = file =>
  file
    .split(sep)
    .join('/')
    .replace(/^\/index\.html$/, '/')
const integrity = bytes => `sha256-${createHash('sha256').update(bytes).digest('base64')}`

export default defineConfig({
  root: here,
  build: { outDir: 'dist', emptyOutDir: true, target: 'es2023', assetsInlineLimit: 0 },
  plugins: [serviceWorker()],
  server: { proxy: { '/sync': 'http://localhost:8080', '/who': 'http://localhost:8080' } },
})
