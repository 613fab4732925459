// The caller of a request.

import type { Scope } from '../../schema/values/scopes.ts'
import type { ParticipantId } from '../../schema/values/id.ts'

/** Who is calling: the participant and scopes that its key or token stands for. */
export interface Viewer {
  readonly participant: ParticipantId
  readonly scopes: ReadonlySet<Scope>
  /** Names the key or token, for logs and audit: never the key itself. */
  readonly key: string
  /** When its access ends by itself; a key stands until it is revoked. */
  readonly expiresAt?: Date | null
}

/** Handed to every resolver of one request. */
export interface RequestContext {
  readonly viewer: Viewer
  readonly requestId: string
}
