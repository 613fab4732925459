// Secrets and signatures, as Standard Webhooks (specification version 1.0.0) has them. Pure, but for the randomness of a secret.

import { createHmac, randomBytes } from 'node:crypto'

/** One that signs. While secrets rotate there are several. */
export interface SigningSecret {
  /** "whsec_" and the base64 of 24–64 random bytes. */
  readonly secret: string
  /** From then on it no longer signs; null: no end is set. */
  readonly notAfter: Date | null
}

/** A new secret of 32 random bytes. */
export const newSecret = (): string => `${prefix}${randomBytes(32).toString('base64')}`

/** True for "whsec_" and the base64 of 24–64 bytes. */
export function isSecret(text: string): boolean {
  const key = Buffer.from(text.slice(prefix.length), 'base64')
  return text === `${prefix}${key.toString('base64')}` && key.length >= 24 && key.length <= 64
}

/** Those that sign at `now`. */
export const liveSecrets = <Secret extends SigningSecret>(
  secrets: readonly Secret[],
  now: Date,
): readonly Secret[] => secrets.filter(({ notAfter }) => notAfter === null || now < notAfter)

/**
 * The three headers of a message: one signature per secret, so that a receiver who knows any of them can check it. `id` has no
 * full stop in it, for that is what parts the signed text. Throws when there is no secret, or one is malformed.
 */
export function signatureHeaders(
  id: string,
  at: Date,
  body: string,
  secrets: readonly SigningSecret[],
): Readonly<Record<'webhook-id' | 'webhook-timestamp' | 'webhook-signature', string>> {
  if (secrets.length === 0) throw new TypeError(`there is no secret to sign message ${id} with`)
  const timestamp = Math.floor(at.getTime() / 1000).toString()
  const signed = `${id}.${timestamp}.${body}`
  return {
    'webhook-id': id,
    'webhook-timestamp': timestamp,
    'webhook-signature': secrets.map(({ secret }) => `v1,${sign(secret, signed)}`).join(' '),
  }
}

function sign(secret: string, signed: string): string {
  if (!isSecret(secret)) throw new TypeError('a signing secret is not of the form "whsec_…"')
  return createHmac('sha256', Buffer.from(secret.slice(prefix.length), 'base64'))
    .update(signed)
    .digest('base64')
}

const prefix = 'whsec_'
