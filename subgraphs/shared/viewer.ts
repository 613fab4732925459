import type { Scope } from '../../schema/values/scopes.ts'

// The caller of a request.

/** Who is calling: the participant and scopes that its key or token stands for. */
export interface Viewer {
  readonly participant: string
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
