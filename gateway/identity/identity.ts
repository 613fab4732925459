// Who is calling, by key or by token, and whether that still stands.
import { bearerOf } from './key.ts'
import type { KeyRing } from './key-ring.ts'
import type { Viewer } from '../../subgraphs/shared/viewer.ts'
import { isToken, type Tokens, type TokenViewer } from './token.ts'

export interface Identity {
  /**
   * Who the value of an `Authorization` header speaks for; null when it is missing, unknown, or no longer stands. At once for a
   * key. Rejects with ISSUER_UNREACHABLE when a token cannot be checked.
   */
  find(authorization: unknown): Viewer | null | Promise<Viewer | null>
  /** False once `viewer`'s key was revoked or changed, or its token has expired. */
  stands(viewer: Viewer): boolean
  /** Calls `listener` when somebody may no longer stand; what it returns takes the listener away. */
  onChange(listener: () => void): () => void
  close(): void
}

/** How late a token's end may be noticed. */
const expiryMs = 500

/** `tokens` is null where only keys are taken. */
export function openIdentity(keyRing: KeyRing, tokens: Tokens | null, now: () => Date): Identity {
  const listeners = new Set<() => void>()
  /** When tokens that were let in expire, in milliseconds: one entry for all that do so at one time. */
  const expiries = new Set<number>()
  const tell = (): void => listeners.forEach((listener) => listener())
  const stopWatching = keyRing.onChange(tell)
  // One timer for all, however many are connected.
  const expiring = setInterval(() => {
    const past = [...expiries].filter((at) => at <= now().getTime())
    past.forEach((at) => expiries.delete(at))
    if (past.length > 0) tell()
  }, expiryMs).unref()

  const noted = (viewer: TokenViewer | null): TokenViewer | null => {
    if (viewer) expiries.add(viewer.expiresAt.getTime())
    return viewer
  }

  return {
    find(authorization) {
      const bearer = bearerOf(authorization)
      if (bearer === null) return null
      if (!tokens || !isToken(bearer)) return keyRing.find(bearer)
      const found = tokens.find(bearer)
      return found instanceof Promise ? found.then(noted) : noted(found)
    },
    stands: (viewer) => (viewer.expiresAt ? now() < viewer.expiresAt : keyRing.stands(viewer)),
    onChange(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    close() {
      clearInterval(expiring)
      stopWatching()
    },
  }
}
