// Streams of events of a subgraph in a process of its own, by graphql-transport-ws.
//
// Mercurius has subscriptions, and its messages have no place for the position of an event, or for a position
// without an event. With them, the hub continues a broken stream where it ended.

import {
  createSourceEventStream,
  execute,
  getOperationAST,
  GraphQLError,
  parse,
  validate,
  type ExecutionArgs,
  type FormattedExecutionResult,
  type GraphQLFormattedError,
} from 'graphql'
import { GRAPHQL_TRANSPORT_WS_PROTOCOL, handleProtocols, makeServer, type SubscribePayload } from 'graphql-ws'
import { randomUUID } from 'node:crypto'
import type { IncomingHttpHeaders, IncomingMessage, Server } from 'node:http'
import type { Duplex } from 'node:stream'
import { WebSocketServer, type RawData, type WebSocket } from 'ws'
import { mapStream } from '../../subgraphs/platform/async/map-stream.ts'
import type { Positioned, ResumableStream } from '../../subgraphs/platform/async/resumable-stream.ts'
import { pacedRetry } from '../../subgraphs/platform/async/retry.ts'
import { isOutage } from '../../subgraphs/platform/mongo/errors.ts'
import { tracing } from '../../subgraphs/platform/tracing.ts'
import type { Subgraph } from '../../subgraphs/shared/subgraph.ts'
import type { RequestContext, Viewer } from '../../subgraphs/shared/viewer.ts'
import type { CallTokens } from '../identity/call-token.ts'
import { HttpError, httpErrorText } from '../protocol/http-error.ts'
import { withInputCodes } from '../supergraph/connection-in-process.ts'
import type { SubgraphError } from '../supergraph/connection.ts'
import type { PresentError } from '../supergraph/failures.ts'
import type { StreamExtensions } from '../supergraph/socket-stream.ts'
import { traceOperation } from '../telemetry/spans.ts'

export interface SubgraphStreamsOptions {
  readonly server: Server
  readonly subgraph: Subgraph
  readonly tokens: CallTokens
  readonly present: PresentError
}

/** Events that are resolved at once for one stream. */
const prefetch = 16
/** How long an event waits for MongoDB before it is sent with its errors. */
const outageMaxMs = 30_000
const pingMs = 30_000
/** RFC 6455's registry: 1012, "Service Restart". */
const serviceRestart = 1012

interface Extra {
  readonly viewer: Viewer
  /** Of the upgrade request; they may have a `traceparent`. */
  readonly headers: IncomingHttpHeaders
}

export interface SubgraphStreams {
  /** Sockets that are open now. */
  readonly size: number
  /** Bytes buffered for the hubs. */
  readonly bufferedBytes: number
  close(): Promise<void>
}

/** Accepts WebSockets at /graphql that have a token of the hub in the `Authorization` header. */
export function openSubgraphStreams(options: SubgraphStreamsOptions): SubgraphStreams {
  const { server, tokens } = options
  const protocol = protocolServer(options)
  const sockets = new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    maxPayload: 1_000_000,
    handleProtocols: (offered) => handleProtocols(offered),
  })
  const alive = new WeakSet<WebSocket>()

  const upgrade = async (request: IncomingMessage, stream: Duplex, head: Buffer): Promise<void> => {
    const viewer = await tokens.find(request.headers.authorization)
    if (!viewer) return refuse(stream)
    sockets.handleUpgrade(request, stream, head, (socket) => {
      alive.add(socket)
      socket.on('pong', () => alive.add(socket))
      // The socket closes after its error.
      socket.on('error', () => {})
      const closed = protocol.opened(
        {
          protocol: socket.protocol === '' ? 'none' : GRAPHQL_TRANSPORT_WS_PROTOCOL,
          send: (text) => sent(socket, text),
          close: (code, reason) => socket.close(code, reason),
          onMessage: (take) =>
            void socket.on('message', (data: RawData) => {
              take((data as Buffer).toString()).catch(() => socket.close(1011))
            }),
        },
        { viewer, headers: request.headers },
      )
      socket.once('close', (code, reason) => void closed(code, reason.toString()))
    })
  }
  const onUpgrade = (request: IncomingMessage, stream: Duplex, head: Buffer): void => {
    upgrade(request, stream, head).catch(() => stream.destroy())
  }
  server.on('upgrade', onUpgrade)
  const pinging = setInterval(() => {
    for (const socket of sockets.clients) {
      if (!alive.delete(socket)) socket.terminate()
      else socket.ping()
    }
  }, pingMs).unref()

  return {
    get size() {
      return sockets.clients.size
    },
    get bufferedBytes() {
      return [...sockets.clients].reduce((sum, { bufferedAmount }) => sum + bufferedAmount, 0)
    },
    async close() {
      server.off('upgrade', onUpgrade)
      server.on('upgrade', (_request, stream) => stream.destroy())
      clearInterval(pinging)
      for (const socket of sockets.clients) socket.close(serviceRestart, 'The subgraph restarts')
      const closed = new Promise<void>((resolve) => sockets.close(() => resolve()))
      setTimeout(() => sockets.clients.forEach((socket) => socket.terminate()), 500).unref()
      await closed
    },
  }
}

function protocolServer({ subgraph, present }: SubgraphStreamsOptions) {
  const { name, app } = subgraph
  const { schema } = app.graphql
  const presented = (error: SubgraphError, context: unknown): GraphQLFormattedError => ({
    ...present(error, name, context),
    ...(error.path && { path: error.path }),
  })
  return makeServer<Record<string, unknown>, Extra>({
    connectionInitWaitTimeout: 3_000,
    onSubscribe: ({ extra: { viewer, headers } }, _id, payload) => {
      const context: RequestContext = { viewer, requestId: randomUUID() }
      const args = argumentsOf(schema, payload, context)
      return 'schema' in args ? { ...args, headers } : args
    },
    subscribe: (args) => {
      const open = () => subscribeTo(args, presented)
      if (!tracing) return open() as never
      const { headers } = args as TracedArgs
      return traceOperation(tracing, headers, (ended) => open().finally(ended)) as never
    },
    // The results have been formatted.
    onNext: (_ctx, _id, _payload, _args, result) => result,
    onError: (_ctx, _id, _payload, errors) =>
      errors.map((error) => presented(error, { requestId: randomUUID() })) as never,
  })
}

type TracedArgs = ExecutionArgs & Pick<Extra, 'headers'>

function argumentsOf(
  schema: ExecutionArgs['schema'],
  { query, variables, operationName }: SubscribePayload,
  contextValue: RequestContext,
): ExecutionArgs | readonly GraphQLError[] {
  try {
    const document = parse(query)
    const errors = validate(schema, document)
    if (errors.length > 0) return errors
    if (getOperationAST(document, operationName)?.operation !== 'subscription')
      return [new GraphQLError('only subscriptions run over a WebSocket: send others by POST')]
    return {
      schema,
      document,
      contextValue,
      variableValues: variables ?? {},
      operationName: operationName ?? null,
    }
  } catch (error) {
    if (error instanceof GraphQLError) return [error]
    throw error
  }
}

type Present = (error: SubgraphError, context: unknown) => GraphQLFormattedError
type Message = FormattedExecutionResult & { readonly extensions?: StreamExtensions }

/** Runs a subscription: a confirmation, then each event with its position; or the errors of its refusal. */
async function subscribeTo(
  args: ExecutionArgs,
  present: Present,
): Promise<AsyncIterableIterator<Message> | Message> {
  const source = await createSourceEventStream(args)
  if (!(Symbol.asyncIterator in source)) return formatted(source, args, present)
  const events: AsyncIterable<Positioned<unknown>> = isResumable(source)
    ? source.positioned()
    : mapStream(source, (value) => ({ value, position: null }))
  const messages = mapStream(events, async ({ value, position }, left): Promise<Message> => {
    const result = value === null ? {} : await resolveEvent(args, value, left, present)
    // A cursor is computed when it is read, so JSON would leave it out.
    const place = position && { ordinal: position.ordinal, cursor: position.cursor }
    return { ...result, extensions: { position: place } }
  })
  return ahead<Message>(messages, { extensions: { accepted: true } })
}

const isResumable = (events: object): events is ResumableStream<unknown> => 'positioned' in events

/** Resolves the fields of an event, and again after an outage of MongoDB. */
async function resolveEvent(
  args: ExecutionArgs,
  rootValue: unknown,
  left: AbortSignal,
  present: Present,
): Promise<Message> {
  const retry = pacedRetry(outageMaxMs, left)
  for (;;) {
    const result = await execute({ ...args, rootValue })
    if (!result.errors?.some(isOutage) || !(await retry())) return formatted(result, args, present)
  }
}

/** The result with its errors as the hub gives them to clients. */
function formatted(
  result: { data?: Record<string, unknown> | null; errors?: readonly SubgraphError[] },
  { contextValue }: ExecutionArgs,
  present: Present,
): Message {
  if (!result.errors) return result as Message
  const { data = null, errors = [] } = withInputCodes(result)
  return { data, errors: errors.map((error) => present(error, contextValue)) }
}

/** `first`, and then the items of `source`, some of which are requested ahead: they still come in order. */
function ahead<Item>(source: AsyncIterator<Item>, first: Item): AsyncIterableIterator<Item> {
  const requested: Promise<IteratorResult<Item>>[] = [Promise.resolve({ done: false, value: first })]
  return {
    next() {
      while (requested.length <= prefetch) {
        const next = source.next()
        // An error is handled when its turn comes; until then Node must not report it as unhandled.
        next.catch(() => {})
        requested.push(next)
      }
      return requested.shift()!
    },
    async return() {
      await source.return?.()
      return { done: true, value: undefined }
    },
    [Symbol.asyncIterator]() {
      return this
    },
  }
}

/** Resolves when the socket has taken the text, so that a stream waits for a hub that does not read. */
const sent = (socket: WebSocket, text: string): Promise<void> =>
  new Promise((resolve) => {
    if (socket.readyState === socket.OPEN) socket.send(text, () => resolve())
    else resolve()
  })

function refuse(stream: Duplex): void {
  const body = httpErrorText(new HttpError('CALL_REFUSED'))
  stream.end(
    `HTTP/1.1 401 Unauthorized\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  )
}
