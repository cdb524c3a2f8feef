// The meaning of the demo's events. Reducers run on every device, in the order of the server's log,
// so they use nothing but the event and the rows before it.

const CHANGES = {
  added: ({ id, title, at, who }) => ({ set: [{ id, title, at, done: false, who }] }),
  ticked: (data, todo) => todo && { upd: [{ id: data.id, done: data.done, who: data.who }] },
  renamed: (data, todo) => todo && { upd: [{ id: data.id, title: data.title, who: data.who }] },
  removed: (data, todo) => todo && { rm: [data.id] },
}

/** The models of the shared list. */
export const models = {
  todos: {
    columns: { at: { type: 'INTEGER', index: 'ALL' } },
    async reducer({ model, event }) {
      if (!Object.hasOwn(CHANGES, event.type)) return
      // somebody else may have removed it in the meantime: then there is nothing left to change
      return CHANGES[event.type](event.data, await model.get(event.data.id))
    },
  },
}
