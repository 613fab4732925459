// Tokens of another issuer (JWT, RFC 7519): verified with its public keys, and cached until they expire.

import {
  calculateJwkThumbprint,
  createRemoteJWKSet,
  errors,
  jwtVerify,
  type JWK,
  type JWTPayload,
} from 'jose'
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
  /** False for a viewer of no token, and once the key that has signed its token has left the issuer’s. */
  isValid(viewer: Viewer): boolean
  /** Calls `listener` when a key has left, until the function that is returned is called. */
  onChange(listener: () => void): () => void
  close(): void
}

/**
 * Only algorithms with a public key: with a shared secret, a hub that verifies tokens could also issue them.
 */
const algorithms = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA']
/** Verified tokens that are cached, at most. */
const cachedMax = 10_000
/** How late it is noticed that a key has left. */
const keysEveryMs = 5_000

export interface TokenOptions {
  /** Whether a viewer has every scope of its token; by default, those of the hub. */
  readonly keepsAllScopes?: boolean
  /** Between two reads of the keys that have signed tokens. Default: 5,000. */
  readonly keysEveryMs?: number
}

export function createTokens(
  { issuer, audience, jwksUrl }: TokenIssuer,
  now: () => Date,
  options: TokenOptions = {},
): Tokens {
  const { keepsAllScopes = false } = options
  const keys = createRemoteJWKSet(new URL(jwksUrl))
  // Keyed by hash, as API keys are: a copy of the memory contains no tokens, and the size of an entry is
  // bounded.
  const cached = new RecentMap<KeyHash, TokenViewer>(cachedMax, { refreshOnRead: true })
  const signers = followSigners(keys, options.keysEveryMs ?? keysEveryMs)
  const verifying = new Map<KeyHash, Promise<TokenViewer | null>>()

  const verify = async (token: string, hash: KeyHash): Promise<TokenViewer | null> => {
    try {
      const { payload, key } = await jwtVerify(token, keys, {
        issuer,
        audience,
        algorithms,
        requiredClaims: ['exp'],
        currentDate: now(),
      })
      const viewer = viewerOf(payload, keepsAllScopes)
      if (!viewer) return null
      await signers.add(viewer, key)
      cached.set(hash, viewer)
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
      if (viewer && signers.isValid(viewer)) return now() < viewer.expiresAt ? viewer : null
      let verified = verifying.get(hash)
      if (!verified) verifying.set(hash, (verified = verify(token, hash)))
      return verified
    },
    isValid: signers.isValid,
    onChange: signers.onChange,
    close: signers.close,
  }
}

interface Signers extends Pick<Tokens, 'isValid' | 'onChange' | 'close'> {
  /** The token of `viewer` was signed by `key`. */
  add(viewer: Viewer, key: CryptoKey): Promise<void>
}

/** Follows the keys that have signed accepted tokens, by their thumbprints (RFC 7638). */
function followSigners(keys: RemoteKeys, everyMs: number): Signers {
  const present = new Set<string>()
  const signers = new WeakMap<Viewer, string>()
  const listeners = new Set<() => void>()
  const check = async (): Promise<void> => {
    if (present.size === 0) return
    await keys.reload()
    const current = new Set(await Promise.all(keys.jwks()!.keys.map(thumbprintOf)))
    const gone = [...present].filter((key) => !current.has(key))
    gone.forEach((key) => present.delete(key))
    if (gone.length > 0) listeners.forEach((listener) => listener())
  }
  // While the keys cannot be read, cached tokens are valid until they expire.
  const checking = setInterval(() => void check().catch(() => {}), everyMs).unref()
  return {
    async add(viewer, key) {
      const signer = await thumbprintOf(key)
      present.add(signer)
      signers.set(viewer, signer)
    },
    isValid: (viewer) => present.has(signers.get(viewer) ?? ''),
    onChange(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    close: () => clearInterval(checking),
  }
}

type RemoteKeys = ReturnType<typeof createRemoteJWKSet>

/** Empty for a key of a kind that is not supported. */
const thumbprintOf = (key: CryptoKey | JWK): Promise<string> => calculateJwkThumbprint(key).catch(() => '')

/** True for text in the form of a JWT: three parts, the first of which is a JSON object in base64url. */
export const isToken = (bearer: string): boolean => /^eyJ[\w-]*\.[\w-]+\.[\w-]*$/.test(bearer)

/**
 * The participant is the claim `participant`, or `sub` without it; `scope` is a list separated by spaces, as
 * in RFC 8693. `cnf` binds the token to a certificate (RFC 8705); a token that is bound to anything else is
 * refused, because the hub cannot check it.
 */
function viewerOf(
  { sub, participant, scope, exp, cnf }: JWTPayload,
  keepsAllScopes: boolean,
): TokenViewer | null {
  const id = participant ?? sub
  if (typeof id !== 'string' || id === '' || exp === undefined) return null
  const certificate = cnf === undefined ? null : (cnf as Record<string, unknown> | null)?.['x5t#S256']
  if (certificate !== null && (typeof certificate !== 'string' || certificate === '')) return null
  const participantId = id as ParticipantId
  const granted = typeof scope === 'string' ? scope.split(' ') : []
  return {
    participant: participantId,
    scopes: new Set(keepsAllScopes ? (granted as Scope[]) : granted.filter(isScope)),
    key: `token of ${sub ?? id}`,
    ...(certificate !== null && { certificate }),
    expiresAt: new Date(exp * 1000),
  }
}

const isScope = (name: string): name is Scope => Object.hasOwn(scopes, name)

/** Codes of failures to read the keys: they mean nothing about the token. */
const unreachable = new Set(['ERR_JOSE_GENERIC', 'ERR_JWKS_TIMEOUT', 'ERR_JWKS_INVALID'])

const isRefused = (error: unknown): boolean =>
  error instanceof errors.JOSEError && !unreachable.has(error.code)
