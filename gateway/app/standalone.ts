// `node gateway/main.ts gateway --supergraph FILE`: serves a composed supergraph at the URLs that it names,
// without a database and without the subgraphs of the hub.

import type { FastifyBaseLogger } from 'fastify'
import { tracing } from '../../subgraphs/platform/tracing.ts'
import type { RequestContext, Viewer } from '../../subgraphs/shared/viewer.ts'
import { documentOptions, loopLimits, tokenIssuer, type Config } from '../config/config.ts'
import { openAdmission } from '../http/admission.ts'
import { createReadiness } from '../http/health.ts'
import { passErrors } from '../http/mask-errors.ts'
import { startServer } from '../http/server.ts'
import { createTokens } from '../identity/token.ts'
import { createCallerLimits } from '../identity/caller-limits.ts'
import { openBudgets } from '../identity/shared-budgets.ts'
import { engineObserver } from '../telemetry/spans.ts'
import { createTelemetry } from '../telemetry/telemetry.ts'
import { createIdentity } from '../identity/without-database.ts'
import { openSupergraphFile, type SupergraphFile } from './supergraph-file.ts'
import { openTracing } from './tracing.ts'

export interface Standalone {
  /** For instance "http://127.0.0.1:4000". */
  readonly url: string
  /** Accepts no more requests, finishes what runs, and closes everything. */
  close(): Promise<void>
}

/** Throws SupergraphFileError, or the error of the web server, when the gateway cannot start. */
export async function startStandalone(
  file: string,
  config: Config,
  logger: FastifyBaseLogger,
): Promise<Standalone> {
  const traces = await openTracing(config, 'gateway', logger)
  const readiness = createReadiness()
  const issuer = tokenIssuer(config)
  const isOpen = config.API_KEYS.size === 0 && !issuer
  const telemetry = createTelemetry()
  const supergraphFile = await openSupergraphFile({
    file,
    headersFor: (subgraph, context) => forwardedHeaders(config, subgraph, context as RequestContext),
    observe: telemetry.observe,
    timeoutMs: config.REQUEST_TIMEOUT_MS,
    engine: {
      ...documentOptions(config),
      present: passErrors(logger),
      accessOf: (context) => {
        const { key, scopes } = (context as RequestContext).viewer
        return { isAuthenticated: key !== '', scopes }
      },
      observer: engineObserver(),
      report: (error) => logger.error({ err: error }, 'an operation cannot be planned'),
    },
    logger,
  })
  const server = await startServer({ config, readiness, logger, telemetry, isStandalone: true }).catch(
    async (error: unknown) => {
      await supergraphFile.close()
      throw error
    },
  )
  const tokens = issuer && createTokens(issuer, () => new Date(), { keepsAllScopes: true })
  const identity = createIdentity({ keys: config.API_KEYS, tokens, keptHeaders: namesIn(config) })
  const metrics = { mongo: null, log: null, mayRead: (viewer: Viewer | null) => isOpen || viewer !== null }
  const { supergraph } = supergraphFile
  const budgets = await openBudgets({ db: null, logger })
  const perMinute = config.COST_PER_MINUTE ?? null
  // A gateway may need no keys, so an address is as good a caller as a participant.
  const limits = createCallerLimits(budgets, {
    participantPerMinute: perMinute,
    keyPerMinute: null,
    unknownPerMinute: perMinute,
    ...loopLimits(config),
  })
  const admission = await openAdmission(config, supergraph, limits, logger)
  server.open({ supergraph, admission, identity, metrics })
  readiness.details.set('supergraph', () => ({ file, ...healthOf(supergraphFile) }))
  readiness.phase = 'ready'
  return {
    url: server.url,
    async close() {
      readiness.phase = 'draining'
      await server.close(Math.min(closeSpreadMs, server.sockets))
      await supergraphFile.close()
      await budgets.close()
      await traces.close()
    },
  }
}

/** The closing of WebSockets and event streams is spread over at most this long, and 1 ms for each. */
const closeSpreadMs = 3_000

const healthOf = ({ flaw }: SupergraphFile): object =>
  flaw === null ? { isCurrent: true } : { isCurrent: false, code: flaw }

/** Names of the headers that are forwarded to any subgraph. */
const namesIn = ({ FORWARD_HEADERS }: Config): ReadonlySet<string> =>
  new Set(FORWARD_HEADERS.map(({ name }) => name))

/** The headers of the client’s request that `subgraph` receives, the request id, and those of a trace. */
function forwardedHeaders(
  { FORWARD_HEADERS }: Config,
  subgraph: string,
  { viewer, requestId }: RequestContext,
): Record<string, string> {
  const headers: Record<string, string> = { 'x-request-id': requestId }
  for (const { name, only } of FORWARD_HEADERS) {
    const value = viewer.headers?.[name]
    if (value !== undefined && (only === null || only === subgraph)) headers[name] = value
  }
  return tracing ? { ...headers, ...tracing.headers() } : headers
}
