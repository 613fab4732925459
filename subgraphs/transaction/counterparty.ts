// The port to whoever approves payments. How a participant is connected decides who carries the request there; the answer
// always comes back through the cashier, by the same rules.
//
// STREAM: it subscribes to `authorizationRequests` and answers with `respondAuthorization`.
// SIMULATOR: the hub answers in its place, see simulator.ts.
// WEBHOOK: nobody carries requests there yet; it can subscribe and answer as with STREAM.

import type { Participant } from '../reference.ts'

export type ConnectionKind = NonNullable<Participant['connection']>

/** Carries requests to the participants of one kind of connection, from when it is started. */
export interface Counterparties {
  readonly kind: ConnectionKind
  close(): Promise<void>
}
