// Files of merchants and transactions: POST /import/merchants, GET /export/merchants and
// /export/transactions. Both directions are streamed, so a file of any size takes little memory.

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { IncomingMessage } from 'node:http'
import { pipeline, Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { isRefusal, refuse, type ProblemCode, type Refusal } from '../../schema/values/problems.ts'
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

export interface ExchangeServices {
  readonly identity: Pick<Identity, 'find'>
  /** Null where the subgraphs run in processes of their own. */
  readonly exchange: Exchange | null
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

  app.post('/import/merchants', (request, reply) =>
    answer(reply, async () => {
      const { context, exchange } = await open(services(), request)
      const body = request.body as IncomingMessage
      bodies.add(body)
      longRequests.add(request.raw.socket)
      body.setTimeout(idleMs, () => body.destroy(new HttpError('REQUEST_TIMEOUT')))
      try {
        return await importFrom(exchange, context, request, body, reply)
      } finally {
        bodies.delete(body)
        longRequests.delete(request.raw.socket)
      }
    }),
  )
  reportRoutes(app, services)
  exportRoutes(app, services)
}

type ServicesOf = () => ExchangeServices | null

function reportRoutes(app: FastifyInstance, services: ServicesOf): void {
  app.get<{ Params: { key: string } }>('/import/merchants/:key', (request, reply) =>
    answer(reply, async () => {
      const { context, exchange } = await open(services(), request)
      const report = await exchange.bulkImport.report(request.params.key, context)
      if (report === null) throw new HttpError('NOT_FOUND', 'The caller has no import with this key.')
      return isRefusal(report) ? sendRefusal(reply, report) : reply.send(report)
    }),
  )
  app.get<{ Params: { key: string } }>('/import/merchants/:key/rejected', (request, reply) =>
    answer(reply, async () => {
      const { context, exchange } = await open(services(), request)
      const { key } = request.params
      const report = await exchange.bulkImport.report(key, context)
      if (report === null) throw new HttpError('NOT_FOUND', 'The caller has no import with this key.')
      if (isRefusal(report)) return sendRefusal(reply, report)
      return sendRows(reply, 'ndjson', jsonLines(exchange.bulkImport.rejected(key, context)))
    }),
  )
}

function exportRoutes(app: FastifyInstance, services: ServicesOf): void {
  for (const name of ['merchants', 'transactions'] as const) {
    app.get<{ Querystring: Query }>(`/export/${name}`, (request, reply) =>
      answer(reply, async () => {
        const { context, exchange } = await open(services(), request)
        const format = formatOf(request)
        const after = firstOf(request.query['after'])
        const rows =
          name === 'merchants'
            ? exchange.exportMerchants(context, format, after)
            : exchange.exportTransactions(context, format, after)
        if (isRefusal(rows)) return sendRefusal(reply, rows)
        reply.header('content-disposition', `attachment; filename="${name}.${format}"`)
        return sendRows(reply, format, rows)
      }),
    )
  }
}

const formats: Readonly<Record<string, BulkFormat>> = {
  'application/x-ndjson': 'ndjson',
  'text/csv': 'csv',
}

/** A parameter that is repeated is a list. */
type Query = Readonly<Record<string, string | readonly string[]>>

const firstOf = (parameter: string | readonly string[] | undefined): string | null =>
  [parameter].flat()[0] ?? null

/** Of `?format=`, or else of the header `Accept`. */
function formatOf({ query, headers }: FastifyRequest<{ Querystring: Query }>): BulkFormat {
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
  if (!services.exchange) {
    throw new RefusedError(
      refuse(
        'NOT_AVAILABLE',
        'the subgraphs of this hub run in processes of their own, which exchange no files',
      ),
    )
  }
  return { context, exchange: services.exchange }
}

async function importFrom(
  { bulkImport }: Exchange,
  context: RequestContext,
  { headers, raw }: FastifyRequest,
  body: IncomingMessage,
  reply: FastifyReply,
): Promise<FastifyReply> {
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
    if (raw.readableAborted) throw new HttpError('REQUEST_TIMEOUT', 'The connection was cut off.')
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

class RefusedError extends Error {
  readonly refusal: Refusal
  constructor(refusal: Refusal) {
    super(refusal.message)
    this.refusal = refusal
  }
}

/** Sends errors; the body of a request that failed is not read to its end. */
async function answer(reply: FastifyReply, run: () => Promise<FastifyReply>): Promise<FastifyReply> {
  try {
    return await run()
  } catch (error) {
    if (error instanceof RefusedError) return sendRefusal(reply, error.refusal)
    if (!(error instanceof HttpError)) throw error
    return sendHttpError(reply.header('connection', 'close'), error)
  }
}

const statuses: Readonly<Partial<Record<ProblemCode, number>>> = {
  FORBIDDEN: 403,
  NOT_AVAILABLE: 501,
  IDEMPOTENCY_CONFLICT: 409,
  VERSION_CONFLICT: 409,
}

function sendRefusal(reply: FastifyReply, { code, message, path }: Refusal): FastifyReply {
  return reply
    .code(statuses[code] ?? 400)
    .header('connection', 'close')
    .send({ errors: [{ message, extensions: { code, path } }] })
}
