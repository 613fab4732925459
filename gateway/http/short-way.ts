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
    this.#request.on('end', () => void this.#run(body!.toString()))
  }

  async #run(body: string): Promise<void> {
    try {
      const answer = await runOperation(this.#options, this, () => readRequest(readJson(body, 'the body')))
      await this.#send(answer!)
    } catch (error) {
      await this.#send(errorAnswer(this.#options, error, this))
    }
  }

  async #send({ status, contentType, text, headers: further }: Answer): Promise<void> {
    const { response, requestId, headers } = this
    const { connections, metrics, config } = this.#options
    const sent = ['content-type', contentType, 'x-request-id', requestId]
    let body: string | Buffer = text
    if (text.length >= config.COMPRESS_FROM_BYTES) {
      sent.push('vary', 'Accept-Encoding')
      const packed = await compressed(headers, text)
      if (packed) {
        body = packed.body
        sent.push('content-encoding', packed.encoding)
      }
    }
    sent.push('content-length', String(Buffer.byteLength(body)))
    if (further) sent.push(...Object.entries(further).flat())
    if (connections.isDraining) sent.push('connection', 'close')
    response.writeHead(status, sent).end(body)
    metrics.count('POST', status, (performance.now() - this.#beganAtMs) / 1000)
  }
}
