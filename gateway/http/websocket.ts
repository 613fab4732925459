// WebSocket at /graphql: takes connections, watches over them, and lets them go. What is said over them is in `live/`.
//
// There may be ten thousand of them, so none has a timer or a listener of its own.

import { CloseCode, GRAPHQL_TRANSPORT_WS_PROTOCOL } from 'graphql-ws'
import type { IncomingMessage, Server } from 'node:http'
import type { Duplex } from 'node:stream'
import { setTimeout as wait } from 'node:timers/promises'
import { WebSocketServer, type RawData, type WebSocket } from 'ws'
import type { Config } from '../config/config.ts'
import type { Identity } from '../identity/identity.ts'
import { GraphqlWsSession, type GraphqlWsSessionOptions } from '../live/graphql-ws-session.ts'
import type { Broker } from '../live/broker.ts'
import { ClientSocket, tooFarBehind } from '../live/socket.ts'
import { isFromAllowedOrigin } from '../protocol/cors.ts'
import type { Logger } from '../../subgraphs/platform/logger.ts'

export interface WebSocketTransport {
  /** Connections that are open now. */
  readonly size: number
  /** Bytes that wait to leave the hub, for all of them. */
  readonly waitingBytes: number
  /** Takes no more connections and closes those there are with 1012 (service restart), spread over at most `spreadMs`. */
  close(spreadMs: number): Promise<void>
}

export interface WebSocketTransportOptions {
  readonly server: Server
  readonly config: Config
  readonly identity: Identity
  readonly logger: Logger
  readonly broker: Broker
}

/** What the library's listeners need to find: the socket that they are called on carries it. */
interface ConnectedSocket extends WebSocket {
  [connectionKey]: Connection
}
const connectionKey = Symbol('connection')

class Connection {
  readonly socket: WebSocket
  readonly outlet: ClientSocket
  readonly conversation: GraphqlWsSession
  readonly all: Connections
  readonly openedAt = performance.now()
  /** False between a ping and its pong. */
  isAlive = true

  constructor(socket: WebSocket, outlet: ClientSocket, conversation: GraphqlWsSession, all: Connections) {
    this.socket = socket
    this.outlet = outlet
    this.conversation = conversation
    this.all = all
  }
}

interface Connections {
  readonly open: Set<Connection>
  /** Those that have not said who they are, oldest first. */
  readonly unknown: Set<Connection>
  readonly logger: Logger
}

export function openWebSocketTransport(options: WebSocketTransportOptions): WebSocketTransport {
  const { server, config, identity, logger, broker } = options
  const all: Connections = { open: new Set(), unknown: new Set(), logger }
  const conversations: GraphqlWsSessionOptions = {
    broker,
    operationsMax: config.SOCKET_OPERATIONS_MAX,
    identify: (authorization) => identity.find(authorization),
  }
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
    const { authorization } = request.headers
    sockets.handleUpgrade(request, stream, head, (socket) => opened(socket, stream, authorization))
  }
  server.on('upgrade', upgrade)

  function opened(socket: WebSocket, stream: Duplex, authorization: string | undefined): void {
    const outlet = new ClientSocket(socket, stream, config.SOCKET_BACKLOG_BYTES_MAX)
    const conversation = new GraphqlWsSession(outlet, authorization, conversations)
    const connection = new Connection(socket, outlet, conversation, all)
    ;(socket as ConnectedSocket)[connectionKey] = connection
    socket.on('error', onError)
    if (socket.protocol !== GRAPHQL_TRANSPORT_WS_PROTOCOL) {
      return socket.close(CloseCode.SubprotocolNotAcceptable, 'Subprotocol not acceptable')
    }
    all.open.add(connection)
    all.unknown.add(connection)
    socket.on('message', onMessage)
    socket.on('pong', onPong)
    socket.on('close', onClose)
  }

  const greeting = setInterval(
    () => {
      const since = performance.now() - config.SOCKET_INIT_MS
      for (const connection of all.unknown) {
        if (connection.openedAt > since) return
        all.unknown.delete(connection)
        connection.socket.close(
          CloseCode.ConnectionInitialisationTimeout,
          'Connection initialisation timeout',
        )
      }
    },
    Math.min(config.SOCKET_INIT_MS, 250),
  )

  const pinging = setInterval(() => {
    for (const connection of all.open) {
      if (connection.isAlive) {
        connection.isAlive = false
        connection.socket.ping()
      } else if (connection.outlet.isOpen && connection.outlet.isBehind) {
        // It may be there and not read. The library cuts it off if it does not answer to this.
        connection.outlet.close(tooFarBehind, 'BEHIND')
        connection.conversation.end()
      } else connection.socket.terminate()
    }
  }, config.SOCKET_PING_MS)

  const stopWatching = identity.onChange(() => {
    for (const { outlet, conversation } of all.open) {
      const { viewer } = conversation
      if (!viewer || !outlet.isOpen || identity.stands(viewer)) continue
      outlet.close(CloseCode.Forbidden, 'Forbidden: the key was revoked or changed, or the token has expired')
      conversation.end()
    }
  })

  return {
    get size() {
      return all.open.size
    },
    get waitingBytes() {
      let bytes = 0
      for (const { outlet } of all.open) bytes += outlet.waitingBytes
      return bytes
    },
    async close(spreadMs) {
      server.off('upgrade', upgrade)
      server.on('upgrade', (_request, stream) => refuse(stream, '503 Service Unavailable'))
      stopWatching()
      clearInterval(pinging)
      clearInterval(greeting)
      await closeSpread([...all.open], spreadMs)
    },
  }
}

function onMessage(this: WebSocket, data: RawData, isBinary: boolean): void {
  // What comes after the hub has begun to close is not run: the key may have been revoked.
  if (this.readyState !== this.OPEN) return
  if (isBinary) return this.close(CloseCode.BadRequest, 'Messages are text')
  const connection = (this as ConnectedSocket)[connectionKey]
  connection.conversation.take((data as Buffer).toString())
  if (connection.conversation.isInitialised) connection.all.unknown.delete(connection)
}

function onPong(this: WebSocket): void {
  ;(this as ConnectedSocket)[connectionKey].isAlive = true
}

function onClose(this: WebSocket): void {
  const connection = (this as ConnectedSocket)[connectionKey]
  connection.all.unknown.delete(connection)
  connection.all.open.delete(connection)
  connection.conversation.end()
}

function onError(this: WebSocket, error: Error): void {
  ;(this as ConnectedSocket)[connectionKey].all.logger.debug({ err: error }, 'a WebSocket broke')
}

function refuse(stream: Duplex, status: string): void {
  stream.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`)
}

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
  const allGone = Promise.all(gone)
  await Promise.race([allGone, wait(1_000, undefined, { ref: false })])
  for (const { socket } of connections) socket.terminate()
  await allGone
}
