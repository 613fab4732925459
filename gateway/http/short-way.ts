// The short way to /graphql, for most requests: a POST with JSON, answered with JSON, from a client that is
// no web page. It passes by the web server’s router, hooks and reply, which take longer than the operation
// itself. All others go through the web server, and both run operations by the same function.

import type { IncomingHttpHeaders, IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { readJson, readRequest } from '../protocol/request.ts'
import { errorAnswer, runOperation, type Answer, type Caller, type GraphqlRoutesOptions } from './graphql.ts'
import type { Metrics } from './metrics.ts'
import { certificateOf } from './peer.ts'
import { compressed } from './response.ts'

export interface ShortWayOptions extends GraphqlRoutesOptions {
  readonly requestIdOf: (header: unknown) => string
  readonly metrics: Pick<Metrics, 'count'>
  /** Whether connections close after their next answer. */
  readonly connections: { readonly isDraining: boolean }
}

type Listener = (request: IncomingMessage, response: ServerResponse) => void

/** Takes the requests that can go the short way from the listener of the web server. */
export function openShortWay(server: Server, options: ShortWayOptions): void {
  const [webServer] = server.listeners('request') as [Listener]
  server.removeAllListeners('request')
  server.on('request', (request, response) => {
    const { method, url, headers } = request
    if (method === 'POST' && url === '/graphql' && canGoShort(headers, options.config.BODY_BYTES_MAX))
      new NodeRequest(options, request, response).begin()
    else webServer(request, response)
  })
}

/** The values of headers that a client needs for the short way; `undefined`: it may leave the header out. */
const contentTypes = new Set(['application/json', 'application/json; charset=utf-8'])
const accepted = new Set([undefined, '*/*', 'application/json', 'application/graphql-response+json'])

/** Whether `POST /graphql` with these headers needs nothing of the web server. */
export function canGoShort(headers: IncomingHttpHeaders, bodyMax: number): boolean {
  if (headers.origin !== undefined || !headers.host) return false
  if (headers['content-encoding'] !== undefined) return false
  const length = Number(headers['content-length'])
  return (
    contentTypes.has(headers['content-type'] ?? '') &&
    accepted.has(headers.accept) &&
    length > 0 &&
    length <= bodyMax
  )
}

/** One request and its answer. */
export abstract class ShortRequest implements Caller {
  readonly #options: ShortWayOptions
  readonly #beganAtMs = performance.now()
  readonly method = 'POST'
  readonly headers: IncomingHttpHeaders
  readonly socket: Socket
  readonly requestId: string
  abstract readonly response: ServerResponse | null

  constructor(options: ShortWayOptions, headers: IncomingHttpHeaders, socket: Socket) {
    this.#options = options
    this.headers = headers
    this.socket = socket
    this.requestId = options.requestIdOf(headers['x-request-id'])
  }

  get address(): string {
    return this.socket.remoteAddress ?? ''
  }

  get certificate(): string | null {
    return certificateOf(this.socket)
  }

  abstract onGone(leave: () => void): void
  /** Sends the answer; `headers` are names and values in turn. The last one closes the connection. */
  protected abstract write(status: number, headers: readonly string[], body: Buffer, isLast: boolean): void

  /** Waits for nothing unless the operation does. */
  run(body: string): void {
    try {
      const answer = runOperation(this.#options, this, () => readRequest(readJson(body, 'the body')))
      if (!(answer instanceof Promise)) return this.#send(answer!)
      void answer.then(
        (answered) => this.#send(answered!),
        (error: unknown) => this.#fail(error),
      )
    } catch (error) {
      this.#fail(error)
    }
  }

  #fail(error: unknown): void {
    this.#send(errorAnswer(this.#options, error, this))
  }

  /** Waits for nothing unless it compresses the body. */
  #send(answer: Answer): void {
    const { body } = answer
    if (body.length < this.#options.config.COMPRESS_FROM_BYTES) return this.#sendAs(answer, body, [])
    const vary = ['vary', 'Accept-Encoding']
    const plain = (): void => this.#sendAs(answer, body, vary)
    if (this.headers['accept-encoding'] === undefined) return plain()
    void compressed(this.headers, body).then(
      (packed) =>
        packed ? this.#sendAs(answer, packed.body, [...vary, 'content-encoding', packed.encoding]) : plain(),
      // What cannot be compressed is sent as it is.
      plain,
    )
  }

  #sendAs(
    { status, contentType, headers: further = [] }: Answer,
    body: Buffer,
    encoding: readonly string[],
  ): void {
    const { connections, metrics } = this.#options
    const sent = ['content-type', contentType, 'x-request-id', this.requestId, ...encoding, ...further]
    this.write(status, sent, body, connections.isDraining)
    metrics.count(status, (performance.now() - this.#beganAtMs) / 1000)
  }
}

/** A request that Node has read. */
class NodeRequest extends ShortRequest {
  readonly #request: IncomingMessage
  readonly response: ServerResponse

  constructor(options: ShortWayOptions, request: IncomingMessage, response: ServerResponse) {
    super(options, request.headers, request.socket)
    this.#request = request
    this.response = response
  }

  /** Reads the body, which is one chunk for most requests. */
  begin(): void {
    let body: Buffer | null = null
    this.#request.on('data', (chunk: Buffer) => (body = body ? Buffer.concat([body, chunk]) : chunk))
    // A client that has gone leaves no `end`, and gets no answer.
    this.#request.on('end', () => this.run(body!.toString()))
  }

  onGone(leave: () => void): void {
    this.response.on('close', leave)
  }

  protected write(status: number, headers: readonly string[], body: Buffer, isLast: boolean): void {
    const sent = [...headers, 'content-length', String(body.length)]
    if (isLast) sent.push('connection', 'close')
    this.response.writeHead(status, sent).end(body)
  }
}
