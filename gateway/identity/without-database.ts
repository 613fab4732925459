// The identity of a gateway without a database: every caller, or those with a key of the settings or a token.

import type { IncomingHttpHeaders } from 'node:http'
import type { ParticipantId } from '../../schema/values/id.ts'
import type { Viewer } from '../../subgraphs/shared/viewer.ts'
import type { Identity, Peer } from './identity.ts'
import { bearerOf, hashKey } from './key.ts'
import { isToken, type Tokens } from './token.ts'

export interface IdentityOptions {
  /** By their names in log lines. Empty, and without tokens: every caller is accepted. */
  readonly keys: ReadonlyMap<string, string>
  readonly tokens: Tokens | null
  /** Names of the headers of a request that its viewer keeps, in lower case. */
  readonly keptHeaders: ReadonlySet<string>
}

/** The viewer of a request without a key or a token, where none is needed. */
export const anonymous: Viewer = { participant: '' as ParticipantId, scopes: new Set(), key: '' }

export function createIdentity({ keys, tokens, keptHeaders }: IdentityOptions): Identity {
  const viewers = new Map(
    [...keys].map(([key, label]) => [
      hashKey(key),
      { ...anonymous, participant: label as ParticipantId, key: label },
    ]),
  )
  /** By the keys that were sent: they are not hashed again. */
  const known = new Map<string, Viewer>()
  const isOpen = viewers.size === 0 && !tokens
  const ofCertificate = (viewer: Viewer | null, { certificate }: Peer): Viewer | null =>
    viewer?.certificate && viewer.certificate !== certificate ? null : viewer
  const find = (authorization: unknown, peer: Peer): Viewer | null | Promise<Viewer | null> => {
    if (isOpen) return { ...anonymous, address: peer.address }
    const bearer = bearerOf(authorization)
    if (bearer === null) return null
    if (!tokens || !isToken(bearer)) {
      const viewer = known.get(bearer) ?? viewers.get(hashKey(bearer))
      if (viewer) known.set(bearer, viewer)
      return viewer ?? null
    }
    const found = tokens.find(bearer)
    return found instanceof Promise
      ? found.then((viewer) => ofCertificate(viewer, peer))
      : ofCertificate(found, peer)
  }
  const withHeaders = (viewer: Viewer | null, headers: IncomingHttpHeaders): Viewer | null =>
    viewer && { ...viewer, headers: keptOf(headers, keptHeaders) }
  return {
    find(authorization, peer) {
      const { headers } = peer
      const found = find(authorization, peer)
      if (keptHeaders.size === 0) return found
      return found instanceof Promise
        ? found.then((viewer) => withHeaders(viewer, headers))
        : withHeaders(found, headers)
    },
    isValid: ({ expiresAt }) => !expiresAt || new Date() < expiresAt,
    onChange: () => () => {},
    close: () => {},
  }
}

function keptOf(headers: IncomingHttpHeaders, names: ReadonlySet<string>): Record<string, string> {
  const kept: Record<string, string> = {}
  for (const name of names) {
    const value = headers[name]
    if (value !== undefined) kept[name] = Array.isArray(value) ? value.join(', ') : value
  }
  return kept
}
