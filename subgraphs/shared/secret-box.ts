// Encrypts the secrets that the hub stores because it has to sign with them: AES-256-GCM under keys of the
// operator, which are in no database. Pure.

import { createCipheriv, createDecipheriv, hash, randomBytes } from 'node:crypto'

export interface SecretBox {
  /**
   * Encrypts `secret` under the newest key. `owner` is authenticated, so a sealed secret is of no use
   * elsewhere.
   */
  seal(secret: string, owner: string): string
  /**
   * The secret in `stored`. A text that was stored before the hub had a key is returned as it is. Throws
   * when no key opens it, or it was sealed for another owner.
   */
  open(stored: string, owner: string): string
  /** Whether `stored` is sealed under the newest key. */
  isCurrent(stored: string): boolean
}

/** Stores secrets as they are: for a demo. */
export const plainSecrets: SecretBox = {
  seal: (secret) => secret,
  open(stored) {
    if (stored.startsWith(prefix))
      throw new SecretBoxError('a stored secret is encrypted: set SECRETS_KEY to its key')
    return stored
  },
  isCurrent: () => true,
}

/** A stored secret that cannot be read. */
export class SecretBoxError extends Error {
  override readonly name = 'SecretBoxError'
  readonly code = 'SECRETS_UNREADABLE'
}

const prefix = 'sealed:'
const ivBytes = 12
const tagBytes = 16

/**
 * Seals under the first of `keys`, and opens under any of them, so that keys can be rotated. Each has 32
 * bytes.
 *
 *   sealed:IDOFKEY:base64url(iv, tag, text)
 */
export function createSecretBox(keys: readonly [Buffer, ...Buffer[]]): SecretBox {
  const byId = new Map(keys.map((key) => [idOf(key), key]))
  const [newest] = keys
  const start = `${prefix}${idOf(newest)}:`
  return {
    seal(secret, owner) {
      const iv = randomBytes(ivBytes)
      const cipher = createCipheriv('aes-256-gcm', newest, iv).setAAD(Buffer.from(owner))
      const text = Buffer.concat([cipher.update(secret, 'utf8'), cipher.final()])
      return start + Buffer.concat([iv, cipher.getAuthTag(), text]).toString('base64url')
    },
    open(stored, owner) {
      if (!stored.startsWith(prefix)) return stored
      const [id = '', sealed = ''] = stored.slice(prefix.length).split(':')
      const key = byId.get(id)
      if (!key)
        throw new SecretBoxError(`a stored secret was encrypted with the key ${id}: add it to SECRETS_KEY`)
      const bytes = Buffer.from(sealed, 'base64url')
      const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, ivBytes), {
        authTagLength: tagBytes,
      })
        .setAAD(Buffer.from(owner))
        .setAuthTag(bytes.subarray(ivBytes, ivBytes + tagBytes))
      try {
        return decipher.update(bytes.subarray(ivBytes + tagBytes), undefined, 'utf8') + decipher.final('utf8')
      } catch (cause) {
        throw new SecretBoxError(`a stored secret of ${owner} was changed`, { cause })
      }
    },
    isCurrent: (stored) => stored.startsWith(start),
  }
}

/** Names a key without revealing it. */
const idOf = (key: Buffer): string => hash('sha256', key, 'hex').slice(0, 8)
