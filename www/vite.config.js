// Builds the demo into www/dist, and its service worker with the list of all files of the build.

import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { defineConfig } from 'vite'

const here = import.meta.dirname

/** Writes sw.js beside the bundle. */
function serviceWorker() {
  return {
    name: 'service-worker',
    apply: 'build',
    enforce: 'post',
    generateBundle(_, bundle) {
      const built = Object.keys(bundle).filter(name => name !== 'index.html')
      const files = ['/', ...[...built, ...readdirSync(join(here, 'public'))].map(name => `/${name}`)]
      const version = createHash('sha256')
        .update(JSON.stringify(files))
        .update(String(bundle['index.html']?.source))
      const source = readFileSync(join(here, 'sw.js'), 'utf8')
        .replace('self.__FILES__', JSON.stringify(files))
        .replace('self.__VERSION__', JSON.stringify(version.digest('hex').slice(0, 12)))
      this.emitFile({ type: 'asset', fileName: 'sw.js', source })
    },
  }
}

export default defineConfig({
  root: here,
  build: { outDir: 'dist', emptyOutDir: true, target: 'es2023', assetsInlineLimit: 0 },
  plugins: [serviceWorker()],
  server: { proxy: { '/sync': 'http://localhost:8080', '/who': 'http://localhost:8080' } },
})
