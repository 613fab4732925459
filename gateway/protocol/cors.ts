// Decides which web pages may use the hub. Clients other than browsers send no Origin header, and are always
// allowed.

import type { FastifyInstance } from 'fastify'
import type { IncomingHttpHeaders } from 'node:http'

/** Which pages may call, from the settings. */
export interface AllowedOrigins {
  readonly origins: ReadonlySet<string>
  /** Further headers that their pages may send. */
  readonly headers: readonly string[]
  /** URL of the hub as its clients see it; undefined when it is the address of the request. */
  readonly publicUrl: string | undefined
}

/**
 * Null for a page that may open a WebSocket, else why it may not. A browser protects HTTP by itself, but
 * lets any page open a WebSocket; and in demo mode, where the keys are public, the key is no protection.
 *
 * A page is the hub's own when its origin is that of `publicUrl`, or its host is that of the request:
 * `Host`, or what a proxy forwards of it. No page can set these headers on a WebSocket, so they are
 * trusted.
 */
export function whyNotFromOrigin(headers: IncomingHttpHeaders, allowed: AllowedOrigins): string | null {
  const { origin } = headers
  if (origin === undefined || allowed.origins.has(origin)) return null
  const { publicUrl } = allowed
  if (publicUrl !== undefined && new URL(publicUrl).origin === origin) return null
  const hosts = hostsOf(headers)
  if (URL.canParse(origin) && hosts.includes(new URL(origin).host)) return null
  return `a page of ${origin.slice(0, 200)} may not open a WebSocket here: the hub is at ${hosts.join(' or ').slice(0, 200)}, and neither PUBLIC_URL nor ORIGINS names that origin`
}

/**
 * The hosts under which a client may have reached the hub: Host, X-Forwarded-Host, and Forwarded (RFC
 * 7239).
 */
function hostsOf({ host, ...headers }: IncomingHttpHeaders): string[] {
  const forwarded = String(headers['x-forwarded-host'] ?? '').split(',')
  const standard = [...(headers.forwarded ?? '').matchAll(/\bhost="?([^",;\s]+)/gi)].map(([, name]) => name!)
  return [host ?? '', ...forwarded, ...standard]
    .map((name) => name.trim().toLowerCase())
    .filter((name) => name !== '')
}

/** What clients of the ecosystem send beside a key: resumption, traces, and names for reports. */
const clientHeaders = [
  'accept',
  'apollo-require-preflight',
  'apollographql-client-name',
  'apollographql-client-version',
  'authorization',
  'baggage',
  'cache-control',
  'content-type',
  'graphql-client-name',
  'graphql-client-version',
  'last-event-id',
  'traceparent',
  'tracestate',
  'x-apollo-operation-id',
  'x-apollo-operation-name',
  'x-apollo-operation-type',
  'x-request-id',
  'x-requested-with',
]

/**
 * Lets pages of `origins` call over HTTP (Fetch Standard, "CORS protocol"), and answers OPTIONS. While
 * `origins` is empty, no page of another origin can call.
 */
export function originHeaders(app: FastifyInstance, { origins, headers }: AllowedOrigins): void {
  const allowedHeaders = [...clientHeaders, ...headers].join(', ')
  app.addHook('onRequest', (request, reply, done) => {
    const { origin } = request.headers
    if (origins.size > 0) reply.header('vary', 'Origin')
    const isAllowed = origin !== undefined && origins.has(origin)
    if (isAllowed) {
      reply
        .header('access-control-allow-origin', origin)
        .header(
          'access-control-expose-headers',
          'allow, repr-digest, retry-after, x-request-id, ratelimit-limit, ratelimit-remaining, ratelimit-reset',
        )
    }
    const isPreflight = request.headers['access-control-request-method'] !== undefined
    if (request.method !== 'OPTIONS' || !isAllowed || !isPreflight) return done()
    void reply
      .code(204)
      .header('access-control-allow-methods', 'GET, POST')
      .header('access-control-allow-headers', allowedHeaders)
      .header('access-control-max-age', '600')
      .send()
  })
}
