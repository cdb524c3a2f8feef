// README.md's example in one process, in a dedicated worker.
import { example } from '../../js/design-example.js'

example().then(
  done => postMessage(done),
  error => postMessage({ error: error.stack }),
)
