// Starts workerd with the specification: bundled as for a deployment, the wasm a module of its own,
// storage on disk.
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { rolldown } from 'rolldown'

const root = join(import.meta.dirname, '..', '..')

/** A directory with `config.capnp` for `workerd test`; `remove()` it afterwards. */
export async function workerdConfig() {
  const dir = mkdtempSync(join(tmpdir(), 'tidelog-workerd-'))
  mkdirSync(join(dir, 'storage'))
  const bundle = await rolldown({
    input: join(import.meta.dirname, 'worker.js'),
    external: ['cloudflare:workers', /\.wasm$/],
    resolve: { conditionNames: ['workerd', 'worker', 'browser', 'import', 'default'] },
    logLevel: 'warn',
  })
  await bundle.write({
    file: join(dir, 'worker.js'),
    format: 'es',
    codeSplitting: false,
    paths: id => (id.endsWith('.wasm') ? './tidelog_bg.wasm' : id),
  })
  await bundle.close()
  copyFileSync(join(root, 'pkg', 'engine', 'tidelog_bg.wasm'), join(dir, 'tidelog_bg.wasm'))
  writeFileSync(join(dir, 'config.capnp'), config(dir))
  return { dir, remove: () => rmSync(dir, { recursive: true, force: true }) }
}

const config = dir => `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "main", worker = .spec),
    (name = "storage", disk = (path = "${join(dir, 'storage')}", writable = true)),
  ],
);
const spec :Workerd.Worker = (
  modules = [
    (name = "worker.js", esModule = embed "worker.js"),
    (name = "tidelog_bg.wasm", wasm = embed "tidelog_bg.wasm"),
  ],
  compatibilityDate = "2026-01-01",
  durableObjectNamespaces = [(className = "Spec", uniqueKey = "spec", enableSql = true)],
  durableObjectStorage = (localDisk = "storage"),
  bindings = [(name = "SPEC", durableObjectNamespace = "Spec")],
);
`
