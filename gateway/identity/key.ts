// API keys: what one looks like, how it is kept, and the four that a demo hub prints. No I/O lives here.

import { hash, randomBytes } from 'node:crypto'
import { scopes, type Scope } from '../../schema/values/scopes.ts'
import type { Viewer } from '../../subgraphs/shared/viewer.ts'

/** A key as the database knows it: by its hash, so that a stolen copy opens nothing. */
export interface ApiKey {
  /** SHA-256 of the key, hexadecimal. */
  readonly _id: string
  /** Id of the participant that the key speaks for. */
  readonly participant: string
  readonly scopes: readonly Scope[]
  /** Names the key for people, in logs and in the audit. */
  readonly label: string
  readonly createdAt: Date
  /** A revoked key is kept, so that old log lines can still be read. */
  readonly revokedAt: Date | null
}

/** 256 random bits: too many to guess, so a fast hash is enough to keep them by. */
export const newKey = (): string => `cg_${randomBytes(32).toString('base64url')}`

export const hashKey = (key: string): string => hash('sha256', key, 'hex')

export const viewerOf = ({ participant, scopes: granted, label }: ApiKey): Viewer => ({
  participant,
  scopes: new Set(granted),
  key: label,
})

/** The key or token in `Authorization: Bearer KEY` (RFC 6750), or null when the text is nothing of the kind. */
export function bearerOf(authorization: unknown): string | null {
  if (typeof authorization !== 'string') return null
  return /^bearer +([\w.~+/-]{1,4096}=*) *$/i.exec(authorization)?.[1] ?? null
}

interface DemoKey {
  readonly key: string
  readonly participant: string
  readonly scopes: readonly Scope[]
  readonly about: string
}

/** Known to everybody who can read this, so a hub in production mode refuses them wherever they come from. */
export const demoKeys: readonly DemoKey[] = [
  {
    key: 'demo-operator',
    participant: 'operator',
    scopes: Object.keys(scopes) as Scope[],
    about: 'the operator: sees and may do everything',
  },
  {
    key: 'demo-portal',
    participant: 'portal-demo',
    scopes: ['coverage:read', 'analytics:read', 'payments:read'],
    about: 'a partner portal: coverage, corridors, activity',
  },
  {
    key: 'demo-wallet',
    participant: 'wallet-sg-01',
    scopes: ['coverage:read', 'payments:write', 'payments:read', 'analytics:read'],
    about: 'a Singapore wallet that bills in SGD',
  },
  {
    key: 'demo-acquirer',
    participant: 'acquirer-cn-01',
    scopes: [
      'coverage:read',
      'payments:write',
      'payments:read',
      'authorizations:write',
      'merchants:write',
      'analytics:read',
    ],
    about: 'a mainland acquirer with merchants',
  },
]

export const demoKeyHashes: ReadonlySet<string> = new Set(demoKeys.map(({ key }) => hashKey(key)))
