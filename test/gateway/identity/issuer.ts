// An issuer of tokens: serves its public keys over HTTP, and signs tokens for tests.

import { exportJWK, generateKeyPair, SignJWT, type JWTPayload } from 'jose'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll } from 'vitest'

export interface Issuer {
  readonly settings: Record<'JWT_ISSUER' | 'JWT_AUDIENCE' | 'JWT_JWKS_URL', string>
  /** Requests for its keys so far. */
  readonly requests: () => number
  /** A token with these claims; `expiresAt` null leaves `exp` out. */
  token(
    claims: JWTPayload,
    expiresAt: Date | null,
    as?: { key?: CryptoKey; issuer?: string; audience?: string },
  ): Promise<string>
  /** Replaces its key: tokens of the earlier one can no longer be verified. */
  replaceKey(): Promise<void>
  close(): void
}

export async function anIssuer(): Promise<Issuer> {
  let signing: { readonly kid: string; readonly privateKey: CryptoKey }
  let jwk: object
  let numbers = 0
  const replaceKey = async (): Promise<void> => {
    const { publicKey, privateKey } = await generateKeyPair('ES256')
    const kid = `key ${++numbers}`
    jwk = { ...(await exportJWK(publicKey)), kid, alg: 'ES256', use: 'sig' }
    signing = { kid, privateKey }
  }
  await replaceKey()
  let requests = 0
  const server = createServer((_request, response) => {
    requests++
    response.setHeader('content-type', 'application/json').end(JSON.stringify({ keys: [jwk] }))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const close = (): void => void server.close()
  afterAll(close)
  const settings = {
    JWT_ISSUER: 'https://issuer.example',
    JWT_AUDIENCE: 'crossgate',
    JWT_JWKS_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}/keys`,
  }
  return {
    settings,
    requests: () => requests,
    async token(
      claims,
      expiresAt,
      { key = signing.privateKey, issuer = settings.JWT_ISSUER, audience = 'crossgate' } = {},
    ) {
      const token = new SignJWT(claims)
        .setProtectedHeader({ alg: 'ES256', kid: signing.kid })
        .setIssuer(issuer)
        .setAudience(audience)
      if (expiresAt) token.setExpirationTime(expiresAt)
      return token.sign(key)
    },
    replaceKey,
    close,
  }
}
