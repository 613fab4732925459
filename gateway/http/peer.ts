// The client of an HTTP request, as far as it counts for its identity.

import type { FastifyRequest } from 'fastify'
import { hash } from 'node:crypto'
import type { Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import type { Peer } from '../identity/identity.ts'

export const peerOf = ({ ip, headers, id, socket }: FastifyRequest): Peer => ({
  address: ip,
  headers,
  requestId: id,
  certificate: certificateOf(socket),
})

const certificates = new WeakMap<TLSSocket, string | null>()

/**
 * The thumbprint of the certificate that the client of a connection has shown: SHA-256 in base64url (RFC
 * 8705, 3.1). Its client holds the private key, or the connection would not be open. Null without one.
 */
export function certificateOf(socket: Socket): string | null {
  if (!(socket instanceof TLSSocket)) return null
  let thumbprint = certificates.get(socket)
  if (thumbprint === undefined) {
    const raw = socket.getPeerX509Certificate()?.raw
    certificates.set(socket, (thumbprint = raw ? hash('sha256', raw, 'base64url') : null))
  }
  return thumbprint
}
