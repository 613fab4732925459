// Sends the response of an operation: compressed above a size, and with the headers of caches.

import type { FastifyReply, FastifyRequest } from 'fastify'
import { hash } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import { promisify } from 'node:util'
import { brotliCompress, constants, gzip } from 'node:zlib'

const compress = {
  br: (body: Buffer) =>
    promisify(brotliCompress)(body, { params: { [constants.BROTLI_PARAM_QUALITY]: brotliQuality } }),
  gzip: (body: Buffer) => promisify(gzip)(body, { level: gzipLevel }),
} as const

/** Of 11: higher ones take several times as long for a few percent. */
const brotliQuality = 4
const gzipLevel = 4

/** Sends `body`. From `fromBytes` on, it is compressed in another thread when the client accepts that. */
export async function sendCompressed(
  { headers }: FastifyRequest,
  reply: FastifyReply,
  body: Buffer,
  fromBytes: number,
): Promise<FastifyReply> {
  if (body.length < fromBytes) return reply.send(body)
  addVary(reply, 'Accept-Encoding')
  const packed = await compressed(headers, body)
  return packed ? reply.header('content-encoding', packed.encoding).send(packed.body) : reply.send(body)
}

/** The compressed body, in an encoding that the client accepts; null when it accepts none. */
export async function compressed(
  headers: IncomingHttpHeaders,
  body: Buffer,
): Promise<{ readonly encoding: string; readonly body: Buffer } | null> {
  const encoding = encodingOf(headers['accept-encoding'])
  return encoding === null ? null : { encoding, body: await compress[encoding](body) }
}

/**
 * The encoding with the highest weight, brotli first; null when the client accepts neither (RFC 9110,
 * 12.5.3).
 */
export function encodingOf(accepted: string | string[] | undefined): 'br' | 'gzip' | null {
  if (accepted === undefined) return null
  const weights = new Map(
    String(accepted)
      .split(',')
      .map((part) => {
        const [name = '', ...parameters] = part.split(';').map((each) => each.trim().toLowerCase())
        const q = parameters.find((parameter) => parameter.startsWith('q='))
        return [name, q === undefined ? 1 : Number(q.slice(2)) || 0] as const
      }),
  )
  const weightOf = (name: string): number => weights.get(name) ?? weights.get('*') ?? 0
  const best = weightOf('br') >= weightOf('gzip') ? 'br' : 'gzip'
  return weightOf(best) > 0 ? best : null
}

/** What the headers of caches depend on. */
export interface Caching {
  /** Seconds for which the response may be kept; 0 for one that depends on the caller, or has errors. */
  readonly maxAge: number
  /** The headers that subgraphs receive, so that the response may depend on them. */
  readonly forwarded: readonly { readonly name: string }[]
}

/**
 * Sets the headers of caches for the response to GET; true when the client has the same response already:
 * then the status is 304, and nothing is to be sent. A response with errors is not kept. Where a key was
 * needed, only the client’s own cache may keep it: a shared one would give it to callers without a key.
 */
export function isUnchanged(
  request: FastifyRequest,
  reply: FastifyReply,
  body: Buffer,
  { maxAge, forwarded }: Caching,
): boolean {
  if (maxAge === 0) return false
  const scope = request.headers.authorization === undefined ? 'public' : 'private'
  const etag = `W/"${hash('sha256', body, 'base64url').slice(0, 22)}"`
  reply.header('cache-control', `${scope}, max-age=${maxAge}`).header('etag', etag)
  addVary(reply, 'Accept', 'Authorization', ...forwarded.map(({ name }) => name))
  const known = request.headers['if-none-match']
  if (known === undefined || !matches(known, etag)) return false
  reply.code(304)
  return true
}

/** By weak comparison (RFC 9110, 13.1.2). */
const matches = (known: string, etag: string): boolean =>
  known.trim() === '*' ||
  known.split(',').some((each) => each.trim().replace(/^W\//, '') === etag.replace(/^W\//, ''))

function addVary(reply: FastifyReply, ...names: readonly string[]): void {
  const existing = reply.getHeader('vary')
  reply.header('vary', [...(existing === undefined ? [] : [String(existing)]), ...names].join(', '))
}
