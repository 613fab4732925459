// Decides which web pages may use the hub. Clients other than browsers send no Origin header, and are always
// allowed.

import type { FastifyInstance } from 'fastify'
import type { IncomingHttpHeaders } from 'node:http'

/**
 * False for a web page of another origin that `origins` does not contain. A browser protects HTTP by itself,
 * but lets any page open a WebSocket; and in demo mode, where the keys are public, the key is no protection.
 */
export function isFromAllowedOrigin(
  { origin, host }: IncomingHttpHeaders,
  origins: ReadonlySet<string>,
): boolean {
  if (origin === undefined) return true
  return origins.has(origin) || (URL.canParse(origin) && new URL(origin).host === host)
}

/**
 * Lets pages of `origins` call over HTTP (Fetch Standard, "CORS protocol"). While it is empty, no page of
 * another origin can.
 */
export function originHeaders(app: FastifyInstance, origins: ReadonlySet<string>): void {
  if (origins.size === 0) return
  app.addHook('onRequest', (request, reply, done) => {
    const { origin } = request.headers
    reply.header('vary', 'Origin')
    if (origin !== undefined && origins.has(origin)) {
      reply
        .header('access-control-allow-origin', origin)
        .header(
          'access-control-expose-headers',
          'x-request-id, retry-after, ratelimit-limit, ratelimit-remaining, ratelimit-reset',
        )
    }
    done()
  })
  app.options('/graphql', (_request, reply) =>
    reply
      .code(204)
      .header('access-control-allow-methods', 'GET, POST')
      .header('access-control-allow-headers', 'accept, authorization, content-type, x-request-id')
      .header('access-control-max-age', '600')
      .send(),
  )
}
