// TypeScript's language server as an editor uses it: opens files and asks what hovering shows. It
// speaks the Language Server Protocol over the server's input and output.
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

const root = join(import.meta.dirname, '..', '..', '..')
const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc')

export class LanguageServer {
  #process = spawn(process.execPath, [tsc, '--lsp', '--stdio'], { cwd: root })
  #input = Buffer.alloc(0)
  #waiting = new Map()
  #id = 0

  async start() {
    this.#process.stdout.on('data', bytes => this.#take(bytes))
    this.#process.on('exit', code => {
      for (const { reject } of this.#waiting.values())
        reject(new Error(`the language server ended with ${code}`))
    })
    const hover = { contentFormat: ['markdown'] }
    await this.#ask('initialize', {
      processId: process.pid,
      rootUri: pathToFileURL(root).href,
      capabilities: { textDocument: { hover } },
    })
    this.#send({ method: 'initialized', params: {} })
  }

  /** Shows it a file; `text` need not be what is on the disk. */
  open(file, text) {
    const uri = pathToFileURL(file).href
    const textDocument = { uri, languageId: 'typescript', version: 1, text }
    this.#send({ method: 'textDocument/didOpen', params: { textDocument } })
  }

  /**
   * The text that hovering over a place shows: `{code, doc}`, each in one line. Lines count from 0.
   */
  async hover(file, line, character) {
    const textDocument = { uri: pathToFileURL(file).href }
    const place = { textDocument, position: { line, character } }
    const text = (await this.#ask('textDocument/hover', place))?.contents?.value ?? ''
    const [, code, doc] = /^```\w*\n(.*?)\n```\n?(.*)$/s.exec(text) ?? [text, '', '']
    return { code: oneLine(code), doc: oneLine(doc) }
  }

  stop() {
    this.#process.kill()
  }

  #ask(method, params) {
    this.#id += 1
    const id = this.#id
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject })
      this.#send({ id, method, params })
    })
  }

  #send(message) {
    const text = JSON.stringify({ jsonrpc: '2.0', ...message })
    this.#process.stdin.write(`Content-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`)
  }

  #take(bytes) {
    this.#input = Buffer.concat([this.#input, bytes])
    for (;;) {
      const head = this.#input.indexOf('\r\n\r\n')
      if (head < 0) return
      const [, length] = /Content-Length: (\d+)/i.exec(this.#input.toString('latin1', 0, head))
      const end = head + 4 + Number(length)
      if (this.#input.length < end) return
      const message = JSON.parse(this.#input.toString('utf8', head + 4, end))
      this.#input = this.#input.subarray(end)
      this.#receive(message)
    }
  }

  #receive({ id, method, params, result, error }) {
    if (id === undefined) return
    // the server asks too: for settings, of which there are none
    if (method) return this.#send({ id, result: params?.items?.map(() => null) ?? null })
    const { resolve, reject } = this.#waiting.get(id)
    this.#waiting.delete(id)
    if (error) reject(new Error(error.message))
    else resolve(result)
  }
}

const oneLine = text => text.replace(/\s+/g, ' ').trim()
