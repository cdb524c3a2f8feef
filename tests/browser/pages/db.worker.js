// The second example of DESIGN.md.
import { serve } from 'tidelog/worker'
import { models } from './models.js'

serve({ file: 'app.db', models, sync: { url: '/sync' } })
