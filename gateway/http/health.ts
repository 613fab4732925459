// Health of the process for orchestrators: whether it is alive, and whether it should receive requests.

import type { FastifyInstance, FastifyRequest } from 'fastify'

/**
 * Checks one thing that the hub needs: null when it is there, otherwise the reason. Must
 * respond from memory, so that the response takes no time whatever is down.
 */
export type Check = () => string | null

export interface Readiness {
  /** In `starting` and `draining` the hub is not ready, whatever the checks give. */
  phase: 'starting' | 'ready' | 'draining'
  /** By their names in the response. */
  readonly checks: Map<string, Check>
  /** Further members of the response, by name. */
  readonly details: Map<string, () => object>
}

export const createReadiness = (): Readiness => ({
  phase: 'starting',
  checks: new Map(),
  details: new Map(),
})

/**
 * `/livez` responds while the process is alive. `/readyz` responds 503 while the hub is not ready. The
 * reasons and details are for callers that `mayReadDetails` lets: positions of the log reveal how much is
 * paid.
 */
export function healthRoutes(
  app: FastifyInstance,
  readiness: Readiness,
  mayReadDetails: (request: FastifyRequest) => boolean | Promise<boolean>,
): void {
  app.get('/livez', (_request, reply) => reply.type('application/json').send('{"status":"alive"}'))

  app.get('/readyz', async (request, reply) => {
    const reasons = reasonsOf(readiness)
    const details = Object.fromEntries([...readiness.details].map(([name, read]) => [name, read()]))
    const isReady = Object.keys(reasons).length === 0
    const status = isReady ? 'ready' : 'not ready'
    const isDetailed = await mayReadDetails(request)
    const body = isDetailed ? { status, ...(!isReady && { reasons }), ...details } : { status }
    return reply
      .code(isReady ? 200 : 503)
      .header('cache-control', 'no-store')
      .type('application/json')
      .send(JSON.stringify(body))
  })
}

/** Why the hub is not ready, by the name of the check; empty when it is. */
function reasonsOf({ phase, checks }: Readiness): Record<string, string> {
  if (phase !== 'ready') return { hub: phase }
  return Object.fromEntries(
    [...checks].flatMap(([name, check]) => {
      const reason = check()
      return reason === null ? [] : [[name, reason]]
    }),
  )
}
