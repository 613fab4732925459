// Server-sent events at /graphql: a request whose answers come as a stream, for whoever cannot or will not open a WebSocket.
//
// Per the "distinct connections mode" of https://github.com/enisdenjo/graphql-sse/blob/master/PROTOCOL.md. With each event
// comes its cursor as `id:`, which a client that lost the connection gives back as `Last-Event-ID`.

import { setTimeout as wait } from 'node:timers/promises'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { ServerResponse } from 'node:http'
import type { StreamPosition } from '../../subgraphs/platform/async/resumable-stream.ts'
import type { Config } from '../config/config.ts'
import { HttpError, httpErrorText } from '../protocol/http-error.ts'
import type { Identity } from '../identity/identity.ts'
import type { Batch } from '../live/batch.ts'
import type { Viewer } from '../../subgraphs/shared/viewer.ts'
import type { Broker, Running } from '../live/broker.ts'
import { behindBytes } from '../live/socket.ts'
import type { Subscriber } from '../live/subscriber.ts'
import type { GraphqlRequest } from '../protocol/request.ts'

export interface EventStreamTransport {
  /** Streams that are open now. */
  readonly size: number
  /** Bytes that wait to leave the hub, for all of them. */
  readonly waitingBytes: number
  /** Answers `request` with a stream of what `asked` gives. */
  open(request: FastifyRequest, reply: FastifyReply, asked: GraphqlRequest, viewer: Viewer): void
  /** Ends all streams, spread over at most `spreadMs`, so that their clients resume at another hub. */
  close(spreadMs: number): Promise<void>
}

export interface EventStreamTransportOptions {
  readonly config: Config
  readonly identity: Identity
  readonly broker: Broker
}

/** Whether a client names the media type of a stream among those that it takes. */
export const takesEventStream = (accept: string | undefined): boolean =>
  accept !== undefined && /(^|[,\s])text\/event-stream\s*($|[,;])/i.test(accept)

export function openEventStreamTransport({
  config,
  identity,
  broker,
}: EventStreamTransportOptions): EventStreamTransport {
  const streams = new Set<EventStream>()
  let isClosing = false
  // A comment, which every client skips: it keeps what is in between from closing a quiet connection.
  const beating = setInterval(() => {
    for (const stream of streams) stream.beat()
  }, config.SOCKET_PING_MS)
  const stopWatching = identity.onChange(() => {
    for (const stream of streams) if (!identity.stands(stream.viewer)) stream.forbid()
  })

  return {
    get size() {
      return streams.size
    },
    get waitingBytes() {
      let bytes = 0
      for (const stream of streams) bytes += stream.waitingBytes
      return bytes
    },
    open(request, reply, asked, viewer) {
      if (isClosing) throw new HttpError('NOT_READY')
      const { raw } = reply.hijack()
      // What the hooks have set: the request's id, and which pages may read.
      for (const [name, value] of Object.entries(reply.getHeaders()))
        if (value !== undefined) raw.setHeader(name, value)
      raw.writeHead(200, {
        'content-type': 'text/event-stream; charset=utf-8',
        'cache-control': 'no-store',
        // nginx would hold events back to fill its buffer.
        'x-accel-buffering': 'no',
      })
      raw.write(comment)
      const { checkpoints } = request.query as { checkpoints?: string }
      const stream = new EventStream(raw, viewer, checkpoints === 'true')
      streams.add(stream)
      raw.once('close', () => {
        streams.delete(stream)
        stream.leave()
      })
      const lastId = request.headers['last-event-id']
      stream.follow(
        broker.run(() => asked, viewer, stream, typeof lastId === 'string' && lastId !== '' ? lastId : null),
      )
    },
    async close(spreadMs) {
      isClosing = true
      clearInterval(beating)
      stopWatching()
      const open = [...streams]
      const gone = open.map((stream) => stream.gone)
      const steps = Math.ceil(open.length / 100)
      for (let step = 0; step < steps; step++) {
        if (step > 0) await wait(spreadMs / steps)
        for (const stream of open.slice(step * 100, step * 100 + 100)) stream.end()
      }
      await Promise.race([Promise.all(gone), wait(1_000, undefined, { ref: false })])
      for (const stream of open) stream.cut()
    },
  }
}

const comment = ':\n\n'
const complete = 'event: complete\ndata:\n\n'

class EventStream implements Subscriber {
  readonly viewer: Viewer
  readonly #response: ServerResponse
  readonly #wantsCheckpoints: boolean
  #running: Running | null = null
  #isOver = false
  /** False while a heartbeat waits to leave the hub. */
  #isAlive = true

  constructor(response: ServerResponse, viewer: Viewer, wantsCheckpoints: boolean) {
    this.#response = response
    this.viewer = viewer
    this.#wantsCheckpoints = wantsCheckpoints
  }

  follow(running: Running | null): void {
    if (this.#isOver) running?.leave()
    else this.#running = running
  }

  next(batch: Batch): void {
    if (this.#isOver) return
    if (batch.answers.length > 0) this.#response.write(batch.bytesFor('sse', eventsOf))
    // An id without data: no event, only a later place to resume from.
    else if (batch.position && this.#wantsCheckpoints)
      this.#response.write(`id: ${batch.position.cursor}\n\n`)
  }

  refuse(answer: string): void {
    this.#finish(`event: next\ndata: ${answer}\n\n${complete}`)
  }

  complete(): void {
    this.#finish(complete)
  }

  /** The client has what it was given up to, or will not read it: without `complete`, it comes back and resumes. */
  letGo(_mark: StreamPosition | null): void {
    this.leave()
    this.cut()
  }

  get waitingBytes(): number {
    return this.#response.writableLength
  }

  get isBehind(): boolean {
    return this.waitingBytes > behindBytes
  }

  caughtUp(): Promise<void> {
    if (!this.isBehind) return Promise.resolve()
    return new Promise((resolve) => {
      this.#response.once('close', resolve)
      this.#response.write(comment, () => {
        this.#response.off('close', resolve)
        resolve()
      })
    })
  }

  /** The key or token no longer stands. */
  forbid(): void {
    this.refuse(
      httpErrorText(
        new HttpError('UNAUTHENTICATED', 'the key was revoked or changed, or the token has expired'),
      ),
    )
  }

  beat(): void {
    if (!this.#isAlive || (this.#isOver && this.#response.writableLength > 0)) return this.cut()
    this.#isAlive = false
    this.#response.write(comment, () => (this.#isAlive = true))
  }

  /** Ends the stream without `complete`: there is more, elsewhere. */
  end(): void {
    this.#finish('')
  }

  /** Ends the operation; the client is gone, or is about to be. */
  leave(): void {
    this.#isOver = true
    this.#running?.leave()
    this.#running = null
  }

  cut(): void {
    this.#response.destroy()
  }

  get gone(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#response.closed) resolve()
      else this.#response.once('close', () => resolve())
    })
  }

  #finish(last: string): void {
    if (this.#isOver) return
    this.leave()
    this.#response.end(last)
  }
}

const eventsOf = ({ answers }: Batch): Buffer =>
  Buffer.concat(
    answers.flatMap(({ value, position }) => [
      Buffer.from(position ? `event: next\nid: ${position.cursor}\ndata: ` : 'event: next\ndata: '),
      value,
      blankLine,
    ]),
  )

const blankLine = Buffer.from('\n\n')
