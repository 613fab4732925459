// WebSocket at /graphql: accepts connections, checks them at intervals, and closes them. `live/` handles
// their messages.
//
// One process may have ten thousand connections, so no connection has timers or listeners of its own.

import { CloseCode, GRAPHQL_TRANSPORT_WS_PROTOCOL } from 'graphql-ws'
import { randomUUID } from 'node:crypto'
import type { IncomingMessage, Server } from 'node:http'
import type { Duplex } from 'node:stream'
import { WebSocketServer, type RawData, type WebSocket } from 'ws'
import type { Logger } from '../../subgraphs/platform/logger.ts'
import { allowedOrigins, publicPath, type Config } from '../config/config.ts'
import type { Identity, Peer } from '../identity/identity.ts'
import type { Broker } from '../live/broker.ts'
import { GraphqlWsSession, type GraphqlWsSessionOptions } from '../live/graphql-ws-session.ts'
import { ClientSocket, tooFarBehind } from '../live/socket.ts'
import { whyNotFromOrigin } from '../protocol/cors.ts'
import { isAllowedHost, namesOf } from '../protocol/host.ts'
import { HttpError } from '../protocol/http-error.ts'
import { atMostOncePerSecond } from './at-most-once.ts'
import { closeConnections } from './close-connections.ts'
import { certificateOf } from './peer.ts'
import type { UnknownConnections } from './unknown-connections.ts'
import { refuseStream, withoutBase } from './refusals.ts'

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
  readonly unknown: UnknownConnections
  /** True: it is no hub, and has no demo keys. */
  readonly isStandalone: boolean
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
  readonly stream: Duplex
  readonly client: ClientSocket
  readonly session: GraphqlWsSession
  readonly all: Connections
  readonly openedAtMs = performance.now()
  /** False between a ping and its pong. */
  isAlive = true

  constructor(
    socket: WebSocket,
    stream: Duplex,
    client: ClientSocket,
    session: GraphqlWsSession,
    all: Connections,
  ) {
    this.socket = socket
    this.stream = stream
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
  readonly unknown: UnknownConnections
}

export function openWebSocketTransport(options: WebSocketTransportOptions): WebSocketTransport {
  const { server, config, identity, logger, unknown } = options
  const connections: Connections = { open: new Set(), uninitialised: new Set(), logger, unknown }
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
      server.on('upgrade', (_request, stream) => refuseStream(stream, new HttpError('NOT_READY')))
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
  { config, identity, logger, broker, isStandalone }: WebSocketTransportOptions,
  connections: Connections,
): (request: IncomingMessage, stream: Duplex, head: Buffer) => void {
  const sessions: GraphqlWsSessionOptions = {
    broker,
    operationsMax: config.SOCKET_OPERATIONS_MAX,
    identify: (authorization, peer) => identity.find(authorization, peer),
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
  // The library would answer in plain text.
  sockets.on('wsClientError', ({ message }, stream, { headers }) => {
    const isOld = headers['sec-websocket-version'] !== '13'
    refuseStream(stream, isOld ? new HttpError('UPGRADE_REQUIRED') : new HttpError('BAD_REQUEST', message))
  })
  const origins = allowedOrigins(config)
  const names = namesOf(origins)
  const base = publicPath(config)
  const warn = atMostOncePerSecond(logger)
  return (request, stream, head) => {
    if (config.MODE === 'demo' && !isStandalone && !isAllowedHost(request.headers.host, names))
      return refuseStream(stream, new HttpError('HOST_NOT_ALLOWED'))
    const [path] = withoutBase(request.url ?? '', base).split('?', 1)
    if (path !== '/graphql') return refuseStream(stream, new HttpError('NOT_FOUND'))
    const whyNot = whyNotFromOrigin(request.headers, origins)
    if (whyNot !== null) {
      warn({ reason: whyNot }, 'refused a WebSocket of a page of another origin')
      return refuseStream(stream, new HttpError('ORIGIN_NOT_ALLOWED', whyNot))
    }
    sockets.handleUpgrade(request, stream, head, (socket) => {
      const client = new ClientSocket(socket, stream, config.SOCKET_BACKLOG_BYTES_MAX)
      const session = new GraphqlWsSession(client, upgradedPeer(request), sessions)
      opened(new Connection(socket, stream, client, session, connections))
    })
  }
}

const upgradedPeer = ({ headers, socket }: IncomingMessage): Peer => ({
  address: socket.remoteAddress ?? '',
  headers,
  requestId: randomUUID(),
  certificate: certificateOf(socket),
})

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
  const { session, stream, all } = connection
  if (session.isInitialised) all.uninitialised.delete(connection)
  if (session.viewer) all.unknown.known(stream)
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
