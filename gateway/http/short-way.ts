// The short way to /graphql, for most requests: a POST with JSON, answered with JSON, from a client that is
// no web page. It passes by the web server’s router, hooks and reply, which take longer than the operation
// itself. All others go through the web server, and both run operations by the same function.

import type { IncomingMessage, Server, ServerResponse } from 'node:http'
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
    if (canGoShort(request, options.config.BODY_BYTES_MAX)) new ShortWay(options, request, response).begin()
    else webServer(request, response)
  })
}

/** The values of headers that a client needs for the short way; `undefined`: it may leave the header out. */
const contentTypes = new Set(['application/json', 'application/json; charset=utf-8'])
const accepted = new Set([undefined, '*/*', 'application/json', 'application/graphql-response+json'])

function canGoShort({ method, url, headers }: IncomingMessage, bodyMax: number): boolean {
  if (method !== 'POST' || url !== '/graphql' || headers.origin !== undefined || !headers.host) return false
  if (headers['content-encoding'] !== undefined) return false
  const length = Number(headers['content-length'])
  return (
    contentTypes.has(headers['content-type'] ?? '') &&
    accepted.has(headers.accept) &&
    length > 0 &&
    length <= bodyMax
  )
}

/** One request and its response. */
class ShortWay implements Caller {
  readonly #options: ShortWayOptions
  readonly #request: IncomingMessage
  readonly #beganAtMs = performance.now()
  readonly method = 'POST'
  readonly requestId: string
  readonly response: ServerResponse

  constructor(options: ShortWayOptions, request: IncomingMessage, response: ServerResponse) {
    this.#options = options
    this.#request = request
    this.response = response
    this.requestId = options.requestIdOf(request.headers['x-request-id'])
  }

  get headers(): IncomingMessage['headers'] {
    return this.#request.headers
  }

  get address(): string {
    return this.#request.socket.remoteAddress ?? ''
  }

  get certificate(): string | null {
    return certificateOf(this.#request.socket)
  }

  /** Reads the body, which is one chunk for most requests. */
  begin(): void {
    let body: Buffer | null = null
    this.#request.on('data', (chunk: Buffer) => (body = body ? Buffer.concat([body, chunk]) : chunk))
    // A client that has gone leaves no `end`, and gets no answer.
    this.#request.on('end', () => this.#run(body!.toString()))
  }

  #run(body: string): void {
    void runOperation(this.#options, this, () => readRequest(readJson(body, 'the body')))
      .then((answer) => this.#send(answer!))
      .catch((error: unknown) => this.#send(errorAnswer(this.#options, error, this)))
  }

  /** Waits for nothing unless it compresses the text, which most responses are too short for. */
  #send(answer: Answer): void {
    const { text } = answer
    if (text.length < this.#options.config.COMPRESS_FROM_BYTES) return this.#write(answer, text, [])
    const vary = ['vary', 'Accept-Encoding']
    void compressed(this.headers, text).then(
      (packed) =>
        packed
          ? this.#write(answer, packed.body, [...vary, 'content-encoding', packed.encoding])
          : this.#write(answer, text, vary),
      // What cannot be compressed is sent as it is.
      () => this.#write(answer, text, vary),
    )
  }

  #write(
    { status, contentType, headers: further }: Answer,
    body: string | Buffer,
    encoding: readonly string[],
  ): void {
    const { response, requestId } = this
    const { connections, metrics } = this.#options
    const length = String(Buffer.byteLength(body))
    const sent = [
      'content-type',
      contentType,
      'x-request-id',
      requestId,
      ...encoding,
      'content-length',
      length,
    ]
    if (further) sent.push(...Object.entries(further).flat())
    if (connections.isDraining) sent.push('connection', 'close')
    response.writeHead(status, sent).end(body)
    metrics.count('POST', status, (performance.now() - this.#beganAtMs) / 1000)
  }
}
