// Secrets that sign what the hub sends to an endpoint. Source: Standard Webhooks 1.0.0.

import { randomBytes } from 'node:crypto'
import type { SecretBox } from './secret-box.ts'

/** While secrets rotate, an endpoint has several valid ones. */
export interface SigningSecret {
  /** "whsec_" and the base64 of 24–64 random bytes. */
  readonly secret: string
  /** The secret expires at this instant; null: it has no expiry. */
  readonly notAfter: Date | null
}

/** A new secret of 32 random bytes. */
export const newSigningSecret = (): string => `${prefix}${randomBytes(32).toString('base64')}`

/**
 * The key that `secret` stands for. Throws a TypeError when `secret` is not "whsec_" and the base64 of 24–64
 * bytes.
 */
export function signingKey(secret: string): Buffer {
  const key = Buffer.from(secret.slice(prefix.length), 'base64')
  const isSecret = secret === `${prefix}${key.toString('base64')}` && key.length >= 24 && key.length <= 64
  if (!isSecret) throw new TypeError('a signing secret is "whsec_" and the base64 of 24–64 bytes')
  return key
}

/** `secrets` as they are stored for `owner`. */
export const sealSecrets = <Secret extends SigningSecret>(
  secrets: readonly Secret[],
  owner: string,
  box: SecretBox,
): readonly Secret[] => secrets.map((one) => ({ ...one, secret: box.seal(one.secret, owner) }))

/** `secrets` as they were before they were stored for `owner`. */
export const openSecrets = <Secret extends SigningSecret>(
  secrets: readonly Secret[],
  owner: string,
  box: SecretBox,
): readonly Secret[] => secrets.map((one) => ({ ...one, secret: box.open(one.secret, owner) }))

/** The secrets that sign at `now`, in their order. */
export const validSecrets = <Secret extends SigningSecret>(
  secrets: readonly Secret[],
  now: Date,
): readonly Secret[] => secrets.filter(({ notAfter }) => notAfter === null || now < notAfter)

/**
 * What a rotation leaves of the previous secrets: those that are valid at `now`, each with an expiry of at
 * most `overlapMs` milliseconds from `now`. With an overlap of 0 none is left.
 */
export function expireSecrets<Secret extends SigningSecret>(
  secrets: readonly Secret[],
  overlapMs: number,
  now: Date,
): readonly Secret[] {
  const end = new Date(now.getTime() + overlapMs)
  const expiring = validSecrets(secrets, now).map((secret) => ({
    ...secret,
    notAfter: secret.notAfter && secret.notAfter < end ? secret.notAfter : end,
  }))
  return validSecrets(expiring, now)
}

const prefix = 'whsec_'
