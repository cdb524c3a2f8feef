// A process that dies in the middle of a migration: its parent kills it when it says `here`.
import { DB, JsonModel } from 'tidelog'

const db = new DB({ file: process.argv[2] })
db.addModel(JsonModel, {
  name: 'docs',
  columns: { a: { type: 'INTEGER', index: 'ALL' }, b: { real: true } },
  migrations: {
    async x({ model, db: tx }) {
      await model.renameColumn('old', 'b')
      await tx.exec('CREATE TABLE made(a); INSERT INTO made SELECT zeroblob(1000000)')
      console.log('here')
      await new Promise(go => setTimeout(go, 60_000))
    },
  },
})
await db.open()
