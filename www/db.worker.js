// The demo's database: one per list, synced to the log of that name.

import { serve } from 'tidelog/worker'
import { models } from './models.js'

// the page hands over which list it shows and whose device this is as the worker's name
const { list, profile } = JSON.parse(self.name)

serve({
  file: `${list}.db`,
  models,
  sync: { url: '/sync', log: list, getToken: () => profile },
})
