// The database that the benchmark's page calls.

import { deleteDatabase } from 'tidelog'
import { serve } from 'tidelog/worker'

await deleteDatabase('bench-proxy.db').catch(() => {})
serve({ file: 'bench-proxy.db', models: { todos: { columns: { list: { index: true } } } } })
