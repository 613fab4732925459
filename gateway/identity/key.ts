// API keys: their form, their stored form, and the four keys of a demo hub. Pure: no I/O.

import { hash, randomBytes } from 'node:crypto'
import type { Brand, ParticipantId } from '../../schema/values/id.ts'
import { scopes, type Scope } from '../../schema/values/scopes.ts'
import type { Viewer } from '../../subgraphs/shared/viewer.ts'

/** The SHA-256 of a key, in hexadecimal. */
export type KeyHash = Brand<string, 'KeyHash'>

/** A key as it is stored: by its hash, so that a copy of the database gives no access. */
export interface ApiKey {
  readonly _id: KeyHash
  /** The participant that the key authenticates. */
  readonly participant: ParticipantId
  readonly scopes: readonly Scope[]
  /** Names the key in logs and in the audit. */
  readonly label: string
  readonly createdAt: Date
  /** Null or left out: the key does not expire. */
  readonly expiresAt?: Date | null
  /** Thumbprint of the one certificate with which the key is valid; null or left out: with any. */
  readonly certificate?: string | null
  /** A revoked key stays stored, so that its label in old log lines can be traced. */
  readonly revokedAt: Date | null
}

/** A key of 256 random bits. They cannot be guessed, so a fast hash is enough to store them by. */
export const createKey = (): string => `cg_${randomBytes(32).toString('base64url')}`

export const hashKey = (key: string) => hash('sha256', key, 'hex') as KeyHash

/** The id of a key: the beginning of its hash, from which the key cannot be derived. */
export const keyId = (keyHash: KeyHash): string => `key-${keyHash.slice(0, idDigits)}`
const idDigits = 24

/** The beginning of the hash of the key with this id; null for a text in another form. */
export const hashStart = (id: string): string | null => /^key-([0-9a-f]{24})$/.exec(id)?.[1] ?? null

export const viewerOf = ({ participant, scopes: granted, label, ...bounds }: ApiKey): Viewer => ({
  participant,
  scopes: new Set(granted),
  key: label,
  ...(bounds.expiresAt && { expiresAt: bounds.expiresAt }),
  ...(bounds.certificate && { certificate: bounds.certificate }),
})

/** The key or token in `Authorization: Bearer KEY` (RFC 6750); null when the header has another form. */
export function bearerOf(authorization: unknown): string | null {
  if (typeof authorization !== 'string') return null
  return /^bearer +([\w.~+/-]{1,4096}=*) *$/i.exec(authorization)?.[1] ?? null
}

interface DemoKey {
  readonly key: string
  readonly participant: ParticipantId
  readonly scopes: readonly Scope[]
  /** For the banner. */
  readonly about: string
}

const participants = {
  operator: 'operator' as ParticipantId,
  portal: 'portal-demo' as ParticipantId,
  wallet: 'wallet-sg-01' as ParticipantId,
  acquirer: 'acquirer-cn-01' as ParticipantId,
}

/**
 * Public, because they are in this file: a hub in production mode refuses them, even when its database
 * contains them.
 */
export const demoKeys: readonly DemoKey[] = [
  {
    key: 'demo-operator',
    participant: participants.operator,
    scopes: Object.keys(scopes) as Scope[],
    about: 'the operator: reads and may do everything',
  },
  {
    key: 'demo-portal',
    participant: participants.portal,
    scopes: ['coverage:read', 'analytics:read', 'payments:read'],
    about: 'a partner portal: coverage, corridors, activity',
  },
  {
    key: 'demo-wallet',
    participant: participants.wallet,
    scopes: [
      'coverage:read',
      'payments:write',
      'payments:read',
      'analytics:read',
      'webhooks:read',
      'webhooks:manage',
      'keys:manage',
    ],
    about: 'a Singapore wallet that bills in SGD',
  },
  {
    key: 'demo-acquirer',
    participant: participants.acquirer,
    scopes: [
      'coverage:read',
      'payments:write',
      'payments:read',
      'authorizations:write',
      'merchants:write',
      'analytics:read',
      'webhooks:read',
      'webhooks:manage',
      'keys:manage',
    ],
    about: 'a mainland acquirer with merchants',
  },
]

export const demoKeyHashes: ReadonlySet<KeyHash> = new Set(demoKeys.map(({ key }) => hashKey(key)))
