// API keys as the graph shows and changes them. The gateway stores them; this is what it gives to the
// subgraph.

import type { ClientSession } from 'mongodb'
import type { ParticipantId } from '../../schema/values/id.ts'
import type { Scope } from '../../schema/values/scopes.ts'

/** What a new key grants. */
export interface Grant {
  readonly participant: ParticipantId
  readonly scopes: readonly Scope[]
  /** Names the key in logs and in the audit log. */
  readonly label: string
  /** Null: the key is valid until it is revoked. */
  readonly expiresAt: Date | null
  /** Thumbprint of the one client certificate with which the key is valid; null: with any. */
  readonly certificate: string | null
}

/** A key without its text, which is stored nowhere. */
export interface ApiKeyView extends Grant {
  /** "key-" and 24 hexadecimal digits; it gives no access. */
  readonly id: string
  readonly createdAt: Date
  readonly revokedAt: Date | null
}

export interface ApiKeys {
  /** Newest first; of all participants for null. */
  list(participant: ParticipantId | null): Promise<readonly ApiKeyView[]>
  byId(id: string, session?: ClientSession): Promise<ApiKeyView | null>
  /** A new text for a key, and the id that the key will have. */
  draft(): { readonly text: string; readonly id: string }
  /** Stores the key with this text. */
  add(text: string, grant: Grant, now: Date, session: ClientSession): Promise<ApiKeyView>
  /** Lets a key expire at `expiresAt`; never later than before. */
  expire(id: string, expiresAt: Date, session: ClientSession): Promise<void>
  revokeById(id: string, now: Date, session: ClientSession): Promise<void>
  /** When each key was last used, a minute behind at most; keys that were not used are left out. */
  lastUses(ids: readonly string[]): Promise<ReadonlyMap<string, Date>>
}
