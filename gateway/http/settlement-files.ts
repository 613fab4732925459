// GET /settlement/NAME: a settlement file, sent as it comes from the database. Which file is somebody's, the books say.

import type { FastifyInstance } from 'fastify'
import { Readable } from 'node:stream'
import type { OpenFile } from '../../subgraphs/transaction/index.ts'
import { HttpError, httpErrorText } from '../protocol/http-error.ts'
import type { Viewer } from '../../subgraphs/shared/viewer.ts'
import type { Identity } from '../identity/identity.ts'

export interface SettlementFiles {
  readonly identity: Identity
  /** Null when there is none of this name that `viewer` may read. */
  open(viewer: Viewer, name: string): Promise<OpenFile | null>
}

/**
 * The operator may fetch every file, a participant those of its own rows; somebody else's are not found. `files` gives null
 * while the hub starts. The digest header is the one of RFC 9530.
 */
export function settlementFileRoutes(app: FastifyInstance, files: () => SettlementFiles | null): void {
  app.get<{ Params: { name: string } }>('/settlement/:name', async (request, reply) => {
    try {
      const from = files()
      if (!from) throw new HttpError('NOT_READY')
      const { authorization } = request.headers
      const viewer = await from.identity.find(authorization)
      if (!viewer)
        throw new HttpError('UNAUTHENTICATED', authorization && 'the key is unknown or was revoked')
      const file = await from.open(viewer, request.params.name)
      if (!file)
        throw new HttpError('NOT_FOUND', 'there is no settlement file of this name that the key may read')
      return await reply
        .header('content-length', file.bytes)
        .header('content-disposition', `attachment; filename="${file.name}"`)
        .header('repr-digest', `sha-256=:${Buffer.from(file.sha256, 'hex').toString('base64')}:`)
        .header('cache-control', 'private, no-cache')
        .header('etag', `"${file.sha256}"`)
        .header('x-content-type-options', 'nosniff')
        .type(file.type)
        .send(Readable.from(file.content))
    } catch (error) {
      if (!(error instanceof HttpError)) throw error
      if (error.code === 'UNAUTHENTICATED') reply.header('www-authenticate', 'Bearer')
      return reply.code(error.status).type('application/json').send(httpErrorText(error))
    }
  })
}
