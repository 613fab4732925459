// One client's side of graphql-transport-ws: who it is and which operations it runs. It knows no socket library.
// Source: https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md

import { CloseCode, MessageType, validateMessage, type SubscribePayload } from 'graphql-ws'
import type { StreamPosition } from '../../subgraphs/platform/async/resumable-stream.ts'
import { HttpError, httpErrorText } from '../protocol/http-error.ts'
import { readRequest } from '../protocol/request.ts'
import type { Batch } from './batch.ts'
import type { Broker, Running as RunningInRoom } from './broker.ts'
import type { Viewer } from '../../subgraphs/shared/viewer.ts'
import { nextHead, tooFarBehind, type ClientSocket } from './socket.ts'
import type { Subscriber } from './subscriber.ts'

/** The same for all conversations. */
export interface GraphqlWsSessionOptions {
  readonly broker: Broker
  /** Who a key or token speaks for; null when it is missing, unknown or no longer stands. */
  readonly identify: (authorization: unknown) => Viewer | null | Promise<Viewer | null>
  /** Most operations at once. */
  readonly operationsMax: number
}

export class GraphqlWsSession {
  readonly #socket: ClientSocket
  readonly #options: GraphqlWsSessionOptions
  /** By operation id. */
  readonly #running = new Map<string, Operation>()
  /** What came in the upgrade's header, until it is known who that is. */
  #authorization: string | undefined
  #isInitialised = false
  #wantsCheckpoints = false
  #viewer: Viewer | null = null

  constructor(socket: ClientSocket, authorization: string | undefined, options: GraphqlWsSessionOptions) {
    this.#socket = socket
    this.#authorization = authorization
    this.#options = options
  }

  /** Who is at the other end; null until it has said so. */
  get viewer(): Viewer | null {
    return this.#viewer
  }

  get isInitialised(): boolean {
    return this.#isInitialised
  }

  get wantsCheckpoints(): boolean {
    return this.#wantsCheckpoints
  }

  /** Takes one message, as text. */
  take(text: string): void {
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
        return this.#leave(message.id)
      case MessageType.ConnectionAck:
      case MessageType.Next:
      case MessageType.Error:
        return this.#socket.close(CloseCode.BadRequest, `A client does not send "${message.type}"`)
    }
  }

  /** Ends everything that runs: the client is gone. */
  end(): void {
    for (const id of this.#running.keys()) this.#leave(id)
  }

  #initialise(payload: Record<string, unknown>): void {
    if (this.#isInitialised) {
      return this.#socket.close(CloseCode.TooManyInitialisationRequests, 'Too many initialisation requests')
    }
    this.#isInitialised = true
    this.#wantsCheckpoints = payload.checkpoints === true
    // A browser cannot set headers on a WebSocket, so the key may come in this message instead.
    const given = payload.authorization ?? payload.Authorization ?? this.#authorization
    this.#authorization = undefined
    const viewer = this.#options.identify(given)
    if (!(viewer instanceof Promise)) return this.#identified(viewer)
    viewer.then(
      (found) => this.#identified(found),
      () => this.#socket.close(tryAgainLater, 'The keys of the tokens’ issuer cannot be read just now'),
    )
  }

  #identified(viewer: Viewer | null): void {
    if (!viewer) return this.#socket.close(CloseCode.Forbidden, 'Forbidden: the key is missing or unknown')
    this.#viewer = viewer
    this.#socket.send(`{"type":"${MessageType.ConnectionAck}"}`)
  }

  #subscribe(id: string, payload: SubscribePayload): void {
    if (!this.#viewer) return this.#socket.close(CloseCode.Unauthorized, 'Unauthorized')
    if (this.#running.has(id)) {
      return this.#socket.close(CloseCode.SubscriberAlreadyExists, `Subscriber for ${id} already exists`)
    }
    const operation = new Operation(id, this, this.#socket, this.#running)
    this.#running.set(id, operation)
    if (this.#running.size > this.#options.operationsMax) {
      return operation.refuse(httpErrorText(new HttpError('TOO_MANY_OPERATIONS')))
    }
    const running = this.#options.broker.run(() => readRequest(payload), this.#viewer, operation)
    // It may be over already: an answer that was at hand.
    if (this.#running.get(id) === operation) operation.running = running
    else running?.leave()
  }

  #leave(id: string): void {
    const operation = this.#running.get(id)
    if (this.#running.delete(id)) operation?.running?.leave()
  }
}

/** One operation of a conversation. Nothing is sent once it is over. */
class Operation implements Subscriber {
  readonly #id: string
  readonly #head: string
  readonly #conversation: GraphqlWsSession
  readonly #socket: ClientSocket
  readonly #all: Map<string, Operation>
  running: RunningInRoom | null = null

  constructor(id: string, conversation: GraphqlWsSession, socket: ClientSocket, all: Map<string, Operation>) {
    this.#id = id
    this.#head = nextHead(id)
    this.#conversation = conversation
    this.#socket = socket
    this.#all = all
  }

  get #isOver(): boolean {
    return this.#all.get(this.#id) !== this
  }

  next(batch: Batch): void {
    if (this.#isOver) return
    if (batch.answers.length > 0) this.#socket.sendNext(this.#head, batch)
    else if (batch.position && this.#conversation.wantsCheckpoints) {
      const checkpoint = { [this.#id]: batch.position.cursor }
      this.#socket.send(JSON.stringify({ type: MessageType.Ping, payload: { checkpoint } }))
    }
  }

  refuse(answer: string): void {
    this.#over('error', `,"payload":${JSON.stringify((JSON.parse(answer) as { errors: unknown }).errors)}`)
  }

  complete(): void {
    this.#over('complete', '')
  }

  letGo(position: StreamPosition | null): void {
    if (this.#isOver) return
    this.#all.delete(this.#id)
    this.#socket.close(tooFarBehind, `BEHIND${position ? ` after=${position.cursor}` : ''} id=${this.#id}`)
  }

  #over(type: 'error' | 'complete', rest: string): void {
    if (this.#isOver) return
    this.#all.delete(this.#id)
    this.#socket.send(`{"id":${JSON.stringify(this.#id)},"type":"${type}"${rest}}`)
  }

  get isBehind(): boolean {
    return this.#socket.isBehind
  }

  caughtUp(): Promise<void> {
    return this.isBehind ? this.#socket.flushed() : Promise.resolve()
  }
}

/** RFC 6455's registry: 1013, "Try Again Later". */
const tryAgainLater = 1013
