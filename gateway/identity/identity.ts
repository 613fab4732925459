// Authenticates callers by key or by token, and decides how long a viewer is valid.

import type { IncomingHttpHeaders } from 'node:http'
import type { ParticipantId } from '../../schema/values/id.ts'
import type { Viewer } from '../../subgraphs/shared/viewer.ts'
import { bearerOf } from './key.ts'
import type { KeyRing } from './key-ring.ts'
import { isToken, type Tokens } from './token.ts'

export interface Identity {
  /**
   * The viewer for the value of an `Authorization` header; null when its key or token is missing, unknown,
   * revoked or expired, or names a participant that does not exist. Synchronous for a key. Rejects with
   * ISSUER_UNREACHABLE when a token cannot be checked. `headers` and `address` are those of the request, for
   * an identity that keeps some of them.
   */
  find(
    authorization: unknown,
    headers?: IncomingHttpHeaders,
    address?: string,
  ): Viewer | null | Promise<Viewer | null>
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
  readonly now: () => Date
}

export function openIdentity({ keyRing, tokens, isParticipant, now }: IdentitySources): Identity {
  const listeners = new Set<() => void>()
  /**
   * Times at which accepted keys and tokens expire, in milliseconds since the epoch: one for all that expire
   * together.
   */
  const expiries = new Set<number>()
  const notify = (): void => listeners.forEach((listener) => listener())
  const stopListening = keyRing.onChange(notify)
  // One timer for all tokens, however many clients are connected.
  const expiring = setInterval(() => {
    const past = [...expiries].filter((expiry) => expiry <= now().getTime())
    past.forEach((expiry) => expiries.delete(expiry))
    if (past.length > 0) notify()
  }, expiryCheckMs).unref()

  const known = (viewer: Viewer | null): Viewer | null =>
    viewer && isParticipant(viewer.participant) ? viewer : null
  /** A viewer that is still valid, of whose expiry the listeners are notified. */
  const withExpiry = (found: Viewer | null): Viewer | null => {
    const viewer = known(found)
    if (!viewer?.expiresAt) return viewer
    if (viewer.expiresAt <= now()) return null
    expiries.add(viewer.expiresAt.getTime())
    return viewer
  }

  return {
    find(authorization) {
      const bearer = bearerOf(authorization)
      if (bearer === null) return null
      if (!tokens || !isToken(bearer)) return withExpiry(keyRing.find(bearer))
      const found = tokens.find(bearer)
      return found instanceof Promise ? found.then(withExpiry) : withExpiry(found)
    },
    isValid: (viewer) =>
      (!viewer.expiresAt || now() < viewer.expiresAt) &&
      (keyRing.isValid(viewer) || tokens?.isValid(viewer) === true),
    onChange(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    close() {
      clearInterval(expiring)
      stopListening()
    },
  }
}
