// The error class of the package as JS sees it. Misuse of the API throws a TypeError instead.

/** An error with a stable `code` in UPPER_SNAKE. */
export class TidelogError extends Error {
  /**
   * @param {import('../index.js').ErrorCode} code
   * @param {string} message
   * @param {{cause?: unknown}} [options]
   */
  constructor(code, message, options) {
    super(message, options)
    /** @type {'TidelogError'} */
    this.name = 'TidelogError'
    this.code = code
  }
}
