// Refusals that the web server itself makes, before or beside the routes, in the shape of all others:
// malformed HTTP, headers that are too large, methods that an address does not take, addresses that are not
// there.

import type { FastifyInstance, FastifyServerOptions } from 'fastify'
import { STATUS_CODES, type IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { HttpError, httpErrorText, sendHttpError } from '../protocol/http-error.ts'
import { isLongRequest } from './exchange.ts'
import { httpErrorOf } from './graphql.ts'

/** How long a client that was refused may take to close its end. */
const lingerMs = 1_000

/** Answers on a connection that no route has, and closes it. */
export function refuseStream(stream: Duplex, error: HttpError): void {
  // The web server has left the connection: without a listener, a reset by the client would end the process.
  stream.on('error', () => stream.destroy())
  if (!stream.writable) return void stream.destroy()
  const body = httpErrorText(error)
  const head = [
    `HTTP/1.1 ${error.status} ${STATUS_CODES[error.status]}`,
    'Connection: close',
    'Content-Type: application/json',
    `Content-Length: ${Buffer.byteLength(body)}`,
    ...(error.code === 'UPGRADE_REQUIRED' ? ['Upgrade: websocket', 'Sec-WebSocket-Version: 13'] : []),
  ]
  stream.end(`${head.join('\r\n')}\r\n\r\n${body}`)
  // Else the end of the client would not be read.
  stream.resume()
  const lingering = setTimeout(() => stream.destroy(), lingerMs)
  stream.once('close', () => clearTimeout(lingering))
}

/** By the code of Node; any other error is a request that is not HTTP. */
const codeOfClientError: Readonly<Record<string, 'HEADERS_TOO_LARGE' | 'REQUEST_TIMEOUT'>> = {
  HPE_HEADER_OVERFLOW: 'HEADERS_TOO_LARGE',
  ERR_HTTP_REQUEST_TIMEOUT: 'REQUEST_TIMEOUT',
}

/** Options of the web server. */
export const webServerRefusals = {
  http: {
    // Node would answer without a body.
    requireHostHeader: false,
    // A client that offers another protocol, as Java's does with HTTP/2, continues in HTTP/1.1.
    shouldUpgradeCallback: ({ headers }: IncomingMessage) => headers.upgrade?.toLowerCase() === 'websocket',
  },
  clientErrorHandler({ code, message }, socket) {
    // A handshake has failed: there is no HTTP yet to answer in.
    if (code === 'ECONNRESET' || /^ERR_(SSL|TLS)_/.test(code)) return void socket.destroy()
    if (code === 'ERR_HTTP_REQUEST_TIMEOUT' && isLongRequest(socket)) return
    const known = codeOfClientError[code]
    refuseStream(
      socket,
      known ? new HttpError(known) : new HttpError('BAD_REQUEST', `the request is not HTTP: ${message}`),
    )
  },
  frameworkErrors: (error, _request, reply) => void sendHttpError(reply, httpErrorOf(error)),
} satisfies FastifyServerOptions & { readonly http: object }

/** Refuses what Node passes to no route. */
export function refuseByItself(app: FastifyInstance): void {
  app.server.on('connect', (_request, stream) => refuseStream(stream, new HttpError('METHOD_NOT_ALLOWED')))
  app.server.on('checkExpectation', (_request, response) => {
    const error = new HttpError('EXPECTATION_FAILED')
    const text = httpErrorText(error)
    response.writeHead(error.status, {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(text),
    })
    response.end(text)
  })
  app.addHook('onRequest', (request, reply, done) => {
    const { host } = request.raw.headers
    if (host !== undefined || request.raw.httpVersion !== '1.1') return done()
    void sendHttpError(reply, new HttpError('BAD_REQUEST', 'a request of HTTP/1.1 has a Host header'))
  })
}

/** Refuses methods that an address does not take, and addresses that are not there; answers OPTIONS. */
export function refuseUnknown(app: FastifyInstance): void {
  const readable: RegExp[] = []
  app.addHook('onRoute', ({ url, method }) => {
    if (method === 'GET') readable.push(patternOf(url))
  })
  app.setNotFoundHandler((request, reply) => {
    const [path = ''] = request.url.split('?', 1)
    // A route below a star, such as that of files, finds nothing by itself.
    if (request.method === 'GET' || !readable.some((pattern) => pattern.test(path)))
      return sendHttpError(reply, new HttpError('NOT_FOUND'))
    reply.header('allow', path === '/graphql' ? 'GET, POST, OPTIONS' : 'GET, OPTIONS')
    if (request.method === 'OPTIONS') return reply.code(204).send()
    const message = path === '/graphql' ? undefined : 'This address takes GET.'
    return sendHttpError(reply, new HttpError('METHOD_NOT_ALLOWED', message))
  })
}

/** A pattern for the paths of a route: a parameter is one segment, a star is any rest. */
const patternOf = (url: string): RegExp =>
  new RegExp(`^${RegExp.escape(url).replaceAll(/:\w+/g, '[^/]+').replaceAll('\\*', '.*')}$`)

/** `url` without the path `base` at its beginning. */
export function withoutBase(url: string, base: string): string {
  if (base === '' || !url.startsWith(base)) return url
  const rest = url.slice(base.length)
  return rest === '' ? '/' : rest.startsWith('/') ? rest : rest.startsWith('?') ? `/${rest}` : url
}
