// What a group of subscribers watches: the same document, variables and visibility, wherever each of them stands.
import type { SubscriptionEvent } from '../supergraph/index.ts'
import type { SubscriptionGroup } from './group.ts'
import type { Sharing } from './group-key.ts'
import type { Viewer } from '../../subgraphs/shared/viewer.ts'
import type { Semaphore } from '../../subgraphs/platform/async/semaphore.ts'

export interface Topic {
  readonly sharing: Sharing
  /** Whether an upstream can begin at a cursor, so that who was left behind can be brought up to the others. */
  readonly canResume: boolean
  /** Opens an upstream from `cursor`, or from where such a subscription begins; or gives the answer that says why not. */
  open(viewer: Viewer, cursor: string | null): Promise<AsyncIterator<SubscriptionEvent> | string>
  /** The answer for something that was thrown. */
  answerFor(error: unknown): string
  /** How many watch it, in the group or not. */
  followers: number
  /** Called when nobody watches it any more. */
  onEmpty(): void
  /** Whoever follows it at the same pace; null when nobody does. */
  group: SubscriptionGroup | null
  /** Who may read an upstream of their own just now. */
  readonly semaphore: Semaphore
  /** Those who wait until their client has read what it was sent. */
  readonly lagging: Map<Lagging, number>
  readonly clock: () => number
}

/** Somebody whose client does not read. */
export interface Lagging {
  readonly viewer: Viewer
  /** The client is given up. */
  giveUp(): void
}
