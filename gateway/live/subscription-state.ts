// The life of a subscription, as a table: a `Subscription` moves along it, and a test tries every pair.

export type SubscriptionState =
  /** Not started. */
  | 'new'
  /** In the group: shares its upstream. */
  | 'grouped'
  /** In the group, where the latest event alone counts: the client is behind and misses earlier events. */
  | 'skipping'
  /** Waits for a permit to read an upstream of its own. */
  | 'queued'
  /** Its own upstream is being opened. */
  | 'opening'
  /** Reads an upstream of its own. */
  | 'separate'
  /** Its own upstream waits until the client has read. */
  | 'held'
  /** Without an upstream until the client has read: only its position is kept. */
  | 'lagging'
  | 'closed'

export type SubscriptionTrigger =
  'join' | 'found' | 'queue' | 'admit' | 'open' | 'hold' | 'release' | 'skip' | 'remove' | 'resume' | 'close'

export interface SubscriptionTransition {
  readonly from: SubscriptionState
  readonly on: SubscriptionTrigger
  readonly to: SubscriptionState
  /** When this happens. */
  readonly means: string
}

export const subscriptionTransitions: readonly SubscriptionTransition[] = [
  { from: 'new', on: 'join', to: 'grouped', means: 'it begins now, or after a recent event of the group' },
  { from: 'new', on: 'queue', to: 'queued', means: 'it begins further back, or cannot share an upstream' },
  {
    from: 'grouped',
    on: 'skip',
    to: 'skipping',
    means: 'the client is behind, and older events do not count',
  },
  { from: 'grouped', on: 'remove', to: 'lagging', means: 'the client is behind, and every event counts' },
  { from: 'skipping', on: 'skip', to: 'skipping', means: 'the client is still behind' },
  {
    from: 'skipping',
    on: 'resume',
    to: 'grouped',
    means: 'the client has read, and receives the last event',
  },
  { from: 'queued', on: 'admit', to: 'opening', means: 'a permit is free, or none is needed' },
  { from: 'opening', on: 'open', to: 'separate', means: 'the upstream is open' },
  { from: 'separate', on: 'join', to: 'grouped', means: 'the group still keeps every later event' },
  {
    from: 'separate',
    on: 'found',
    to: 'grouped',
    means: 'no group exists: its upstream becomes the group’s',
  },
  {
    from: 'separate',
    on: 'queue',
    to: 'queued',
    means: 'its time is over, and another one waits for the permit',
  },
  { from: 'separate', on: 'hold', to: 'held', means: 'the client is behind' },
  { from: 'held', on: 'resume', to: 'separate', means: 'the client has read' },
  { from: 'held', on: 'release', to: 'lagging', means: 'the client does not read: the upstream is closed' },
  {
    from: 'lagging',
    on: 'join',
    to: 'grouped',
    means: 'the client has read, and the group keeps what it missed',
  },
  { from: 'lagging', on: 'queue', to: 'queued', means: 'the client has read, and the group does not' },
  ...(['new', 'grouped', 'skipping', 'queued', 'opening', 'separate', 'held', 'lagging'] as const).map(
    (from) =>
      ({ from, on: 'close', to: 'closed', means: 'the client, the upstream or the hub ends it' }) as const,
  ),
]

const targets = new Map(subscriptionTransitions.map(({ from, on, to }) => [`${from} ${on}`, to]))

/** The state that `trigger` leads to; null when it cannot happen in `state`. */
export const stateAfter = (
  state: SubscriptionState,
  trigger: SubscriptionTrigger,
): SubscriptionState | null => targets.get(`${state} ${trigger}`) ?? null
