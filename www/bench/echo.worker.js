// The floor of T7: a message there and back.
addEventListener('message', ({ data }) => postMessage(data))
