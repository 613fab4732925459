// The caller of a request.

import type { ParticipantId } from '../../schema/values/id.ts'
import type { Scope } from '../../schema/values/scopes.ts'
import type { Deadline } from '../platform/async/deadline.ts'
import type { LoopTime } from '../platform/async/loop-time.ts'

/** The participant and the scopes for which a request is made, from its key or token. */
export interface Viewer {
  readonly participant: ParticipantId
  readonly scopes: ReadonlySet<Scope>
  /** A name of the key or token for log lines and audit, never the key itself. */
  readonly key: string
  /** Expiry of a token. A key has none: it is valid until it is revoked. */
  readonly expiresAt?: Date | null
  /** Thumbprint of the one certificate with which the key or token is valid; left out: with any. */
  readonly certificate?: string | null
  /** The network address of a caller without a key. */
  readonly address?: string
  /** Headers of the request that subgraphs behind HTTP receive, by name in lower case. */
  readonly headers?: Readonly<Record<string, string>>
}

/** The context of every resolver of one request. */
export interface RequestContext {
  readonly viewer: Viewer
  readonly requestId: string
  /** Left out for a stream. Reads of a resolver may end with its `signal`; writes must not. */
  readonly deadline?: Deadline
  /** What the operation takes of the event loop. Left out for the events of a stream. */
  readonly loopTime?: LoopTime
}
