// Health of the process for orchestrators: whether it is alive, and whether it should receive requests.

import type { FastifyInstance } from 'fastify'

/**
 * Checks one thing that the hub needs: null when it is there, otherwise the reason. Must respond within two
 * seconds.
 */
export type Check = () => Promise<string | null> | string | null

export interface Readiness {
  /** In `starting` and `draining` the hub is not ready, whatever the checks give. */
  phase: 'starting' | 'ready' | 'draining'
  /** By their names in the response. */
  readonly checks: Map<string, Check>
  /**
   * Further members of the response, by name. One that fails or takes longer than two seconds is left out.
   */
  readonly details: Map<string, () => Promise<object>>
}

export const createReadiness = (): Readiness => ({
  phase: 'starting',
  checks: new Map(),
  details: new Map(),
})

/** How long one check may take before it counts as failed. */
const checkMs = 2_000

/**
 * `/livez` responds while the process is alive. `/readyz` responds 503 with the reasons while the hub is not
 * ready.
 */
export function healthRoutes(app: FastifyInstance, readiness: Readiness): void {
  app.get('/livez', (_request, reply) => reply.type('application/json').send('{"status":"alive"}'))

  app.get('/readyz', async (_request, reply) => {
    const reasons = await reasonsOf(readiness)
    const details = await detailsOf(readiness)
    const isReady = Object.keys(reasons).length === 0
    return reply
      .code(isReady ? 200 : 503)
      .header('cache-control', 'no-store')
      .type('application/json')
      .send(
        JSON.stringify({ status: isReady ? 'ready' : 'not ready', ...(!isReady && { reasons }), ...details }),
      )
  })
}

/** Why the hub is not ready, by the name of the check; empty when it is. */
async function reasonsOf({ phase, checks }: Readiness): Promise<Record<string, string>> {
  if (phase !== 'ready') return { hub: phase }
  const reasons: Record<string, string> = {}
  await Promise.all(
    [...checks].map(async ([name, check]) => {
      const reason = await run(check)
      if (reason !== null) reasons[name] = reason
    }),
  )
  return reasons
}

async function detailsOf({ details }: Readiness): Promise<Record<string, object>> {
  const found: Record<string, object> = {}
  await Promise.all(
    [...details].map(async ([name, read]) => {
      const detail = await inTime(read, null).catch(() => null)
      if (detail) found[name] = detail
    }),
  )
  return found
}

async function run(check: Check): Promise<string | null> {
  try {
    return await inTime(async () => check(), `no answer within ${checkMs} ms`)
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

/** The result of `read`, or `late` when it takes longer than `checkMs`. */
async function inTime<Found, Late>(read: () => Promise<Found>, late: Late): Promise<Found | Late> {
  const timer = Promise.withResolvers<Late>()
  const timeout = setTimeout(() => timer.resolve(late), checkMs)
  try {
    return await Promise.race([read(), timer.promise])
  } finally {
    clearTimeout(timeout)
  }
}
