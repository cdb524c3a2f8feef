// Types of tidelog/server: the sync server as a fetch handler.

export interface ServerOptions {
  /**
   * Where the logs are kept: `{dir}` is a folder with one SQLite file per log (Node, Bun, Deno).
   */
  storage: { dir: string }
  /**
   * Asked on every request, before its body is read. A principal is a text that identifies the
   * sender of the request and stays the same for a device: the server binds each replica to the
   * principal it first saw it with. Null answers 401; a `Response` is the answer itself; a thrown
   * error answers 500 without details.
   *
   * @param about.verb `push`, `pull` or another verb that was asked for
   */
  authorize(
    request: Request,
    about: { log: string; verb: string },
  ): string | null | undefined | Response | Promise<string | null | undefined | Response>
  /**
   * The application's word on each event before it is appended, in the same moment: undefined takes
   * it, a code of 1 to 64 letters, digits, `-` and `_` rejects it for good, which the author learns
   * as `REJECTED`. If it throws or returns anything else, the push fails, nothing of it is
   * appended, `onError` is told, and the client comes again.
   */
  validate?(
    event: { type: string; data: unknown; id: string },
    about: { log: string; principal: string },
  ): string | null | undefined
  /**
   * `body`: the most bytes that an event's data may have, as JSON text in UTF-8. Default 65,536, at
   * most 262,144. Clients learn it with the first answer they get and refuse larger events where
   * these are made (`TOO_LARGE`).
   */
  limits?: { body?: number }
  /**
   * Pages of these origins may ask as well, such as `https://app.example`. Without it only the
   * server's own may.
   */
  cors?: { origins: string[] }
  /** Told each unexpected error; logs it to the console unless given. */
  onError?: (error: unknown) => void
}

export interface SyncServer {
  /**
   * Answers `POST …/v1/{log}/push` and `POST …/v1/{log}/pull`; a pull with `wait_ms` (at most
   * 25,000) waits for the next push when there is nothing new. Errors are JSON `{err, msg?, …}`:
   * 400 malformed, 401 token, 403 forbidden, 409, 413 too_large (a body above 1.25 MiB), 415, 501
   * not_supported, 503 busy.
   */
  fetch(request: Request): Promise<Response>
  /** Answers the waiting pulls, then closes the databases. Later requests get 503. */
  close(): Promise<void>
}

/** @throws `TypeError` for a missing or unknown option, naming it */
export function createServer(options: ServerOptions): SyncServer
