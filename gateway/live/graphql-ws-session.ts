// One client's session of graphql-transport-ws: its viewer and its operations. Imports no socket library.
// Source: https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md

import { CloseCode, MessageType, validateMessage, type SubscribePayload } from 'graphql-ws'
import type { IncomingHttpHeaders } from 'node:http'
import type { StreamPosition } from '../../subgraphs/platform/async/resumable-stream.ts'
import type { TraceHeaders } from '../../subgraphs/platform/tracing.ts'
import type { Viewer } from '../../subgraphs/shared/viewer.ts'
import type { Peer } from '../identity/identity.ts'
import { HttpError, httpErrorText } from '../protocol/http-error.ts'
import { readRequest } from '../protocol/request.ts'
import type { Batch } from './batch.ts'
import type { Broker, RunningOperation } from './broker.ts'
import { nextHead, tooFarBehind, type ClientSocket } from './socket.ts'
import type { Subscriber } from './subscriber.ts'

/** RFC 6455's registry: 1013, "Try Again Later". */
const tryAgainLater = 1013

/** The same for all sessions. */
export interface GraphqlWsSessionOptions {
  readonly broker: Broker
  /** The viewer of a key or token; null when it is missing, unknown, revoked or expired. */
  readonly identify: (authorization: unknown, peer: Peer) => Viewer | null | Promise<Viewer | null>
  /** Operations of one session at once, at most. */
  readonly operationsMax: number
}

export class GraphqlWsSession {
  readonly #socket: ClientSocket
  readonly #options: GraphqlWsSessionOptions
  /** By operation id. */
  readonly #operations = new Map<string, Operation>()
  /** The client of the upgrade request, kept until the session is initialised. */
  #peer: Peer | null
  #traceHeaders: TraceHeaders = {}
  #isInitialised = false
  #wantsCheckpoints = false
  #viewer: Viewer | null = null

  constructor(socket: ClientSocket, peer: Peer, options: GraphqlWsSessionOptions) {
    this.#socket = socket
    this.#peer = peer
    this.#options = options
  }

  /** Null until the client is authenticated. */
  get viewer(): Viewer | null {
    return this.#viewer
  }

  get isInitialised(): boolean {
    return this.#isInitialised
  }

  /** Whether the client wants a ping with the new position when the position moves without an event. */
  get wantsCheckpoints(): boolean {
    return this.#wantsCheckpoints
  }

  /** Handles one message, given as text. */
  receive(text: string): void {
    let message
    try {
      message = validateMessage(JSON.parse(text))
    } catch (error) {
      return this.#socket.close(CloseCode.BadRequest, (error as Error).message)
    }
    switch (message.type) {
      case MessageType.ConnectionInit:
        return this.#initialise(message.payload ?? {})
      case MessageType.Ping:
        return this.#socket.send(JSON.stringify({ type: MessageType.Pong, payload: message.payload }))
      case MessageType.Pong:
        return
      case MessageType.Subscribe:
        return this.#subscribe(message.id, message.payload)
      case MessageType.Complete:
        return this.#close(message.id)
      case MessageType.ConnectionAck:
      case MessageType.Next:
      case MessageType.Error:
        return this.#socket.close(CloseCode.BadRequest, `A client does not send "${message.type}"`)
    }
  }

  /** Ends all operations: the client is gone. */
  close(): void {
    for (const id of this.#operations.keys()) this.#close(id)
  }

  #initialise(payload: Record<string, unknown>): void {
    if (this.#isInitialised) {
      return this.#socket.close(CloseCode.TooManyInitialisationRequests, 'Too many initialisation requests')
    }
    this.#isInitialised = true
    this.#wantsCheckpoints = payload.checkpoints === true
    // A browser cannot set headers on a WebSocket, so the key may come in this message instead.
    const peer = this.#peer!
    const headers = { ...peer.headers, ...headersIn(payload) }
    this.#peer = null
    const { traceparent, tracestate } = headers
    if (traceparent !== undefined) this.#traceHeaders = { traceparent, tracestate }
    const viewer = this.#options.identify(headers.authorization, { ...peer, headers })
    if (!(viewer instanceof Promise)) return this.#identified(viewer)
    viewer.then(
      (found) => this.#identified(found),
      () =>
        this.#socket.close(tryAgainLater, 'The keys of the tokens’ issuer cannot be read: try again soon'),
    )
  }

  #identified(viewer: Viewer | null): void {
    if (!viewer) return this.#socket.close(CloseCode.Forbidden, 'Forbidden: the key is missing or unknown')
    this.#viewer = viewer
    this.#socket.send(`{"type":"${MessageType.ConnectionAck}"}`)
  }

  #subscribe(id: string, payload: SubscribePayload): void {
    if (!this.#viewer) return this.#socket.close(CloseCode.Unauthorized, 'Unauthorized')
    if (this.#operations.has(id)) {
      return this.#socket.close(CloseCode.SubscriberAlreadyExists, `Subscriber for ${id} already exists`)
    }
    const operation = new Operation(id, this, this.#socket, this.#operations)
    this.#operations.set(id, operation)
    if (this.#operations.size > this.#options.operationsMax) {
      return operation.refuse(httpErrorText(new HttpError('TOO_MANY_OPERATIONS')))
    }
    const running = this.#options.broker.run(
      () => readRequest(payload),
      this.#viewer,
      operation,
      null,
      this.#traceHeaders,
    )
    // A response that was at hand may have ended it already.
    if (this.#operations.get(id) === operation) operation.running = running
    else running?.close()
  }

  #close(id: string): void {
    const operation = this.#operations.get(id)
    if (this.#operations.delete(id)) operation?.running?.close()
  }
}

/** The texts of `connection_init` count as headers, whatever the case of their names. */
const headersIn = (payload: Record<string, unknown>): IncomingHttpHeaders =>
  Object.fromEntries(
    Object.entries(payload).flatMap(([name, value]) =>
      typeof value === 'string' ? [[name.toLowerCase(), value]] : [],
    ),
  )

/** One operation of a session. Nothing is sent once it has ended. */
class Operation implements Subscriber {
  readonly #id: string
  readonly #head: string
  readonly #session: GraphqlWsSession
  readonly #socket: ClientSocket
  /** The running operations of the session: this one has ended when it is not among them. */
  readonly #operations: Map<string, Operation>
  running: RunningOperation | null = null

  constructor(
    id: string,
    session: GraphqlWsSession,
    socket: ClientSocket,
    operations: Map<string, Operation>,
  ) {
    this.#id = id
    this.#head = nextHead(id)
    this.#session = session
    this.#socket = socket
    this.#operations = operations
  }

  get #hasEnded(): boolean {
    return this.#operations.get(this.#id) !== this
  }

  get isBehind(): boolean {
    return this.#socket.isBehind
  }

  next(batch: Batch): void {
    if (this.#hasEnded) return
    if (batch.events.length > 0) this.#socket.sendNext(this.#head, batch)
    else if (batch.position && this.#session.wantsCheckpoints) {
      const checkpoint = { [this.#id]: batch.position.cursor }
      this.#socket.send(JSON.stringify({ type: MessageType.Ping, payload: { checkpoint } }))
    }
  }

  refuse(errorResponse: string): void {
    const { errors } = JSON.parse(errorResponse) as { errors: unknown }
    this.#end('error', `,"payload":${JSON.stringify(errors)}`)
  }

  complete(): void {
    this.#end('complete', '')
  }

  close(position: StreamPosition | null): void {
    if (this.#hasEnded) return
    this.#operations.delete(this.#id)
    this.#socket.close(tooFarBehind, `BEHIND${position ? ` after=${position.cursor}` : ''} id=${this.#id}`)
  }

  flushed(): Promise<void> {
    return this.isBehind ? this.#socket.flushed() : Promise.resolve()
  }

  /** Sends the last message of the operation. `members` follow its id and type. */
  #end(type: 'error' | 'complete', members: string): void {
    if (this.#hasEnded) return
    this.#operations.delete(this.#id)
    this.#socket.send(`{"id":${JSON.stringify(this.#id)},"type":"${type}"${members}}`)
  }
}
