// Reads the events of a subscription over a WebSocket by graphql-transport-ws. Each stream has a socket of
// its own, so that a subscriber that does not read holds back its own events and no others.
//
// A subgraph of the hub confirms a stream, and sends the position of each event. Then a stream whose socket
// broke continues at another process, or at the same one when it is back: its subscribers miss nothing and
// receive nothing twice.
// Source: https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md

import { Kind, parse } from 'graphql'
import { GRAPHQL_TRANSPORT_WS_PROTOCOL, MessageType } from 'graphql-ws'
import { WebSocket, type RawData } from 'ws'
import { StreamFailure, type SubgraphEvent, type SubgraphResult, type Variables } from './connection.ts'
import { idlest, type Headers } from './address.ts'
import type { StreamRequest } from './http-stream.ts'
import { isObject, readResult } from './read-response.ts'
import { failedResult, type RemoteFailure } from './remote-failure.ts'
import type { StreamPosition } from './stream.ts'
import { pacedRetry } from './waiting.ts'

/**
 * How a stream continues: `RESTART` sends the subscription again, for a field that begins with its present
 * state; otherwise an argument takes the position of the last event.
 */
export type Resumption =
  'RESTART' | { readonly argument: string; readonly valueOf: (cursor: string) => unknown }

export interface SocketStreamRequest extends StreamRequest {
  /** For each attempt to connect. They are also the payload of `connection_init`. */
  readonly headers: () => Promise<Headers>
  readonly resumption?: (name: string) => Resumption | null
  readonly waitMs?: number
}

type Stream = AsyncIterableIterator<SubgraphEvent, undefined>

/** Resolves when the subgraph has accepted the subscription, or with its refusal. */
export async function openSocketStream(request: SocketStreamRequest): Promise<Stream | SubgraphResult> {
  const stream = new SocketStream(request)
  const refusal = await stream.opened
  return refusal ?? stream
}

/** The member of `extensions` in which a subgraph of the hub confirms a stream and sends positions. */
export interface StreamExtensions {
  /** In the first message, which is no event. */
  readonly accepted?: true
  /** The position of the event, or of the stream when the message has no `data` and no `errors`. */
  readonly position?: StreamPosition | null
}

/** Events that are buffered before the socket is paused, and at which it reads again. */
const backlogMax = 64
const backlogMin = 16
/** A socket that sends nothing for this long after a ping is broken. */
const pingMs = 10_000
const handshakeMs = 5_000

/** How one socket ended. */
type End =
  | { readonly kind: 'complete' }
  | { readonly kind: 'error'; readonly result: SubgraphResult }
  | { readonly kind: 'broken'; readonly failure: RemoteFailure }

const done: IteratorResult<never, undefined> = { done: true, value: undefined }

class SocketStream implements Stream {
  /** Resolves with null when the stream is open. */
  readonly opened: Promise<SubgraphResult | null>
  readonly #request: SocketStreamRequest
  readonly #resume: Resume | null
  readonly #leaving = new AbortController()
  readonly #opening = Promise.withResolvers<SubgraphResult | null>()
  #isOpen = false
  /** The last one that was received; a stream continues after it. */
  #position: StreamPosition | null = null
  #socket: WebSocket | null = null
  #events: SubgraphEvent[] = []
  #pending: PromiseWithResolvers<IteratorResult<SubgraphEvent, undefined>>[] = []
  /** Set when nothing follows the buffered events. */
  #end: { readonly failure: StreamFailure | null } | null = null

  constructor(request: SocketStreamRequest) {
    this.#request = request
    this.#resume = resumeOf(request)
    this.opened = this.#opening.promise
    void this.#run().then(
      (failure) => this.#finish(failure),
      (error: unknown) =>
        this.#finish(this.#failureOf({ reason: 'UNREACHABLE', status: null, cause: error })),
    )
  }

  next(): Promise<IteratorResult<SubgraphEvent, undefined>> {
    const event = this.#events.shift()
    if (event) {
      if (this.#events.length <= backlogMin) this.#socket?.resume()
      return Promise.resolve({ done: false, value: event })
    }
    if (this.#end) {
      const { failure } = this.#end
      this.#end = { failure: null }
      return failure ? Promise.reject(failure) : Promise.resolve(done)
    }
    const pending = Promise.withResolvers<IteratorResult<SubgraphEvent, undefined>>()
    this.#pending.push(pending)
    return pending.promise
  }

  return(): Promise<IteratorResult<SubgraphEvent, undefined>> {
    this.#leaving.abort()
    this.#events = []
    this.#socket?.terminate()
    this.#finish(null)
    return Promise.resolve(done)
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  /** Connects, and again while that helps. Returns why the stream ended; null when it is complete. */
  async #run(): Promise<StreamFailure | null> {
    const { waitMs = 30_000 } = this.#request
    let retry = pacedRetry(waitMs, this.#leaving.signal)
    for (;;) {
      const before = this.#position
      const end = await this.#connect()
      if (end.kind === 'complete' || this.#leaving.signal.aborted) return null
      if (end.kind === 'error') return new StreamFailure(end.result.errors ?? [])
      if (!this.#resume) return this.#failureOf(end.failure)
      if (!this.#isOpen && end.failure.reason === 'REFUSED') return this.#failureOf(end.failure)
      if (this.#position !== before) retry = pacedRetry(waitMs, this.#leaving.signal)
      if (!(await retry())) return this.#failureOf(end.failure)
    }
  }

  #failureOf(failure: RemoteFailure): StreamFailure {
    return new StreamFailure(failedResult(this.#request.name, failure).errors ?? [])
  }

  /** Opens one socket, and takes its events until it ends. */
  async #connect(): Promise<End> {
    const address = idlest(this.#request.addresses)
    if (!address) return { kind: 'broken', failure: { reason: 'PAUSED', status: null } }
    const headers = await this.#request.headers()
    if (this.#leaving.signal.aborted) return { kind: 'complete' }
    const socket = new WebSocket(address.url.replace(/^http/, 'ws'), GRAPHQL_TRANSPORT_WS_PROTOCOL, {
      headers,
      handshakeTimeout: handshakeMs,
      maxPayload: this.#request.bytesMax,
      perMessageDeflate: false,
    })
    this.#socket = socket
    address.pending++
    const ping = keepAlive(socket)
    try {
      return await this.#follow(socket, headers)
    } finally {
      clearInterval(ping)
      address.pending--
      socket.terminate()
    }
  }

  #follow(socket: WebSocket, headers: Headers): Promise<End> {
    const { promise, resolve } = Promise.withResolvers<End>()
    const broken = (failure: RemoteFailure): void => resolve({ kind: 'broken', failure })
    socket.on('open', () => {
      socket.send(JSON.stringify({ type: MessageType.ConnectionInit, payload: headers }))
    })
    socket.on('message', (data: RawData) => {
      try {
        const end = this.#take(socket, (data as Buffer).toString())
        if (end) resolve(end)
      } catch (cause) {
        broken({ reason: 'NOT_GRAPHQL', status: null, cause })
      }
    })
    socket.on('unexpected-response', (_request, { statusCode: status = 0 }) => {
      broken({ reason: status === 401 ? 'REFUSED' : 'UNREACHABLE', status })
    })
    socket.on('error', (cause) => broken({ reason: 'UNREACHABLE', status: null, cause }))
    socket.on('close', (code) => {
      broken({ reason: code === 4403 ? 'REFUSED' : 'CUT_OFF', status: null })
    })
    return promise
  }

  /** Takes one message; returns the end of the stream when it is the last. */
  #take(socket: WebSocket, text: string): End | null {
    const { name } = this.#request
    const message = JSON.parse(text) as { readonly type: string; readonly payload?: unknown }
    switch (message.type) {
      case 'connection_ack':
        socket.send(JSON.stringify({ type: MessageType.Subscribe, id: '1', payload: this.#payload() }))
        // Without a confirmation, a refusal is the first event.
        if (!this.#resume) this.#open(null)
        return null
      case 'ping':
        socket.send(`{"type":"${MessageType.Pong}"}`)
        return null
      case 'next':
        return this.#takeNext(socket, message.payload, text)
      case 'error': {
        const result = readResult(name, null, { data: null, errors: message.payload })
        if (!this.#isOpen) this.#open(result)
        return { kind: 'error', result }
      }
      case 'complete':
        return { kind: 'complete' }
      default:
        return null
    }
  }

  #takeNext(socket: WebSocket, payload: unknown, text: string): End | null {
    const { name } = this.#request
    const extensions: StreamExtensions = (isObject(payload) && (payload['extensions'] as object | null)) || {}
    if (extensions.accepted) {
      this.#open(null)
      return null
    }
    if (this.#resume && !this.#isOpen) {
      this.#open(readResult(name, null, payload))
      return { kind: 'complete' }
    }
    const position = (this.#resume && extensions.position) ?? null
    this.#position = position ?? this.#position
    const isEvent = !isObject(payload) || payload['data'] !== undefined || payload['errors'] !== undefined
    let first: { readonly payload: unknown } | null = { payload }
    const read = (): SubgraphResult => {
      // Each result must be a new object.
      const { payload: fresh } = first ?? (JSON.parse(text) as { readonly payload: unknown })
      first = null
      return readResult(name, null, fresh)
    }
    this.#push({ value: isEvent ? read : null, position })
    if (this.#events.length >= backlogMax) socket.pause()
    return null
  }

  #payload(): object {
    const { document: query, variables } = this.#request
    const resume = this.#resume
    if (!resume || resume === 'RESTART' || !this.#position) return { query, variables }
    return {
      query,
      variables: { ...variables, [resume.variable]: resume.valueOf(this.#position.cursor) },
    }
  }

  #open(refusal: SubgraphResult | null): void {
    this.#isOpen = true
    this.#opening.resolve(refusal)
  }

  #push(event: SubgraphEvent): void {
    const pending = this.#pending.shift()
    if (pending) pending.resolve({ done: false, value: event })
    else this.#events.push(event)
  }

  #finish(failure: StreamFailure | null): void {
    if (!this.#isOpen) this.#open(failure ? { data: null, errors: failure.errors } : null)
    if (this.#end) return
    this.#end = { failure }
    const [first, ...others] = this.#pending
    this.#pending = []
    if (failure && first) {
      this.#end = { failure: null }
      first.reject(failure)
    } else first?.resolve(done)
    for (const { resolve } of others) resolve(done)
  }
}

type Resume =
  'RESTART' | { readonly variable: string; readonly valueOf: (cursor: string) => Variables[string] }

/** How the stream of a document continues; null when it cannot. */
function resumeOf({ document, resumption }: SocketStreamRequest): Resume | null {
  if (!resumption) return null
  const [operation] = parse(document, { noLocation: true }).definitions
  const field =
    operation?.kind === Kind.OPERATION_DEFINITION ? operation.selectionSet.selections[0] : undefined
  if (field?.kind !== Kind.FIELD) return null
  const how = resumption(field.name.value)
  if (how === null || how === 'RESTART') return how
  const value = field.arguments?.find(({ name }) => name.value === how.argument)?.value
  return value?.kind === Kind.VARIABLE ? { variable: value.name.value, valueOf: how.valueOf } : null
}

/** Pings the subgraph, and ends a socket that stays silent. Nothing is read from a paused one. */
function keepAlive(socket: WebSocket): NodeJS.Timeout {
  let isAlive = true
  const received = (): void => void (isAlive = true)
  socket.on('message', received).on('pong', received).on('ping', received)
  return setInterval(() => {
    if (socket.readyState !== WebSocket.OPEN || socket.isPaused) return
    if (!isAlive) return socket.terminate()
    isAlive = false
    socket.ping()
  }, pingMs).unref()
}
