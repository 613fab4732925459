// Server-sent events at /graphql: one request whose responses come as a stream, for clients that do not open
// a WebSocket.
//
// Per the "distinct connections mode" of https://github.com/enisdenjo/graphql-sse/blob/master/PROTOCOL.md.
// Each event carries its cursor as `id:`, which a client that reconnects sends back as `Last-Event-ID`.

import type { FastifyReply, FastifyRequest } from 'fastify'
import type { ServerResponse } from 'node:http'
import type { Viewer } from '../../subgraphs/shared/viewer.ts'
import type { Config } from '../config/config.ts'
import type { Identity } from '../identity/identity.ts'
import type { Batch } from '../live/batch.ts'
import type { Broker, RunningOperation } from '../live/broker.ts'
import { behindBytes, type Subscriber } from '../live/subscriber.ts'
import { HttpError, httpErrorText } from '../protocol/http-error.ts'
import type { GraphqlRequest } from '../protocol/request.ts'
import { closeConnections } from './close-connections.ts'

export interface EventStreamTransport {
  /** Streams that are open now. */
  readonly size: number
  /** Bytes buffered for the clients of all streams. */
  readonly bufferedBytes: number
  /** Responds to `request` with the stream of `operation`. */
  open(request: FastifyRequest, reply: FastifyReply, operation: GraphqlRequest, viewer: Viewer): void
  /** Closes all streams, spread over at most `spreadMs`, so that their clients resume at another hub. */
  close(spreadMs: number): Promise<void>
}

export interface EventStreamTransportOptions {
  readonly config: Config
  readonly identity: Identity
  readonly broker: Broker
}

/** A line that every client skips. */
const comment = ':\n\n'
const complete = 'event: complete\ndata:\n\n'

export function openEventStreamTransport({
  config,
  identity,
  broker,
}: EventStreamTransportOptions): EventStreamTransport {
  const streams = new Set<EventStream>()
  let isClosing = false
  const heartbeat = setInterval(() => {
    for (const stream of streams) stream.beat()
  }, config.SOCKET_PING_MS)
  const stopListening = identity.onChange(() => {
    for (const stream of streams) if (!identity.isValid(stream.viewer)) stream.forbid()
  })

  return {
    get size() {
      return streams.size
    },
    get bufferedBytes() {
      let bytes = 0
      for (const stream of streams) bytes += stream.bufferedBytes
      return bytes
    },
    open(request, reply, operation, viewer) {
      if (isClosing) throw new HttpError('NOT_READY')
      const response = beginResponse(reply)
      const { checkpoints } = request.query as { checkpoints?: string }
      const stream = new EventStream(response, viewer, checkpoints === 'true')
      streams.add(stream)
      response.once('close', () => {
        streams.delete(stream)
        stream.close()
      })
      stream.started(broker.run(() => operation, viewer, stream, lastEventId(request)))
    },
    close(spreadMs) {
      isClosing = true
      clearInterval(heartbeat)
      stopListening()
      return closeConnections(
        [...streams],
        {
          close: (stream) => stream.handOver(),
          closed: (stream) => stream.closed,
          destroy: (stream) => stream.close(),
        },
        spreadMs,
      )
    },
  }
}

function beginResponse(reply: FastifyReply): ServerResponse {
  const { raw } = reply.hijack()
  // The headers that the hooks have set: the request id, and the origins that may read.
  for (const [name, value] of Object.entries(reply.getHeaders()))
    if (value !== undefined) raw.setHeader(name, value)
  raw.writeHead(200, {
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-store, no-transform',
    // nginx would delay events to fill its buffer.
    'x-accel-buffering': 'no',
  })
  raw.write(comment)
  return raw
}

function lastEventId({ headers }: FastifyRequest): string | null {
  const id = headers['last-event-id']
  return typeof id === 'string' && id !== '' ? id : null
}

class EventStream implements Subscriber {
  readonly viewer: Viewer
  readonly #response: ServerResponse
  readonly #wantsCheckpoints: boolean
  #running: RunningOperation | null = null
  /** Nothing more is sent. */
  #hasEnded = false
  /** False while the last heartbeat is still buffered. */
  #isAlive = true

  constructor(response: ServerResponse, viewer: Viewer, wantsCheckpoints: boolean) {
    this.#response = response
    this.viewer = viewer
    this.#wantsCheckpoints = wantsCheckpoints
  }

  get bufferedBytes(): number {
    return this.#response.writableLength
  }

  get isBehind(): boolean {
    return this.bufferedBytes > behindBytes
  }

  /** Resolves when the response is closed. */
  get closed(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#response.closed) resolve()
      else this.#response.once('close', () => resolve())
    })
  }

  /** `running` may have ended already. */
  started(running: RunningOperation | null): void {
    if (this.#hasEnded) running?.close()
    else this.#running = running
  }

  next(batch: Batch): void {
    if (this.#hasEnded) return
    if (batch.events.length > 0) this.#response.write(batch.bytesFor('sse', framesOf))
    // An id without data is no event: it only moves the position to resume from.
    else if (batch.position && this.#wantsCheckpoints)
      this.#response.write(`id: ${batch.position.cursor}\n\n`)
  }

  refuse(errorResponse: string): void {
    this.#end(`event: next\ndata: ${errorResponse}\n\n${complete}`)
  }

  complete(): void {
    this.#end(complete)
  }

  /** Ends the stream because the key or token is no longer valid. */
  forbid(): void {
    const message = 'the key was revoked or changed, or the token has expired'
    this.refuse(httpErrorText(new HttpError('UNAUTHENTICATED', message)))
  }

  /** Ends the stream without `complete`: the client resumes at another hub. */
  handOver(): void {
    this.#end('')
  }

  /**
   * Ends the operation and closes the connection. The client may reconnect and resume after the last event
   * that it received.
   */
  close(): void {
    this.#closeOperation()
    this.#response.destroy()
  }

  /**
   * Keeps proxies from closing a quiet connection. Closes the stream when the last heartbeat has not left the
   * hub.
   */
  beat(): void {
    if (!this.#isAlive || (this.#hasEnded && this.bufferedBytes > 0)) return this.close()
    this.#isAlive = false
    this.#response.write(comment, () => (this.#isAlive = true))
  }

  flushed(): Promise<void> {
    if (!this.isBehind) return Promise.resolve()
    return new Promise((resolve) => {
      this.#response.once('close', resolve)
      this.#response.write(comment, () => {
        this.#response.off('close', resolve)
        resolve()
      })
    })
  }

  #end(last: string): void {
    if (this.#hasEnded) return
    this.#closeOperation()
    this.#response.end(last)
  }

  #closeOperation(): void {
    this.#hasEnded = true
    this.#running?.close()
    this.#running = null
  }
}

const framesOf = ({ events }: Batch): Buffer =>
  Buffer.concat(
    events.flatMap(({ value, position }) => [
      Buffer.from(position ? `event: next\nid: ${position.cursor}\ndata: ` : 'event: next\ndata: '),
      value,
      blankLine,
    ]),
  )

const blankLine = Buffer.from('\n\n')
