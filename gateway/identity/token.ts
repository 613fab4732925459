// Tokens of another issuer (JWT, RFC 7519): checked against its keys, and known until they expire.

import { createRemoteJWKSet, errors, jwtVerify, type JWTPayload } from 'jose'
import { scopes, type Scope } from '../../schema/values/scopes.ts'
import { HttpError } from '../protocol/http-error.ts'
import { RecentMap } from '../../subgraphs/platform/async/recent-map.ts'
import type { Viewer } from '../../subgraphs/shared/viewer.ts'
import { hashKey } from './key.ts'

/** Whose tokens are taken. */
export interface TokenIssuer {
  /** The claim `iss`. */
  readonly issuer: string
  /** One of the claim `aud`. */
  readonly audience: string
  /** Where its public keys are (RFC 7517). */
  readonly jwksUrl: string
}

/** A viewer whose access ends by itself. */
export type TokenViewer = Viewer & { readonly expiresAt: Date }

export interface Tokens {
  /**
   * Who `token` speaks for; null when it is not one of the issuer's, or has expired. At once when it was checked before.
   * Rejects with ISSUER_UNREACHABLE when the issuer's keys cannot be had.
   */
  find(token: string): TokenViewer | null | Promise<TokenViewer | null>
}

/** Only algorithms with a public key: with a shared secret, whoever can check a token could make one. */
const algorithms = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA']
/** Tokens that are known at once, at most. */
const knownMax = 10_000

export function openTokens({ issuer, audience, jwksUrl }: TokenIssuer, now: () => Date): Tokens {
  const keys = createRemoteJWKSet(new URL(jwksUrl))
  // By hash, as keys are: a copy of the memory opens nothing for long, and the map's own size is known.
  const known = new RecentMap<string, TokenViewer>(knownMax, { refreshOnRead: true })
  const checking = new Map<string, Promise<TokenViewer | null>>()

  const check = async (token: string, hash: string): Promise<TokenViewer | null> => {
    try {
      const { payload } = await jwtVerify(token, keys, {
        issuer,
        audience,
        algorithms,
        requiredClaims: ['exp'],
        currentDate: now(),
      })
      const viewer = viewerOf(payload)
      if (viewer) known.set(hash, viewer)
      return viewer
    } catch (error) {
      if (isRefused(error)) return null
      throw new HttpError('ISSUER_UNREACHABLE')
    } finally {
      checking.delete(hash)
    }
  }

  return {
    find(token) {
      const hash = hashKey(token)
      const viewer = known.get(hash)
      if (viewer) return now() < viewer.expiresAt ? viewer : null
      let checked = checking.get(hash)
      if (!checked) checking.set(hash, (checked = check(token, hash)))
      return checked
    },
  }
}

/** True for text of the form of a JWT: three parts, the first of which is a JSON object. */
export const isToken = (bearer: string): boolean => /^eyJ[\w-]*\.[\w-]+\.[\w-]*$/.test(bearer)

/** `participant` names the participant, and without it `sub`; `scope` is as in RFC 8693, with blanks between. */
function viewerOf({ sub, participant, scope, exp }: JWTPayload): TokenViewer | null {
  const who = participant ?? sub
  if (typeof who !== 'string' || who === '' || exp === undefined) return null
  const granted = typeof scope === 'string' ? scope.split(' ').filter(isScope) : []
  return {
    participant: who,
    scopes: new Set(granted),
    key: `token of ${sub ?? who}`,
    expiresAt: new Date(exp * 1000),
  }
}

const isScope = (name: string): name is Scope => Object.hasOwn(scopes, name)

/** Codes that are not about the token but about getting the keys. */
const unreachable = new Set(['ERR_JOSE_GENERIC', 'ERR_JWKS_TIMEOUT', 'ERR_JWKS_INVALID'])

const isRefused = (error: unknown): boolean =>
  error instanceof errors.JOSEError && !unreachable.has(error.code)
