// WebSocket at /graphql: accepts connections, checks them at intervals, and closes them. `live/` handles
// their messages.
//
// One process may have ten thousand connections, so no connection has timers or listeners of its own.

import { CloseCode, GRAPHQL_TRANSPORT_WS_PROTOCOL } from 'graphql-ws'
import type { IncomingMessage, Server } from 'node:http'
import type { Duplex } from 'node:stream'
import { WebSocketServer, type RawData, type WebSocket } from 'ws'
import type { Logger } from '../../subgraphs/platform/logger.ts'
import type { Config } from '../config/config.ts'
import type { Identity } from '../identity/identity.ts'
import type { Broker } from '../live/broker.ts'
import { GraphqlWsSession, type GraphqlWsSessionOptions } from '../live/graphql-ws-session.ts'
import { ClientSocket, tooFarBehind } from '../live/socket.ts'
import { isFromAllowedOrigin } from '../protocol/cors.ts'
import { closeConnections } from './close-connections.ts'

export interface WebSocketTransport {
  /** Connections that are open now. */
  readonly size: number
  /** Bytes buffered for the clients of all connections. */
  readonly bufferedBytes: number
  /**
   * Accepts no more connections, and closes the open ones with 1012 (service restart), spread over at most
   * `spreadMs`.
   */
  close(spreadMs: number): Promise<void>
}

export interface WebSocketTransportOptions {
  readonly server: Server
  readonly config: Config
  readonly identity: Identity
  readonly logger: Logger
  readonly broker: Broker
}

/** RFC 6455's registry: 1012, "Service Restart". */
const serviceRestart = 1012

/** A socket with its connection, so that all connections share the library's listeners. */
interface ConnectedSocket extends WebSocket {
  [connectionKey]: Connection
}
const connectionKey = Symbol('connection')

class Connection {
  readonly socket: WebSocket
  readonly client: ClientSocket
  readonly session: GraphqlWsSession
  readonly all: Connections
  readonly openedAtMs = performance.now()
  /** False between a ping and its pong. */
  isAlive = true

  constructor(socket: WebSocket, client: ClientSocket, session: GraphqlWsSession, all: Connections) {
    this.socket = socket
    this.client = client
    this.session = session
    this.all = all
  }
}

interface Connections {
  readonly open: Set<Connection>
  /** Connections that have not sent `connection_init`, oldest first. */
  readonly uninitialised: Set<Connection>
  readonly logger: Logger
}

export function openWebSocketTransport(options: WebSocketTransportOptions): WebSocketTransport {
  const { server, config, identity, logger } = options
  const connections: Connections = { open: new Set(), uninitialised: new Set(), logger }
  const upgrade = upgradeListener(options, connections)
  server.on('upgrade', upgrade)
  const initialising = setInterval(
    () => closeUninitialised(connections, config.SOCKET_INIT_MS),
    Math.min(config.SOCKET_INIT_MS, 250),
  )
  const pinging = setInterval(() => pingAll(connections), config.SOCKET_PING_MS)
  const stopListening = identity.onChange(() => closeInvalid(connections, identity))

  return {
    get size() {
      return connections.open.size
    },
    get bufferedBytes() {
      let bytes = 0
      for (const { client } of connections.open) bytes += client.bufferedBytes
      return bytes
    },
    close(spreadMs) {
      server.off('upgrade', upgrade)
      server.on('upgrade', (_request, stream) => refuse(stream, '503 Service Unavailable'))
      stopListening()
      clearInterval(pinging)
      clearInterval(initialising)
      return closeConnections(
        [...connections.open],
        {
          close: ({ socket }) => socket.close(serviceRestart, 'The hub restarts'),
          closed: ({ socket }) => new Promise((resolve) => socket.once('close', resolve)),
          destroy: ({ socket }) => socket.terminate(),
        },
        spreadMs,
      )
    },
  }
}

/** Accepts the WebSockets that are for /graphql and from an allowed origin. */
function upgradeListener(
  { config, identity, broker }: WebSocketTransportOptions,
  connections: Connections,
): (request: IncomingMessage, stream: Duplex, head: Buffer) => void {
  const sessions: GraphqlWsSessionOptions = {
    broker,
    operationsMax: config.SOCKET_OPERATIONS_MAX,
    identify: (authorization, headers, address) => identity.find(authorization, headers, address),
  }
  const sockets = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    // Compressing the same event for each socket would cost more than everything else in sending it.
    perMessageDeflate: false,
    maxPayload: config.BODY_BYTES_MAX,
    handleProtocols: (offered) =>
      offered.has(GRAPHQL_TRANSPORT_WS_PROTOCOL) ? GRAPHQL_TRANSPORT_WS_PROTOCOL : false,
  })
  return (request, stream, head) => {
    if (request.url?.split('?', 1)[0] !== '/graphql') return refuse(stream, '404 Not Found')
    if (!isFromAllowedOrigin(request.headers, config.ORIGINS)) return refuse(stream, '403 Forbidden')
    sockets.handleUpgrade(request, stream, head, (socket) => {
      const client = new ClientSocket(socket, stream, config.SOCKET_BACKLOG_BYTES_MAX)
      const session = new GraphqlWsSession(client, request, sessions)
      opened(new Connection(socket, client, session, connections))
    })
  }
}

function opened(connection: Connection): void {
  const { socket, all } = connection
  ;(socket as ConnectedSocket)[connectionKey] = connection
  socket.on('error', onError)
  if (socket.protocol !== GRAPHQL_TRANSPORT_WS_PROTOCOL) {
    return socket.close(CloseCode.SubprotocolNotAcceptable, 'Subprotocol not acceptable')
  }
  all.open.add(connection)
  all.uninitialised.add(connection)
  socket.on('message', onMessage)
  socket.on('pong', onPong)
  socket.on('close', onClose)
}

/** Closes the connections that have not sent `connection_init` within `initMs`. */
function closeUninitialised({ uninitialised }: Connections, initMs: number): void {
  const before = performance.now() - initMs
  for (const connection of uninitialised) {
    if (connection.openedAtMs > before) return
    uninitialised.delete(connection)
    connection.socket.close(CloseCode.ConnectionInitialisationTimeout, 'Connection initialisation timeout')
  }
}

/** Pings the connections that have replied to their last ping, and closes the others. */
function pingAll({ open }: Connections): void {
  for (const connection of open) {
    const { socket, client, session } = connection
    if (connection.isAlive) {
      connection.isAlive = false
      socket.ping()
    } else if (client.isOpen && client.isBehind) {
      // The client may be alive and not read. The library destroys the socket when this gets no reply.
      client.close(tooFarBehind, 'BEHIND')
      session.close()
    } else socket.terminate()
  }
}

/** Closes the connections whose key or token is no longer valid. */
function closeInvalid({ open }: Connections, identity: Identity): void {
  for (const { client, session } of open) {
    const { viewer } = session
    if (!viewer || !client.isOpen || identity.isValid(viewer)) continue
    client.close(CloseCode.Forbidden, 'Forbidden: the key was revoked or changed, or the token has expired')
    session.close()
  }
}

function onMessage(this: WebSocket, data: RawData, isBinary: boolean): void {
  // A message that arrives after the hub has begun to close is ignored: the key may have been revoked.
  if (this.readyState !== this.OPEN) return
  if (isBinary) return this.close(CloseCode.BadRequest, 'Messages are text')
  const connection = (this as ConnectedSocket)[connectionKey]
  connection.session.receive((data as Buffer).toString())
  if (connection.session.isInitialised) connection.all.uninitialised.delete(connection)
}

function onPong(this: WebSocket): void {
  ;(this as ConnectedSocket)[connectionKey].isAlive = true
}

function onClose(this: WebSocket): void {
  const connection = (this as ConnectedSocket)[connectionKey]
  connection.all.uninitialised.delete(connection)
  connection.all.open.delete(connection)
  connection.session.close()
}

function onError(this: WebSocket, error: Error): void {
  ;(this as ConnectedSocket)[connectionKey].all.logger.debug({ err: error }, 'a WebSocket failed')
}

function refuse(stream: Duplex, status: string): void {
  stream.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`)
}
