// Tokens of the hub’s calls to subgraphs in processes of their own: each names the viewer for which the
// call is made. A subgraph accepts no other call.

import { errors, jwtVerify, SignJWT, type JWTPayload } from 'jose'
import { hash } from 'node:crypto'
import type { ParticipantId } from '../../schema/values/id.ts'
import type { Scope } from '../../schema/values/scopes.ts'
import { RecentMap } from '../../subgraphs/platform/async/recent-map.ts'
import type { Viewer } from '../../subgraphs/shared/viewer.ts'
import { bearerOf, hashKey, type KeyHash } from './key.ts'

export interface CallTokens {
  /** The value of an `Authorization` header for calls on behalf of `viewer`, valid for 15 to 30 s. */
  sign(viewer: Viewer): string | Promise<string>
  /** The viewer of such a value; null when it is missing, forged or expired. */
  find(authorization: unknown): Viewer | null | Promise<Viewer | null>
}

const algorithm = 'HS256'
const issuer = 'crossgate'
const audience = 'crossgate-subgraph'
const lifetimeMs = 30_000
/** The clocks of two machines may differ by this much. */
const clockToleranceSeconds = 5
/** Verified tokens that are cached, at most. */
const cachedMax = 10_000

interface Signed {
  readonly header: string
  readonly signedAtMs: number
}
interface Verified {
  readonly viewer: Viewer
  readonly expiresAtMs: number
}

/**
 * The first of `secrets` signs, and all verify. To replace a secret, add the new one at the end in all
 * processes, then move it to the front, then remove the old one.
 */
export function createCallTokens(secrets: readonly string[], now: () => Date): CallTokens {
  const keys = new Map(secrets.map((secret) => [keyIdOf(secret), new TextEncoder().encode(secret)]))
  const [first] = keys
  if (!first) throw new TypeError('there is no secret to sign calls with')
  const signed = new WeakMap<Viewer, Signed>()
  const verified = new RecentMap<KeyHash, Verified>(cachedMax)

  const sign = async (viewer: Viewer): Promise<string> => {
    const signedAtMs = now().getTime()
    const [keyId, key] = first
    const token = await new SignJWT({ scope: [...viewer.scopes].join(' '), key: viewer.key })
      .setProtectedHeader({ alg: algorithm, kid: keyId })
      .setIssuer(issuer)
      .setAudience(audience)
      .setSubject(viewer.participant)
      .setExpirationTime(new Date(signedAtMs + lifetimeMs))
      .sign(key)
    const header = `Bearer ${token}`
    signed.set(viewer, { header, signedAtMs })
    return header
  }

  const verify = async (token: string, hashed: KeyHash): Promise<Viewer | null> => {
    try {
      const { payload } = await jwtVerify(token, ({ kid = '' }) => keyOf(keys, kid), {
        algorithms: [algorithm],
        issuer,
        audience,
        requiredClaims: ['exp', 'sub'],
        clockTolerance: clockToleranceSeconds,
        currentDate: now(),
      })
      const viewer = viewerOf(payload)
      verified.set(hashed, { viewer, expiresAtMs: payload.exp! * 1000 })
      return viewer
    } catch (error) {
      if (error instanceof errors.JOSEError) return null
      throw error
    }
  }

  return {
    sign(viewer) {
      const known = signed.get(viewer)
      return known && now().getTime() - known.signedAtMs < lifetimeMs / 2 ? known.header : sign(viewer)
    },
    find(authorization) {
      const token = bearerOf(authorization)
      if (token === null) return null
      const hashed = hashKey(token)
      const known = verified.get(hashed)
      return known && now().getTime() < known.expiresAtMs ? known.viewer : verify(token, hashed)
    },
  }
}

const keyIdOf = (secret: string): string => hash('sha256', secret, 'hex').slice(0, 12)

function keyOf(keys: ReadonlyMap<string, Uint8Array>, keyId: string): Uint8Array {
  const key = keys.get(keyId)
  if (key) return key
  throw new errors.JWSSignatureVerificationFailed()
}

const viewerOf = ({ sub, scope, key }: JWTPayload): Viewer => ({
  participant: sub as ParticipantId,
  scopes: new Set(String(scope).split(' ').filter(Boolean) as Scope[]),
  key: String(key),
})
