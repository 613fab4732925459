// Connects to subgraphs in processes of their own: signs each call for its viewer.

import type { FastifyBaseLogger } from 'fastify'
import type { IncomingMessage } from 'node:http'
import { PassThrough, Readable } from 'node:stream'
import { request } from 'undici'
import { startLogReader } from '../../subgraphs/log/reader.ts'
import { OutageError } from '../../subgraphs/platform/async/outage.ts'
import { tracing } from '../../subgraphs/platform/tracing.ts'
import type { SubgraphName } from '../../subgraphs/shared/subgraph.ts'
import type { RequestContext, Viewer } from '../../subgraphs/shared/viewer.ts'
import type { OpenFile } from '../../subgraphs/transaction/index.ts'
import { secretBox, subgraphUrls, type Config } from '../config/config.ts'
import type { Forward, ForwardedRequest } from '../http/exchange.ts'
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
    exchange: createForward((owner) => subgraphUrls(config).get(owner)!, tokens),
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

/** Passes requests for files on to processes of subgraphs, signed for their viewers. */
export const createForward =
  (urlsOf: (owner: ForwardedRequest['owner']) => readonly string[], tokens: CallTokens): Forward =>
  async ({ viewer, requestId }, { owner, method, path, headers: sent, body }) => {
    const url = await readyAddress(owner, urlsOf(owner))
    const authorization = await tokens.sign(viewer)
    const headers = { ...sent, authorization, 'x-request-id': requestId, ...tracing?.headers() }
    const passed = body && passOn(body)
    try {
      const response = await request(`${url}${path}`, { method, headers, body: passed })
      const { statusCode: status, headers: received } = response
      if (status === 401) throw new OutageError(`a process of the ${owner} subgraph refuses the hub`)
      // The answer to an import is short, and may come before all of the body has been read.
      const content = passed ? Readable.from([await response.body.text()]) : response.body
      return { status, headers: received, content }
    } catch (cause) {
      if (cause instanceof HttpError || cause instanceof OutageError) throw cause
      throw new OutageError(`a process of the ${owner} subgraph has not answered`, { cause })
    } finally {
      if (passed) body.unpipe(passed)
      passed?.destroy()
    }
  }

/** Of the first process that accepts calls: a body that is sent in vain cannot be sent again. */
async function readyAddress(owner: string, urls: readonly string[]): Promise<string> {
  for (const url of urls) {
    const response = await request(`${url}/readyz`).catch(() => null)
    await response?.body.dump()
    if (response?.statusCode === 200) return url
  }
  throw new OutageError(`no process of the ${owner} subgraph is ready`)
}

/** A copy of a body that can be left: the connection of the client stays, for the answer. */
function passOn(body: IncomingMessage): PassThrough {
  const passed = body.pipe(new PassThrough())
  body.once('error', (error) => passed.destroy(error))
  return passed.on('error', () => {})
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
