// Connects to subgraphs in processes of their own: signs each call for its viewer.

import type { FastifyBaseLogger } from 'fastify'
import { request } from 'undici'
import { startLogReader } from '../../subgraphs/log/reader.ts'
import { OutageError } from '../../subgraphs/platform/async/outage.ts'
import { tracing } from '../../subgraphs/platform/tracing.ts'
import type { SubgraphName } from '../../subgraphs/shared/subgraph.ts'
import type { RequestContext, Viewer } from '../../subgraphs/shared/viewer.ts'
import type { OpenFile } from '../../subgraphs/transaction/index.ts'
import { secretBox, subgraphUrls, type Config } from '../config/config.ts'
import type { ForwardedAnswer, ForwardedRequest } from '../http/exchange.ts'
import { createCallTokens, type CallTokens } from '../identity/call-token.ts'
import { sharedSecret } from '../identity/secret.ts'
import { resumptionOf } from '../live/group-key.ts'
import { HttpError } from '../protocol/http-error.ts'
import { openHttpConnection, type HttpConnection, type SubgraphConnection } from '../supergraph/index.ts'
import { closeLater, type Foundation } from './foundation.ts'
import type { ConnectedSubgraphs } from './subgraphs.ts'

/** The tokens of calls between processes over one database. */
export async function openCallTokens({
  config,
  db,
  now,
}: Pick<Foundation, 'config' | 'db' | 'now'>): Promise<CallTokens> {
  return createCallTokens(config.CALL_SECRETS ?? [await sharedSecret(db, 'calls', secretBox(config))], now)
}

/** Connects to the processes of one subgraph. */
export function connectToProcesses(
  name: SubgraphName,
  config: Config,
  tokens: CallTokens,
  logger: Pick<FastifyBaseLogger, 'warn'>,
): HttpConnection {
  const urls = subgraphUrls(config)
    .get(name)!
    .map((url) => `${url}/graphql`)
  const headersOf = (authorization: string, requestId: string) => ({
    authorization,
    'x-request-id': requestId,
    ...tracing?.headers(),
  })
  return openHttpConnection(name, urls, {
    headers(context) {
      const { viewer, requestId } = context as RequestContext
      const signed = tokens.sign(viewer)
      return typeof signed === 'string'
        ? headersOf(signed, requestId)
        : signed.then((header) => headersOf(header, requestId))
    },
    idempotencyKey: 'idempotencyKey',
    subscriptions: { resumption: resumptionOf },
    onPause: (subgraph, url) =>
      logger.warn({ subgraph, url }, 'a subgraph does not respond: its process is not called for a while'),
  })
}

/**
 * Connects to the processes of all subgraphs. `refresh` resolves when this gateway serves what the operator
 * has joined.
 */
export async function connectSubgraphs(
  foundation: Foundation,
  refresh: () => Promise<void>,
): Promise<ConnectedSubgraphs> {
  const { config, db, logger, telemetry, started } = foundation
  const tokens = await openCallTokens(foundation)
  const connections = [...subgraphUrls(config).keys()].map((name) =>
    closeLater(started, connectToProcesses(name, config, tokens, logger)),
  )
  const logReader = closeLater(started, await startLogReader({ db, logger }))
  return {
    subgraphs: new Map(
      connections.map((connection) => [connection.name, refreshing(telemetry.observe(connection), refresh)]),
    ),
    exchange: (context, forwarded) =>
      forward(subgraphUrls(config).get(forwarded.owner)!, tokens, context, forwarded),
    openSettlementFile: (viewer, name) => openRemoteFile(config.TRANSACTION_URLS, tokens, viewer, name),
    logReader,
  }
}

/**
 * Answers a mutation that joins a subgraph, or takes one out, when this gateway serves the next graph: the
 * process that runs the mutation only stores it.
 */
const refreshing = (connection: SubgraphConnection, refresh: () => Promise<void>): SubgraphConnection => ({
  name: connection.name,
  prepare(document, operationName) {
    const operation = connection.prepare(document, operationName)
    if (!/\b(?:joinSubgraph|leaveSubgraph)\b/.test(document)) return operation
    return {
      async execute(variables, context) {
        const result = await operation.execute(variables, context)
        await refresh()
        return result
      },
      subscribe: (variables, context) => operation.subscribe(variables, context),
    }
  },
})

/** Sends a request for files to the first of `urls` that takes it. What has begun to arrive is not repeated. */
async function forward(
  urls: readonly string[],
  tokens: CallTokens,
  { viewer, requestId }: RequestContext,
  { owner, method, path, headers: sent, body }: ForwardedRequest,
): Promise<ForwardedAnswer> {
  const authorization = await tokens.sign(viewer)
  const headers = { ...sent, authorization, 'x-request-id': requestId, ...tracing?.headers() }
  let failure: unknown
  for (const url of urls) {
    try {
      // An answer may come before all of the body is read: leaving the body keeps the connection of the client.
      const content = body ? body.iterator({ destroyOnReturn: false }) : null
      const response = await request(`${url}${path}`, { method, headers, body: content as never })
      if (response.statusCode !== 401)
        return { status: response.statusCode, headers: response.headers, content: response.body }
      await response.body.dump()
    } catch (error) {
      if (error instanceof HttpError) throw error
      failure = error
    }
    if (body?.readableDidRead) break
  }
  throw new OutageError(`no process of the ${owner} subgraph has taken the request`, { cause: failure })
}

/** Opens a settlement file at the first process of the transaction subgraph that responds. */
async function openRemoteFile(
  urls: readonly string[],
  tokens: CallTokens,
  viewer: Viewer,
  name: string,
): Promise<OpenFile | null> {
  const headers = { authorization: await tokens.sign(viewer) }
  for (const url of urls) {
    const response = await request(`${url}/settlement/${encodeURIComponent(name)}`, { headers }).catch(
      () => null,
    )
    if (response?.statusCode === 200) return fileOf(name, response)
    await response?.body.dump()
    if (response?.statusCode === 404) return null
  }
  throw new OutageError('no process of the transaction subgraph has sent the settlement file')
}

function fileOf(name: string, { headers, body }: Awaited<ReturnType<typeof request>>): OpenFile {
  return {
    name,
    type: String(headers['content-type']),
    sha256: String(headers['etag']).slice(1, -1),
    bytes: Number(headers['content-length']),
    content: body,
  }
}
