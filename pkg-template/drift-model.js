// `Model`: driftdb's classes with static methods. `db.registerModel` gives the class its repository; that is who works.

export class Model {
  /** The table; the subclass says it. */
  static tableName
  /** Its columns; the subclass says it. */
  static schema
  /** Set by `registerModel`; of two databases the last. */
  static _repo

  static create(data) {
    return repositoryOf(this).create(data)
  }

  static findById(id) {
    return repositoryOf(this).findById(id)
  }

  static findOne(where) {
    return repositoryOf(this).findOne(where)
  }

  static find(options) {
    return repositoryOf(this).find(options)
  }

  static filter(where, options) {
    return repositoryOf(this).filter(where, options)
  }

  static count(where) {
    return repositoryOf(this).count(where)
  }

  static update(where, data) {
    return repositoryOf(this).update(where, data)
  }

  static delete(where) {
    return repositoryOf(this).delete(where)
  }

  static deleteById(id) {
    return repositoryOf(this).deleteById(id)
  }

  static upsert(where, data) {
    return repositoryOf(this).upsert(where, data)
  }

  static raw(sql, params) {
    return repositoryOf(this).raw(sql, params)
  }

  static runRaw(sql, params) {
    return repositoryOf(this).runRaw(sql, params)
  }
}

function repositoryOf(Class) {
  // a class does not work on its parent's table
  if (Object.hasOwn(Class, '_repo') && Class._repo) return Class._repo
  throw new TypeError(`Model ${Class.name} has no database: call db.registerModel(${Class.name})`)
}
