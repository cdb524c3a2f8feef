// The worker of README.md's example in a page.
import { serve } from 'tidelog/worker'
import { models } from './models.js'

serve({ file: 'app.db', models, sync: { url: '/sync' } })
