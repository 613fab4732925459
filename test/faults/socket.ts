// A GraphQL client over one WebSocket that leaves a hub which stands still.

import { createClient, type Client } from 'graphql-ws'
import WebSocket from 'ws'

/** A socket that is left before it is open reports an error, which nothing waits for any more. */
class QuietSocket extends WebSocket {
  constructor(...args: ConstructorParameters<typeof WebSocket>) {
    super(...args)
    this.on('error', () => {})
  }
}

/** Opens a client that pings every two seconds, and ends when an answer takes three. */
export function openSocket(url: string, key: string): Client {
  let timer: NodeJS.Timeout | undefined
  const client = createClient({
    url: `${url.replace('http', 'ws')}/graphql`,
    webSocketImpl: QuietSocket,
    connectionParams: { authorization: `Bearer ${key}` },
    retryAttempts: 0,
    keepAlive: 2_000,
    on: {
      ping: (isReceived) => {
        if (!isReceived) timer = setTimeout(() => client.terminate(), 3_000)
      },
      pong: (isReceived) => {
        if (isReceived) clearTimeout(timer)
      },
      closed: () => clearTimeout(timer),
    },
  })
  return client
}
