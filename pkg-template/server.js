// The entry `tidelog/server`: the sync server as a fetch handler.
export { createServer } from './server/handler.js'
