// The entry `tidelog/hosts`: adapters that let a host's own SQLite stand under `DB` and its models.
export {
  fromBetterSqlite3,
  fromBunSqlite,
  fromDurableObject,
  fromNodeSqlite,
} from './hosts/adapters.js'
