// Whether the hub lives, and whether it should be sent work. `main.ts` and `hub.ts` say what has to be there.

import type { FastifyInstance } from 'fastify'

/** Looks at one thing that the hub needs: null when it is there, otherwise why not. Must answer within a second or two. */
export type Check = () => Promise<string | null> | string | null

export interface Readiness {
  /** Starts as `starting`; until `ready` and after `draining`, the hub is not ready whatever the checks say. */
  phase: 'starting' | 'ready' | 'draining'
  /** By name, as they appear in the answer. */
  readonly checks: Map<string, Check>
}

export const newReadiness = (): Readiness => ({ phase: 'starting', checks: new Map() })

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
    const isReady = Object.keys(reasons).length === 0
    return reply
      .code(isReady ? 200 : 503)
      .header('cache-control', 'no-store')
      .type('application/json')
      .send(JSON.stringify({ status: isReady ? 'ready' : 'not ready', ...(!isReady && { reasons }) }))
  })
}

async function run(check: Check): Promise<string | null> {
  const late = AbortSignal.timeout(checkMs)
  const lateness = new Promise<string>((resolve) => {
    late.addEventListener('abort', () => resolve(`no answer within ${checkMs} ms`))
  })
  try {
    return await Promise.race([check(), lateness])
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}
