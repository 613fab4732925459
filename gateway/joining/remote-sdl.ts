// Connects to subgraphs of others, and fetches their SDL: only at addresses that the hub may call.

import type { Refusal } from '../../schema/values/problems.ts'
import { isRefusal, refuse } from '../../schema/values/problems.ts'
import { tracing } from '../../subgraphs/platform/tracing.ts'
import { readCallbackUrl } from '../../subgraphs/shared/callback-url.ts'
import { checkedConnector } from '../../subgraphs/shared/checked-connector.ts'
import type { Reach } from '../../subgraphs/shared/reachable-address.ts'
import { openHttpConnection, type HttpConnection } from '../supergraph/index.ts'

export interface Endpoint {
  readonly name: string
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
}

const timeoutMs = 10_000
const sdlBytesMax = 2_000_000

/**
 * Sends the headers of the configuration, and the ids of a trace: neither the key of the caller nor anything
 * else of it.
 */
export const connectWithin = (reach: Reach, { name, url, headers }: Endpoint): HttpConnection =>
  openHttpConnection(name, url, {
    headers: () => (tracing ? { ...headers, ...tracing.headers() } : headers),
    connect: checkedConnector(reach, timeoutMs),
    timeoutMs,
  })

/**
 * The SDL that a subgraph gives for `_service`. Refuses with ADDRESS_NOT_ALLOWED or BAD_VALUE for its URL,
 * and with SUBGRAPH_UNREACHABLE when it gives none.
 */
export async function fetchSdl(
  reach: Reach,
  endpoint: Endpoint,
  path: readonly string[],
): Promise<string | Refusal> {
  const url = readCallbackUrl(endpoint.url, reach, path)
  if (isRefusal(url)) return url
  const { name, headers } = endpoint
  const connection = openHttpConnection(name, url, {
    headers: () => headers,
    connect: checkedConnector(reach, timeoutMs),
    timeoutMs,
    bytesMax: sdlBytesMax,
    connectionsMax: 1,
  })
  try {
    const { data, errors } = await connection.prepare('{ _service { sdl } }').execute({}, {})
    const sdl = (data?.['_service'] as { sdl?: unknown } | null | undefined)?.sdl
    if (typeof sdl === 'string' && sdl.trim() !== '') return sdl
    const reason = errors?.[0]?.message ?? 'it returned no text for _service { sdl }'
    return refuse('SUBGRAPH_UNREACHABLE', `${url} gave no SDL: ${reason}`, path)
  } finally {
    await connection.close()
  }
}
