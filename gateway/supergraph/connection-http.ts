// Connects to a subgraph over HTTP: any Federation 2 server, for instance a partner's, or the processes of a
// subgraph of the hub.

import type { SubgraphConnection, SubgraphOperation, SubgraphResult } from './connection.ts'
import { SubgraphAddress, idlest, type Headers, type AddressOptions } from './address.ts'
import { groupEntities, type GroupKey } from './grouped-entities.ts'
import { openHttpStream, type EventMediaType } from './http-stream.ts'
import { readResponse, refusalIn } from './read-response.ts'
import { failedResult, type RemoteFailure } from './remote-failure.ts'
import { compileRepeatable } from './repeatable.ts'
import { openSocketStream, type Resumption } from './socket-stream.ts'
import { deadlineOf } from './waiting.ts'

export interface HttpConnectionOptions extends Partial<AddressOptions> {
  /** Returns additional headers for one request, from the context of the client's request. */
  readonly headers?: (context: unknown) => Headers | Promise<Headers>
  /**
   * The name of the input field that makes a mutation safe to repeat. A mutation without it is never sent
   * twice. Default: none.
   */
  readonly idempotencyKey?: string
  /**
   * How events are requested: as server-sent events, as `multipart/mixed` of the subscription specification
   * 1.0, or over a WebSocket by graphql-transport-ws at the same path. Default: `sse`.
   */
  readonly subscriptions?: EventMediaType | SocketSubscriptions
  /**
   * Sends the `_entities` calls of several requests with the same key as one, with the headers of one of
   * them. So the key must have what the headers and the subgraph's answer depend on. Default: each is sent
   * alone.
   */
  readonly groupEntitiesBy?: GroupKey
  /** Receives the address of a subgraph that is not called for a while, because it does not respond. */
  readonly onPause?: (subgraph: string, url: string) => void
}

export interface SocketSubscriptions {
  /** How a stream of the field `name` continues after its socket broke. Default: it ends with an error. */
  readonly resumption?: (name: string) => Resumption | null
  /** How long a stream waits for a subgraph that is down. Default: 30,000. */
  readonly waitMs?: number
}

export interface HttpConnection extends SubgraphConnection {
  /** Closes the sockets after their pending requests. */
  close(): Promise<void>
}

/** A request with everything that its attempts share. */
interface Call {
  readonly body: string
  readonly context: unknown
  readonly canRepeat: boolean
}

/**
 * Opens a connection that sends POST requests over persistent sockets, to the address in `urls` with the
 * fewest calls in flight. A call that was not received is sent to another address, and one whose response was
 * lost is sent again if that does no harm.
 *
 * A request also ends with the `deadline` of its context, which is sent as `x-deadline-ms`. A failure is a
 * result with the code SUBGRAPH_UNAVAILABLE or SUBGRAPH_RESPONSE_INVALID, and `subgraph`, `status` and
 * `reason`. Nothing is thrown.
 */
export function openHttpConnection(
  name: string,
  urls: string | readonly string[],
  options: HttpConnectionOptions = {},
): HttpConnection {
  const { headers = () => ({}), idempotencyKey = null, subscriptions = 'sse' } = options
  const addressOptions: AddressOptions = {
    connectionsMax: options.connectionsMax ?? 64,
    timeoutMs: options.timeoutMs ?? 10_000,
    bytesMax: options.bytesMax ?? 16 * 1024 * 1024,
    silentMs: options.silentMs ?? 1_000,
    connect: options.connect ?? null,
  }
  const addresses = [urls]
    .flat()
    .map((url) => new SubgraphAddress(url, addressOptions, () => options.onPause?.(name, url)))

  const send = async (call: Call): Promise<SubgraphResult> => {
    const given = headers(call.context)
    const all = { ...callHeaders, ...(given instanceof Promise ? await given : given) }
    return callAddresses(name, addresses, call, all)
  }

  return {
    name,
    prepare(document, operationName): SubgraphOperation {
      // Only the variables differ between calls.
      const nameMember =
        operationName === undefined ? '' : `"operationName":${JSON.stringify(operationName)},`
      const head = `{"query":${JSON.stringify(document)},${nameMember}"variables":`
      const canRepeat = compileRepeatable(document, idempotencyKey)
      const operation: SubgraphOperation = {
        endsByDeadline: true,
        execute: (variables, context) =>
          send({
            body: `${head}${JSON.stringify(variables)}}`,
            context,
            canRepeat: canRepeat(variables),
          }),
        async subscribe(variables, context) {
          const stream = { name, addresses, document, variables, bytesMax: addressOptions.bytesMax }
          const withHeaders = async () => headers(context)
          return typeof subscriptions === 'string'
            ? openHttpStream(subscriptions, { ...stream, headers: await withHeaders() })
            : openSocketStream({ ...stream, ...subscriptions, headers: withHeaders })
        },
      }
      return options.groupEntitiesBy ? groupEntities(operation, document, options.groupEntitiesBy) : operation
    },
    close: async () => void (await Promise.all(addresses.map((address) => address.close()))),
  }
}

const callHeaders: Headers = {
  'content-type': 'application/json',
  accept: 'application/graphql-response+json, application/json',
}

/** Sends a call to one address, or to several, until one has received it. */
async function callAddresses(
  name: string,
  addresses: readonly SubgraphAddress[],
  { body, context, canRepeat }: Call,
  headers: Headers,
): Promise<SubgraphResult> {
  const deadline = deadlineOf(context)
  const unreached = new Set<SubgraphAddress>()
  let failure: RemoteFailure | null = null
  let mayRepeat = canRepeat
  for (;;) {
    const address = idlest(addresses, unreached)
    if (!address || deadline?.isPast) {
      const reason = address ? 'TIMEOUT' : 'PAUSED'
      return failedResult(name, failure ?? { reason, status: null })
    }
    const reply = await address.send(body, headers, deadline)
    if ('reason' in reply) failure = reply
    else {
      failure = refusalIn(reply)
      if (!failure) return readResponse(name, reply.status, reply.text)
    }
    if (failure.reason === 'UNREACHABLE') unreached.add(address)
    else if (failure.reason === 'CUT_OFF' && mayRepeat) mayRepeat = false
    else return failedResult(name, failure)
  }
}
