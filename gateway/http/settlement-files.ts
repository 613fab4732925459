// GET /settlement/NAME: a settlement file, streamed from the database.

import type { FastifyInstance, FastifyRequest } from 'fastify'
import { Readable } from 'node:stream'
import type { Viewer } from '../../subgraphs/shared/viewer.ts'
import type { OpenFile } from '../../subgraphs/transaction/index.ts'
import type { Identity } from '../identity/identity.ts'
import { HttpError, sendHttpError } from '../protocol/http-error.ts'
import { peerOf } from './peer.ts'

export interface SettlementFiles {
  readonly identity: Pick<Identity, 'find'>
  /** Null when there is no file of this name that `viewer` may read. */
  open(viewer: Viewer, name: string): Promise<OpenFile | null>
}

/**
 * The operator may read every file, and a participant those of its own rows; the files of other participants
 * are not found. `files` gives null while the hub starts. The digest header is the one of RFC 9530.
 */
export function settlementFileRoutes(app: FastifyInstance, files: () => SettlementFiles | null): void {
  app.get<{ Params: { name: string } }>('/settlement/:name', async (request, reply) => {
    try {
      const file = await openFile(files(), request, request.params.name)
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
      return sendHttpError(reply, error)
    }
  })
}

/** Throws HttpError when there is no such file for the key or token of `request`. */
async function openFile(
  files: SettlementFiles | null,
  request: FastifyRequest,
  name: string,
): Promise<OpenFile> {
  if (!files) throw new HttpError('NOT_READY')
  const { authorization } = request.headers
  const viewer = await files.identity.find(authorization, peerOf(request))
  if (!viewer) throw new HttpError('UNAUTHENTICATED', authorization && 'the key is unknown or was revoked')
  const file = await files.open(viewer, name)
  if (!file)
    throw new HttpError('NOT_FOUND', 'there is no settlement file of this name that the key may read')
  return file
}
