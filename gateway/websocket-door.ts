// WebSocket at /graphql: takes connections, watches over them, and lets them go. What is said over them is in `live/`.

import { CloseCode, GRAPHQL_TRANSPORT_WS_PROTOCOL } from 'graphql-ws'
import type { IncomingMessage, Server } from 'node:http'
import type { Duplex } from 'node:stream'
import { setTimeout as wait } from 'node:timers/promises'
import type { FastifyBaseLogger } from 'fastify'
import { isFromAllowedOrigin } from './origin.ts'
import { WebSocketServer, type RawData, type WebSocket } from 'ws'
import type { Config } from './config.ts'
import type { KeyRing } from './identity/key-ring.ts'
import { bearerOf } from './identity/key.ts'
import { Conversation } from './live/conversation.ts'
import type { Room } from './live/room.ts'
import { ClientSocket } from './live/socket.ts'

export interface WebSocketDoor {
  /** Connections that are open now. */
  readonly size: number
  /** Takes no more connections and closes those there are with 1012 (service restart), spread over at most `spreadMs`. */
  close(spreadMs: number): Promise<void>
}

interface Connection {
  readonly socket: WebSocket
  readonly conversation: Conversation
  /** False between a ping and its pong. */
  isAlive: boolean
}

export interface WebSocketDoorOptions {
  readonly server: Server
  readonly config: Config
  readonly keyRing: KeyRing
  readonly log: FastifyBaseLogger
  readonly room: Room
}

export function openWebSocketDoor({
  server,
  config,
  keyRing,
  log,
  room,
}: WebSocketDoorOptions): WebSocketDoor {
  const connections = new Set<Connection>()
  const sockets = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    // Compressing the same event again for each socket would cost more than all the rest of sending it.
    perMessageDeflate: false,
    maxPayload: config.BODY_BYTES_MAX,
    handleProtocols: (offered) =>
      offered.has(GRAPHQL_TRANSPORT_WS_PROTOCOL) ? GRAPHQL_TRANSPORT_WS_PROTOCOL : false,
  })

  const upgrade = (request: IncomingMessage, stream: Duplex, head: Buffer): void => {
    if (request.url?.split('?', 1)[0] !== '/graphql') return refuse(stream, '404 Not Found')
    if (!isFromAllowedOrigin(request.headers, config.ORIGINS)) return refuse(stream, '403 Forbidden')
    sockets.handleUpgrade(request, stream, head, (socket) => opened(socket, request))
  }
  server.on('upgrade', upgrade)

  function opened(socket: WebSocket, request: IncomingMessage): void {
    socket.on('error', (error) => log.debug({ err: error }, 'a WebSocket broke'))
    if (socket.protocol !== GRAPHQL_TRANSPORT_WS_PROTOCOL) {
      return socket.close(CloseCode.SubprotocolNotAcceptable, 'Subprotocol not acceptable')
    }
    const { authorization } = request.headers
    const conversation = new Conversation(new ClientSocket(socket, config.SOCKET_BACKLOG_BYTES_MAX), {
      room,
      operationsMax: config.SOCKET_OPERATIONS_MAX,
      // A browser cannot set headers on a WebSocket, so the key may come in the first message instead.
      identify: (payload) => {
        const key = bearerOf(payload.authorization ?? payload.Authorization ?? authorization)
        return key === null ? null : keyRing.find(key)
      },
    })
    const connection: Connection = { socket, conversation, isAlive: true }
    connections.add(connection)
    const timeout = setTimeout(() => {
      if (!conversation.isInitialised) {
        socket.close(CloseCode.ConnectionInitialisationTimeout, 'Connection initialisation timeout')
      }
    }, config.SOCKET_INIT_MS)
    socket.on('message', (data, isBinary) => {
      // What comes after the hub has begun to close is not run: the key may have been revoked.
      if (socket.readyState !== socket.OPEN) return
      if (isBinary) socket.close(CloseCode.BadRequest, 'Messages are text')
      else conversation.take(textOf(data))
    })
    socket.on('pong', () => (connection.isAlive = true))
    socket.on('close', () => {
      clearTimeout(timeout)
      connections.delete(connection)
      conversation.end()
    })
  }

  const pinging = setInterval(() => {
    for (const connection of connections) {
      if (!connection.isAlive) connection.socket.terminate()
      else {
        connection.isAlive = false
        connection.socket.ping()
      }
    }
  }, config.SOCKET_PING_MS)

  const stopWatching = keyRing.onChange(() => {
    for (const { socket, conversation } of connections) {
      if (conversation.viewer && !keyRing.stands(conversation.viewer)) {
        socket.close(CloseCode.Forbidden, 'Forbidden: the key was revoked or changed')
        conversation.end()
      }
    }
  })

  return {
    get size() {
      return connections.size
    },
    async close(spreadMs) {
      server.off('upgrade', upgrade)
      server.on('upgrade', (_request, stream) => refuse(stream, '503 Service Unavailable'))
      stopWatching()
      clearInterval(pinging)
      await closeSpread([...connections], spreadMs)
    },
  }
}

function refuse(stream: Duplex, status: string): void {
  stream.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`)
}

const textOf = (data: RawData): string => (data as Buffer).toString()

/** Spread out, so that clients do not all come back to the next hub in one instant. */
async function closeSpread(connections: readonly Connection[], spreadMs: number): Promise<void> {
  const gone = connections.map(({ socket }) => new Promise((resolve) => socket.once('close', resolve)))
  const steps = Math.ceil(connections.length / 100)
  for (let step = 0; step < steps; step++) {
    if (step > 0) await wait(spreadMs / steps)
    for (const { socket } of connections.slice(step * 100, step * 100 + 100)) {
      socket.close(1012, 'The hub restarts')
    }
  }
  // A client that does not answer the closing handshake does not hold up the hub.
  await Promise.race([Promise.all(gone), wait(1_000, undefined, { ref: false })])
  for (const { socket } of connections) socket.terminate()
}
