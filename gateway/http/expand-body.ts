// Bodies that a client has compressed. They are expanded as they arrive, and the web server counts what comes
// out: at BODY_BYTES_MAX it stops, however small the body was on its way.

import type { FastifyInstance } from 'fastify'
import type { Transform } from 'node:stream'
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib'
import { HttpError } from '../protocol/http-error.ts'

const expanders: Readonly<Record<string, () => Transform>> = {
  gzip: createGunzip,
  br: createBrotliDecompress,
  deflate: createInflate,
}

/** Expands the bodies of the routes of `app`. */
export function expandBodies(app: FastifyInstance): void {
  app.addHook('preParsing', (request, reply, body, done) => {
    const encoding = (request.headers['content-encoding'] ?? 'identity').trim().toLowerCase()
    if (encoding === 'identity') return done(null, body)
    const create = Object.hasOwn(expanders, encoding) ? expanders[encoding] : undefined
    if (!create) return done(new HttpError('ENCODING_NOT_SUPPORTED'))
    const expanded = Object.assign(create(), { receivedEncodedLength: 0 })
    body.on('data', ({ length }: Buffer) => (expanded.receivedEncodedLength += length))
    body.once('close', () => expanded.writableEnded || expanded.destroy())
    expanded.on('error', (error: Error) => (error.message = `the body is not ${encoding}: ${error.message}`))
    // An answer before the end of the body is a refusal: the rest is not expanded.
    reply.raw.once('finish', () => {
      body.unpipe(expanded)
      expanded.destroy()
    })
    done(null, body.pipe(expanded))
  })
}
