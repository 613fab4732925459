// Signs messages. Source: Standard Webhooks 1.0.0. Pure.

import { createHmac } from 'node:crypto'
import { signingKey, type SigningSecret } from '../../shared/signing-secret.ts'

/**
 * The three headers of a message, with one signature per secret, so that a receiver with any of the secrets
 * can verify it. `id` must not contain a full stop, which separates the parts of the signed text. Throws a
 * TypeError when there is no secret, or when one is malformed.
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

const sign = (secret: string, signed: string): string =>
  createHmac('sha256', signingKey(secret)).update(signed).digest('base64')
