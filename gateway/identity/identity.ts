// Authenticates callers by key or by token, and decides how long a viewer is valid.

import type { IncomingHttpHeaders } from 'node:http'
import type { ParticipantId } from '../../schema/values/id.ts'
import type { Viewer } from '../../subgraphs/shared/viewer.ts'
import { bearerOf } from './key.ts'
import type { KeyRing } from './key-ring.ts'
import { isToken, type Tokens } from './token.ts'

/** The client of a request. */
export interface Peer {
  readonly address: string
  readonly headers: IncomingHttpHeaders
  readonly requestId: string
  /** Thumbprint of the certificate that the client has shown; null without one. */
  readonly certificate: string | null
}

export interface Identity {
  /**
   * The viewer for the value of an `Authorization` header; null when its key or token is missing, unknown,
   * revoked or expired, is bound to another certificate than that of `peer`, or names a participant that does
   * not exist. Synchronous for a key. Rejects with ISSUER_UNREACHABLE when a token cannot be checked.
   */
  find(authorization: unknown, peer: Peer): Viewer | null | Promise<Viewer | null>
  /**
   * False once the key of `viewer` was revoked or changed or has expired, or its token has expired or its
   * participant is gone.
   */
  isValid(viewer: Viewer): boolean
  /**
   * Calls `listener` whenever viewers may have become invalid, until the function that is returned is called.
   */
  onChange(listener: () => void): () => void
  close(): void
}

/** How late the expiry of a key or token may be noticed. */
const expiryCheckMs = 500

export interface IdentitySources {
  readonly keyRing: KeyRing
  /** Null where keys alone are accepted. */
  readonly tokens: Tokens | null
  /** False for an id that no participant has: its keys and tokens are refused. */
  readonly isParticipant: (id: ParticipantId) => boolean
  /** Another object after each change of the participants. */
  readonly participants: () => object
  /** Receives the client of each key or token that is not valid. */
  readonly onRefused?: (peer: Peer) => void
  readonly now: () => Date
}

export function openIdentity(sources: IdentitySources): Identity {
  const { keyRing, tokens, isParticipant, participants, onRefused = () => {}, now } = sources
  const listeners = new Set<() => void>()
  /**
   * Times at which accepted keys and tokens expire, in milliseconds since the epoch: one for all that expire
   * together.
   */
  const expiries = new Set<number>()
  const notify = (): void => listeners.forEach((listener) => listener())
  const stopListening = [keyRing.onChange(notify), tokens?.onChange(notify)]
  let checkedParticipants = participants()
  // One timer for all tokens, however many clients are connected.
  const expiring = setInterval(() => {
    const past = [...expiries].filter((expiry) => expiry <= now().getTime())
    past.forEach((expiry) => expiries.delete(expiry))
    const isChanged = participants() !== checkedParticipants
    checkedParticipants = participants()
    if (past.length > 0 || isChanged) notify()
  }, expiryCheckMs).unref()

  /** A viewer that is still valid, of whose expiry the listeners are notified. */
  const accepted = (viewer: Viewer | null, peer: Peer): Viewer | null => {
    if (
      !viewer ||
      !isParticipant(viewer.participant) ||
      (viewer.certificate && viewer.certificate !== peer.certificate) ||
      (viewer.expiresAt && viewer.expiresAt <= now())
    ) {
      onRefused(peer)
      return null
    }
    if (viewer.expiresAt) expiries.add(viewer.expiresAt.getTime())
    return viewer
  }

  return {
    find(authorization, peer) {
      if (typeof authorization !== 'string') return authorization === undefined ? null : accepted(null, peer)
      const known = keyRing.known(authorization)
      if (known) return accepted(known, peer)
      const bearer = bearerOf(authorization)
      if (bearer === null || !tokens || !isToken(bearer))
        return accepted(bearer === null ? null : keyRing.find(bearer, authorization), peer)
      const found = tokens.find(bearer)
      return found instanceof Promise ? found.then((viewer) => accepted(viewer, peer)) : accepted(found, peer)
    },
    isValid: (viewer) =>
      (!viewer.expiresAt || now() < viewer.expiresAt) &&
      isParticipant(viewer.participant) &&
      (keyRing.isValid(viewer) || tokens?.isValid(viewer) === true),
    onChange(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    close() {
      clearInterval(expiring)
      for (const stop of stopListening) stop?.()
      tokens?.close()
    },
  }
}
