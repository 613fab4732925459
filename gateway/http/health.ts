// Whether the hub lives, and whether it should be sent work. `main.ts` and `hub.ts` say what has to be there.

import type { FastifyInstance } from 'fastify'

/** Looks at one thing that the hub needs: null when it is there, otherwise why not. Must answer within a second or two. */
export type Check = () => Promise<string | null> | string | null

export interface Readiness {
  /** Starts as `starting`; until `ready` and after `draining`, the hub is not ready whatever the checks say. */
  phase: 'starting' | 'ready' | 'draining'
  /** By name, as they appear in the answer. */
  readonly checks: Map<string, Check>
  /** What is shown beside, by name, whether it is ready or not; what cannot be had in time is left out. */
  readonly shown: Map<string, () => Promise<object>>
}

export const newReadiness = (): Readiness => ({
  phase: 'starting',
  checks: new Map(),
  shown: new Map(),
})

/** How long one check may take before it counts as failed. */
const checkMs = 2_000

/** `/livez` answers as long as the process does; `/readyz` says 503 and why while work should go elsewhere. */
export function healthRoutes(app: FastifyInstance, readiness: Readiness): void {
  app.get('/livez', (_request, reply) => reply.type('application/json').send('{"status":"alive"}'))

  app.get('/readyz', async (_request, reply) => {
    const { phase, checks } = readiness
    const reasons: Record<string, string> = {}
    if (phase !== 'ready') reasons.hub = phase
    else {
      await Promise.all(
        [...checks].map(async ([name, check]) => {
          const reason = await run(check)
          if (reason !== null) reasons[name] = reason
        }),
      )
    }
    const beside: Record<string, object> = {}
    await Promise.all(
      [...readiness.shown].map(async ([name, look]) => {
        const found = await inTime(look, null).catch(() => null)
        if (found) beside[name] = found
      }),
    )
    const isReady = Object.keys(reasons).length === 0
    return reply
      .code(isReady ? 200 : 503)
      .header('cache-control', 'no-store')
      .type('application/json')
      .send(
        JSON.stringify({ status: isReady ? 'ready' : 'not ready', ...(!isReady && { reasons }), ...beside }),
      )
  })
}

async function run(check: Check): Promise<string | null> {
  try {
    return await inTime(async () => check(), `no answer within ${checkMs} ms`)
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

/** What `look` gives, or `late` when that takes too long. */
async function inTime<Found, Late>(look: () => Promise<Found>, late: Late): Promise<Found | Late> {
  const timer = Promise.withResolvers<Late>()
  const timeout = setTimeout(() => timer.resolve(late), checkMs)
  try {
    return await Promise.race([look(), timer.promise])
  } finally {
    clearTimeout(timeout)
  }
}
