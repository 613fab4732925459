// Tokens of another issuer (JWT, RFC 7519): verified with its public keys, and cached until they expire.

import { createRemoteJWKSet, errors, jwtVerify, type JWTPayload } from 'jose'
import type { ParticipantId } from '../../schema/values/id.ts'
import { scopes, type Scope } from '../../schema/values/scopes.ts'
import { RecentMap } from '../../subgraphs/platform/async/recent-map.ts'
import type { Viewer } from '../../subgraphs/shared/viewer.ts'
import { HttpError } from '../protocol/http-error.ts'
import { hashKey, type KeyHash } from './key.ts'

/** The issuer whose tokens are accepted. */
export interface TokenIssuer {
  /** The value of the claim `iss`. */
  readonly issuer: string
  /** One value of the claim `aud`. */
  readonly audience: string
  /** URL of its public keys (RFC 7517). */
  readonly jwksUrl: string
}

/** A viewer whose access expires. */
export type TokenViewer = Viewer & { readonly expiresAt: Date }

export interface Tokens {
  /**
   * The viewer of `token`; null when the token is invalid or has expired. Synchronous when the token is
   * cached. Rejects with ISSUER_UNREACHABLE when the keys of the issuer cannot be read.
   */
  find(token: string): TokenViewer | null | Promise<TokenViewer | null>
  /** False for a viewer of no token. */
  isValid(viewer: Viewer): boolean
}

/**
 * Only algorithms with a public key: with a shared secret, a hub that verifies tokens could also issue them.
 */
const algorithms = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA']
/** Verified tokens that are cached, at most. */
const cachedMax = 10_000

export interface TokenOptions {
  /** Whether a viewer has every scope of its token; by default, those of the hub. */
  readonly keepsAllScopes?: boolean
}

export function createTokens(
  { issuer, audience, jwksUrl }: TokenIssuer,
  now: () => Date,
  { keepsAllScopes = false }: TokenOptions = {},
): Tokens {
  const keys = createRemoteJWKSet(new URL(jwksUrl))
  // Keyed by hash, as API keys are: a copy of the memory contains no tokens, and the size of an entry is
  // bounded.
  const cached = new RecentMap<KeyHash, TokenViewer>(cachedMax, { refreshOnRead: true })
  const issued = new WeakSet<Viewer>()
  const verifying = new Map<KeyHash, Promise<TokenViewer | null>>()

  const verify = async (token: string, hash: KeyHash): Promise<TokenViewer | null> => {
    try {
      const { payload } = await jwtVerify(token, keys, {
        issuer,
        audience,
        algorithms,
        requiredClaims: ['exp'],
        currentDate: now(),
      })
      const viewer = viewerOf(payload, keepsAllScopes)
      if (!viewer) return null
      cached.set(hash, viewer)
      issued.add(viewer)
      return viewer
    } catch (error) {
      if (isRefused(error)) return null
      throw new HttpError('ISSUER_UNREACHABLE')
    } finally {
      verifying.delete(hash)
    }
  }

  return {
    find(token) {
      const hash = hashKey(token)
      const viewer = cached.get(hash)
      if (viewer) return now() < viewer.expiresAt ? viewer : null
      let verified = verifying.get(hash)
      if (!verified) verifying.set(hash, (verified = verify(token, hash)))
      return verified
    },
    isValid: (viewer) => issued.has(viewer),
  }
}

/** True for text in the form of a JWT: three parts, the first of which is a JSON object in base64url. */
export const isToken = (bearer: string): boolean => /^eyJ[\w-]*\.[\w-]+\.[\w-]*$/.test(bearer)

/**
 * The participant is the claim `participant`, or `sub` without it; `scope` is a list separated by spaces, as
 * in RFC 8693.
 */
function viewerOf({ sub, participant, scope, exp }: JWTPayload, keepsAllScopes: boolean): TokenViewer | null {
  const id = participant ?? sub
  if (typeof id !== 'string' || id === '' || exp === undefined) return null
  const participantId = id as ParticipantId
  const granted = typeof scope === 'string' ? scope.split(' ') : []
  return {
    participant: participantId,
    scopes: new Set(keepsAllScopes ? (granted as Scope[]) : granted.filter(isScope)),
    key: `token of ${sub ?? id}`,
    expiresAt: new Date(exp * 1000),
  }
}

const isScope = (name: string): name is Scope => Object.hasOwn(scopes, name)

/** Codes of failures to read the keys: they mean nothing about the token. */
const unreachable = new Set(['ERR_JOSE_GENERIC', 'ERR_JWKS_TIMEOUT', 'ERR_JWKS_INVALID'])

const isRefused = (error: unknown): boolean =>
  error instanceof errors.JOSEError && !unreachable.has(error.code)
