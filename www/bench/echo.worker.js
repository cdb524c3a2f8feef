// The floor of calls from the page: a message there and back.
addEventListener('message', ({ data }) => postMessage(data))
