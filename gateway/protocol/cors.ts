// Which web pages may use the hub. Programs that are no browsers send no Origin and are not concerned.

import type { IncomingHttpHeaders } from 'node:http'
import type { FastifyInstance } from 'fastify'

/**
 * True unless a page of another origin asks. A browser guards HTTP by itself, but lets any page open a WebSocket; and
 * where demo keys work, a key keeps nobody out.
 */
export function isFromAllowedOrigin(
  { origin, host }: IncomingHttpHeaders,
  origins: ReadonlySet<string>,
): boolean {
  if (origin === undefined) return true
  return origins.has(origin) || (URL.canParse(origin) && new URL(origin).host === host)
}

/** Lets pages of `origins` call over HTTP (Fetch Standard, "CORS protocol"). Without any, no page elsewhere can. */
export function originHeaders(app: FastifyInstance, origins: ReadonlySet<string>): void {
  if (origins.size === 0) return
  app.addHook('onRequest', (request, reply, done) => {
    const { origin } = request.headers
    reply.header('vary', 'Origin')
    if (origin !== undefined && origins.has(origin)) {
      reply
        .header('access-control-allow-origin', origin)
        .header('access-control-expose-headers', 'x-request-id')
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
