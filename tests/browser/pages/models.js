// The models of the second example.
export const models = { todos: { columns: { done: { default: false, index: true } } } }
