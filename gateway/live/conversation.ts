// One client's side of graphql-transport-ws: who it is and which operations it runs. It knows no socket library.
// Source: https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md

import { CloseCode, MessageType, validateMessage, type SubscribePayload } from 'graphql-ws'
import type { Viewer } from '../../subgraphs/subgraph.ts'
import { Fault, faultText } from '../fault.ts'
import type { Subscriber } from './group.ts'
import type { Room } from './room.ts'
import { nextPrefix, type ClientSocket } from './socket.ts'

export interface ConversationOptions {
  readonly room: Room
  /** Who a `connection_init` payload speaks for; null when its key is missing or unknown. */
  readonly identify: (payload: Record<string, unknown>) => Viewer | null
  /** Most operations at once. */
  readonly operationsMax: number
}

export class Conversation {
  readonly #socket: ClientSocket
  readonly #options: ConversationOptions
  /** By operation id. */
  readonly #running = new Map<string, Running>()
  #isInitialised = false
  #viewer: Viewer | null = null

  constructor(socket: ClientSocket, options: ConversationOptions) {
    this.#socket = socket
    this.#options = options
  }

  /** Who is at the other end; null until it has said so. */
  get viewer(): Viewer | null {
    return this.#viewer
  }

  get isInitialised(): boolean {
    return this.#isInitialised
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
    this.#viewer = this.#options.identify(payload)
    if (this.#viewer) this.#socket.send(`{"type":"${MessageType.ConnectionAck}"}`)
    else this.#socket.close(CloseCode.Forbidden, 'Forbidden: the key is missing or unknown')
  }

  #subscribe(id: string, payload: SubscribePayload): void {
    if (!this.#viewer) return this.#socket.close(CloseCode.Unauthorized, 'Unauthorized')
    if (this.#running.has(id)) {
      return this.#socket.close(CloseCode.SubscriberAlreadyExists, `Subscriber for ${id} already exists`)
    }
    const running = new Running(id, this.#socket, this.#running)
    this.#running.set(id, running)
    if (this.#running.size > this.#options.operationsMax) {
      return running.refuse(faultText(new Fault('TOO_MANY_OPERATIONS')))
    }
    const end = this.#options.room.run(payload, this.#viewer, running)
    // It may be over already: an answer that was at hand.
    if (this.#running.get(id) === running) running.end = end
  }

  #leave(id: string): void {
    const running = this.#running.get(id)
    if (this.#running.delete(id)) running?.end?.()
  }
}

/** One operation of a conversation. Nothing is sent once it is over. */
class Running implements Subscriber {
  readonly #id: string
  readonly #prefix: Buffer
  readonly #socket: ClientSocket
  readonly #all: Map<string, Running>
  end: (() => void) | null = null

  constructor(id: string, socket: ClientSocket, all: Map<string, Running>) {
    this.#id = id
    this.#prefix = nextPrefix(id)
    this.#socket = socket
    this.#all = all
  }

  get #isOver(): boolean {
    return this.#all.get(this.#id) !== this
  }

  next(answer: Buffer): void {
    if (!this.#isOver) this.#socket.sendNext(this.#prefix, answer)
  }

  refuse(answer: string): void {
    this.#over('error', `,"payload":${JSON.stringify((JSON.parse(answer) as { errors: unknown }).errors)}`)
  }

  complete(): void {
    this.#over('complete', '')
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
