// Files of merchants and transactions: POST /import/merchants, GET /export/merchants and
// /export/transactions. Both directions are streamed, so a file of any size takes little memory.

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import { pipeline, Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { isRefusal, type ProblemCode, type Refusal } from '../../schema/values/problems.ts'
import type { BulkFormat, BulkImport } from '../../subgraphs/merchant/index.ts'
import type { RequestContext } from '../../subgraphs/shared/viewer.ts'
import type { Identity } from '../identity/identity.ts'
import { HttpError, sendHttpError } from '../protocol/http-error.ts'
import { peerOf } from './peer.ts'

type Rows = AsyncIterable<string> | Refusal

/** What the subgraphs of this process import and export. */
export interface Exchange {
  readonly bulkImport: BulkImport
  exportMerchants(context: RequestContext, format: BulkFormat, after: string | null): Rows
  exportTransactions(context: RequestContext, format: BulkFormat, after: string | null): Rows
}

/** A request for a process of the subgraph that owns the merchants or transactions. */
export interface ForwardedRequest {
  readonly owner: 'merchant' | 'transaction'
  readonly method: 'GET' | 'POST'
  /** With the query, such as "/export/merchants?format=csv". */
  readonly path: string
  readonly headers: IncomingHttpHeaders
  readonly body: IncomingMessage | null
}

export interface ForwardedAnswer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly content: Readable
}

/** Passes a request on for its viewer. Throws when no process takes it, and what its body throws. */
export type Forward = (context: RequestContext, request: ForwardedRequest) => Promise<ForwardedAnswer>

export interface ExchangeServices {
  readonly identity: Pick<Identity, 'find'>
  /** What the subgraphs of this process have, or the way to the processes of subgraphs. */
  readonly exchange: Partial<Exchange> | Forward
}

/** Requests that may take longer to arrive than others, by their connection. */
const longRequests = new WeakSet<object>()

/** True for the connection of an import: its body arrives as fast as it is written. */
export const isLongRequest = (socket: object): boolean => longRequests.has(socket)

/** An import ends when nothing arrives for this long. */
const idleMs = 60_000
const rejectedShown = 100
const drainMs = 1_000

/** `services` gives null while the hub starts. */
export async function exchangeRoutes(app: FastifyInstance, services: ServicesOf): Promise<void> {
  const bodies = new Set<IncomingMessage>()
  // What is imported is stored, so a client continues at another hub.
  app.addHook('preClose', async () => {
    for (const body of bodies) body.destroy(new HttpError('NOT_READY'))
  })
  app.removeAllContentTypeParsers()
  app.addContentTypeParser(Object.keys(formats), (_request, body, done) => done(null, body))
  app.addContentTypeParser('*', (_request, _body, done) =>
    done(new HttpError('UNSUPPORTED_MEDIA_TYPE', 'The body is application/x-ndjson or text/csv in UTF-8.')),
  )

  const serve = serverOf(services, bodies)
  app.post('/import/merchants', serve('merchant', importFrom))
  app.get('/import/merchants/:key', serve('merchant', sendReport))
  app.get('/import/merchants/:key/rejected', serve('merchant', sendRejected))
  app.get('/export/merchants', serve('merchant', exportMerchants))
  app.get('/export/transactions', serve('transaction', exportTransactions))
}

type ServicesOf = () => ExchangeServices | null
type Serve = (
  exchange: Partial<Exchange>,
  context: RequestContext,
  request: FastifyRequest,
  reply: FastifyReply,
) => Promise<FastifyReply>

/** Answers here by `run`, or forwards to a process of `owner`. */
const serverOf =
  (services: ServicesOf, bodies: Set<IncomingMessage>) =>
  (owner: ForwardedRequest['owner'], run: Serve) =>
  (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> =>
    answer(reply, async () => {
      const { context, exchange } = await open(services(), request)
      const answering = () =>
        typeof exchange === 'function'
          ? sendForwarded(exchange, owner, context, request, reply)
          : run(exchange, context, request, reply)
      return request.method === 'POST' ? receive(bodies, request, answering) : answering()
    })

/** Runs `read`, which reads the body of `request`, however long it takes to arrive. */
async function receive<Read>(
  bodies: Set<IncomingMessage>,
  { body: received, raw }: FastifyRequest,
  read: () => Promise<Read>,
): Promise<Read> {
  const body = received as IncomingMessage
  bodies.add(body)
  longRequests.add(raw.socket)
  body.setTimeout(idleMs, () => body.destroy(new HttpError('REQUEST_TIMEOUT')))
  try {
    return await read()
  } catch (error) {
    if (error instanceof HttpError || !raw.readableAborted) throw error
    throw new HttpError('REQUEST_TIMEOUT', 'The connection was cut off.')
  } finally {
    bodies.delete(body)
    longRequests.delete(raw.socket)
  }
}

const sentHeaders = ['accept', 'content-type', 'content-encoding', 'idempotency-key', 'upload-offset']
const receivedHeaders = ['content-type', 'content-disposition', 'cache-control', 'x-content-type-options']

async function sendForwarded(
  forward: Forward,
  owner: ForwardedRequest['owner'],
  context: RequestContext,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const body = request.method === 'POST' ? (request.body as IncomingMessage) : null
  const { status, headers, content } = await forward(context, {
    owner,
    method: body ? 'POST' : 'GET',
    path: request.url,
    headers: only(sentHeaders, request.headers),
    body,
  })
  if (body) await drain(body)
  if (status >= 400) reply.header('connection', 'close')
  return reply.code(status).headers(only(receivedHeaders, headers)).send(content)
}

const only = (names: readonly string[], headers: IncomingHttpHeaders): IncomingHttpHeaders =>
  Object.fromEntries(names.flatMap((name) => (headers[name] === undefined ? [] : [[name, headers[name]]])))

const notHere = (): HttpError => new HttpError('NOT_FOUND', 'Another subgraph has these files.')

const keyOf = ({ params }: FastifyRequest): string => (params as { readonly key: string }).key

const sendReport: Serve = async ({ bulkImport }, context, request, reply) => {
  if (!bulkImport) throw notHere()
  const report = await bulkImport.report(keyOf(request), context)
  if (report === null) throw new HttpError('NOT_FOUND', 'The caller has no import with this key.')
  return isRefusal(report) ? sendRefusal(reply, report) : reply.send(report)
}

const sendRejected: Serve = async ({ bulkImport }, context, request, reply) => {
  if (!bulkImport) throw notHere()
  const report = await bulkImport.report(keyOf(request), context)
  if (report === null) throw new HttpError('NOT_FOUND', 'The caller has no import with this key.')
  if (isRefusal(report)) return sendRefusal(reply, report)
  return sendRows(reply, 'ndjson', jsonLines(bulkImport.rejected(keyOf(request), context)))
}

const exporting =
  (name: string, rowsOf: (exchange: Partial<Exchange>) => Exchange['exportMerchants'] | undefined): Serve =>
  async (exchange, context, request, reply) => {
    const exportRows = rowsOf(exchange)
    if (!exportRows) throw notHere()
    const query = request.query as Query
    const format = formatOf(query, request.headers)
    const rows = exportRows(context, format, firstOf(query['after']))
    if (isRefusal(rows)) return sendRefusal(reply, rows)
    reply.header('content-disposition', `attachment; filename="${name}.${format}"`)
    return sendRows(reply, format, rows)
  }
const exportMerchants = exporting('merchants', (exchange) => exchange.exportMerchants)
const exportTransactions = exporting('transactions', (exchange) => exchange.exportTransactions)

const formats: Readonly<Record<string, BulkFormat>> = {
  'application/x-ndjson': 'ndjson',
  'text/csv': 'csv',
}

/** A parameter that is repeated is a list. */
type Query = Readonly<Record<string, string | readonly string[]>>

const firstOf = (parameter: string | readonly string[] | undefined): string | null =>
  [parameter].flat()[0] ?? null

/** Of `?format=`, or else of the header `Accept`. */
function formatOf(query: Query, headers: IncomingHttpHeaders): BulkFormat {
  const format = firstOf(query['format']) ?? (headers.accept?.includes('text/csv') ? 'csv' : 'ndjson')
  if (format === 'csv' || format === 'ndjson') return format
  throw new HttpError('BAD_REQUEST', '`format` is "ndjson" or "csv".')
}

async function open(services: ExchangeServices | null, request: FastifyRequest) {
  if (!services) throw new HttpError('NOT_READY')
  const { authorization } = request.headers
  const viewer = await services.identity.find(authorization, peerOf(request))
  if (!viewer) throw new HttpError('UNAUTHENTICATED', authorization && 'the key is unknown or was revoked')
  const context: RequestContext = { viewer, requestId: request.id }
  return { context, exchange: services.exchange }
}

const importFrom: Serve = async ({ bulkImport }, context, { headers, body: received }, reply) => {
  if (!bulkImport) throw notHere()
  const body = received as IncomingMessage
  const key = headers['idempotency-key']
  if (typeof key !== 'string') throw new HttpError('BAD_REQUEST', 'An import has a header Idempotency-Key.')
  const offset = Number(headers['upload-offset'] ?? 0)
  if (!Number.isSafeInteger(offset) || offset < 0) {
    throw new HttpError('BAD_REQUEST', 'Upload-Offset is a number of bytes.')
  }
  const [type = ''] = (headers['content-type'] ?? '').split(';')
  const format = formats[type.trim().toLowerCase()] ?? 'ndjson'
  try {
    const bytes = unpacked(body, headers['content-encoding'])
    const report = await bulkImport.run({ key, format, offset }, bytes, context)
    if (isRefusal(report)) {
      await drain(body)
      return sendRefusal(reply, report)
    }
    const rejectedRows = []
    for await (const row of bulkImport.rejected(key, context)) {
      if (rejectedRows.push(row) === rejectedShown) break
    }
    return await reply.send({ ...report, rejectedRows })
  } catch (error) {
    if (isMalformedGzip(error)) throw new HttpError('BAD_REQUEST', 'The body is not gzip, or was cut off.')
    throw error
  }
}

/** What arrives within a second is read, so that a client that still sends receives the answer. */
async function drain(body: IncomingMessage): Promise<void> {
  if (body.readableEnded || body.destroyed) return
  const { promise, resolve } = Promise.withResolvers<void>()
  const timer = setTimeout(resolve, drainMs)
  body.once('close', resolve).once('end', resolve).resume()
  await promise
  clearTimeout(timer)
}

/** The bytes of the file. An answer may be sent before all are read, so leaving them closes nothing. */
function unpacked(body: IncomingMessage, encoding: string | undefined): AsyncIterable<Uint8Array> {
  if (encoding === undefined || encoding === 'identity') return body.iterator({ destroyOnReturn: false })
  if (encoding !== 'gzip') {
    throw new HttpError('UNSUPPORTED_MEDIA_TYPE', 'Content-Encoding is gzip, or left out.')
  }
  const gunzip = createGunzip()
  // The reader of `gunzip` receives the error.
  pipeline(body, gunzip, () => {})
  return gunzip.iterator({ destroyOnReturn: false })
}

const isMalformedGzip = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && String(error.code).startsWith('Z_')

async function* jsonLines(values: AsyncIterable<unknown>): AsyncGenerator<string> {
  for await (const value of values) yield `${JSON.stringify(value)}\n`
}

const sendRows = (reply: FastifyReply, format: BulkFormat, rows: AsyncIterable<string>): FastifyReply =>
  reply
    .type(format === 'csv' ? 'text/csv; charset=utf-8' : 'application/x-ndjson')
    .header('cache-control', 'no-store')
    .header('x-content-type-options', 'nosniff')
    .send(Readable.from(rows))

/** Sends errors; the body of a request that failed is not read to its end. */
async function answer(reply: FastifyReply, run: () => Promise<FastifyReply>): Promise<FastifyReply> {
  try {
    return await run()
  } catch (error) {
    if (!(error instanceof HttpError)) throw error
    return sendHttpError(reply.header('connection', 'close'), error)
  }
}

const statuses: Readonly<Partial<Record<ProblemCode, number>>> = {
  FORBIDDEN: 403,
  IDEMPOTENCY_CONFLICT: 409,
  VERSION_CONFLICT: 409,
}

function sendRefusal(reply: FastifyReply, { code, message, path }: Refusal): FastifyReply {
  return reply
    .code(statuses[code] ?? 400)
    .header('connection', 'close')
    .send({ errors: [{ message, extensions: { code, path } }] })
}
