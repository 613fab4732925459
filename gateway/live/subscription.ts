// One subscription, from its first event to its last: in the group while its client keeps up, on an upstream
// of its own when it resumes from further back, and on none while its client does not read.
//
// While it has no upstream, only its position is kept, so a slow client costs almost no memory. The position
// is exact: when the subscription moves from one upstream to another, it misses no event and receives none
// twice.

import type { StreamPosition } from '../../subgraphs/platform/async/resumable-stream.ts'
import type { Semaphore } from '../../subgraphs/platform/async/semaphore.ts'
import type { Viewer } from '../../subgraphs/shared/viewer.ts'
import type { SubscriptionEvent } from '../supergraph/index.ts'
import { Batch } from './batch.ts'
import { SubscriptionGroup, type GroupMember, type GroupOptions } from './group.ts'
import type { Sharing } from './group-key.ts'
import { closeStream, StreamBatcher, type BatchConsumer } from './stream-batcher.ts'
import type { Subscriber } from './subscriber.ts'
import { stateAfter, type SubscriptionState, type SubscriptionTrigger } from './subscription-state.ts'

/** What subscriptions with the same document, variables and visibility share, whatever their positions. */
export interface Topic {
  readonly sharing: Sharing
  /** Whether an upstream can begin at a cursor. */
  readonly canResume: boolean
  /** Opens an upstream after `cursor`, or where the field begins by default; else gives an error response. */
  open(viewer: Viewer, cursor: string | null): Promise<AsyncIterator<SubscriptionEvent> | string>
  /** The response for an error that was thrown. */
  errorResponse(error: unknown): string
  /** Subscriptions that have not ended, in the group or not. */
  readonly subscriptions: Set<Subscription>
  /** Called when the last subscription has ended. */
  onEmpty(): void
  /** Moves all subscriptions to upstreams of the current graph; refuses them when it lacks their fields. */
  renew(): void
  /** Null while no subscription is in a group. */
  group: SubscriptionGroup | null
  /** Limits the upstreams that single subscriptions read at once. */
  readonly semaphore: Semaphore
  /** Subscriptions of all topics whose clients do not read. */
  readonly lagging: Set<Subscription>
  /** Milliseconds that only grow. */
  readonly clock: () => number
}

/** Events that are requested at once on an upstream of one subscription. */
const prefetch = 32
/** How long an upstream is held for a client before it is closed and later opened again. */
const holdMs = 1_000
/** How long a subscription keeps its permit while others wait for one. */
const permitMs = 1_000

/** An upstream that feeds one subscription, and how far it has come. */
interface OwnUpstream {
  readonly batcher: StreamBatcher
  /** Until when it keeps its permit if others wait; null when it needs none. */
  readonly permitUntilMs: number | null
  /** The cursor after which it was opened. */
  readonly cursor: string | null
  /** The last position that the client received; null before the first. */
  position: StreamPosition | null
  /** Whether it has delivered everything there was at some time. */
  hasCaughtUp: boolean
}

/** Each state with what it holds. */
type State =
  | { readonly kind: 'new' | 'grouped' | 'queued' | 'closed' }
  | { readonly kind: 'skipping'; readonly sinceMs: number }
  | { readonly kind: 'opening'; readonly permitUntilMs: number | null }
  | { readonly kind: 'separate'; readonly upstream: OwnUpstream }
  | { readonly kind: 'held'; readonly upstream: OwnUpstream; readonly sinceMs: number }
  | { readonly kind: 'lagging'; readonly position: StreamPosition; readonly sinceMs: number }

export class Subscription implements GroupMember, BatchConsumer {
  readonly viewer: Viewer
  readonly #topic: Topic
  readonly #subscriber: Subscriber
  #state: State = { kind: 'new' }

  constructor(topic: Topic, viewer: Viewer, subscriber: Subscriber) {
    this.#topic = topic
    this.viewer = viewer
    this.#subscriber = subscriber
    topic.subscriptions.add(this)
  }

  get state(): SubscriptionState {
    return this.#state.kind
  }

  /** Since when the client has not read, by the topic's clock; null when it reads. */
  get laggingSinceMs(): number | null {
    return laggingSince(this.#state)
  }

  get isBehind(): boolean {
    return this.#subscriber.isBehind
  }

  /** Begins after `cursor`, or with what the field begins with. */
  start(cursor: string | null): void {
    const { group, sharing, canResume } = this.#topic
    if (sharing === 'OWN') return void this.#openUpstream(cursor, null)
    if (cursor === null || !canResume) {
      this.#group().join(this)
      this.#move('join', { kind: 'grouped' })
      return
    }
    // A client that has just lost its connection is often no further back than the group's recent events.
    const position = group?.positionOf(cursor)
    if (!position || !this.#joinAfter(position)) void this.#openUpstream(cursor, null)
  }

  /** Ends the subscription without notice to the subscriber. */
  close(): void {
    if (this.#state.kind === 'closed') return
    const topic = this.#topic
    this.#move('close', { kind: 'closed' })
    topic.group?.remove(this)
    topic.subscriptions.delete(this)
    if (topic.subscriptions.size === 0) topic.onEmpty()
  }

  /**
   * Continues at its position on an upstream of the current graph. A field that cannot resume keeps its
   * upstream, and so the graph with which it began.
   */
  renew(): void {
    const state = this.#state
    const upstream = upstreamOf(state)
    if (!upstream || !this.#topic.canResume) return
    const { position, cursor } = upstream
    if (state.kind === 'separate') void this.#openUpstream(position?.cursor ?? cursor, position)
    else if (state.kind === 'held' && position)
      void this.#lag('release', position, state.sinceMs, this.#subscriber.flushed())
  }

  /** Ends the subscription and disconnects its client, which is too slow. */
  disconnect(position: StreamPosition | null = positionOf(this.#state)): void {
    if (this.#state.kind === 'closed') return
    this.close()
    this.#subscriber.close(position)
  }

  refuse(errorResponse: string): void {
    if (this.#state.kind === 'closed') return
    this.close()
    this.#subscriber.refuse(errorResponse)
  }

  complete(): void {
    if (this.#state.kind === 'closed') return
    this.close()
    this.#subscriber.complete()
  }

  // The group calls these.

  next(batch: Batch): void {
    this.#subscriber.next(batch)
  }

  skipped(): void {
    if (this.#state.kind === 'skipping') return
    const skipping = this.#move('skip', { kind: 'skipping', sinceMs: this.#topic.clock() })
    void this.#catchUp(skipping)
  }

  removed(position: StreamPosition | null): void {
    const { canResume, clock } = this.#topic
    if (!position || !canResume) return this.disconnect(position)
    void this.#lag('remove', position, clock(), this.#subscriber.flushed())
  }

  // Its own upstream calls these.

  take(batch: Batch): Promise<void> | void {
    const state = this.#state
    if (state.kind !== 'separate') return
    const { upstream } = state
    this.#subscriber.next(batch)
    upstream.position = batch.position ?? upstream.position
    upstream.hasCaughtUp ||= batch.hasCaughtUp
    if (!this.#isStill(state)) return
    if (this.isBehind) return this.#hold(upstream)
    if (this.#topic.sharing !== 'OWN' && batch.position) this.#leaveUpstream(upstream, batch.position)
  }

  ended(error: { readonly thrown: unknown } | null): void {
    if (error) this.refuse(this.#topic.errorResponse(error.thrown))
    else this.complete()
  }

  /**
   * Opens an upstream of its own after `cursor`. `position` is the last one that the client received; null
   * when the subscription has just started.
   */
  async #openUpstream(cursor: string | null, position: StreamPosition | null): Promise<void> {
    const { semaphore, sharing, canResume, clock } = this.#topic
    const queued = this.#move('queue', { kind: 'queued' })
    // Only the log is long: the other fields deliver all that there is at once.
    const needsPermit = sharing === 'FROM_NOW'
    if (needsPermit) await semaphore.acquire()
    if (!this.#isStill(queued)) return needsPermit ? semaphore.release() : undefined
    const permitUntilMs = needsPermit ? clock() + permitMs : null
    const opening = this.#move('admit', { kind: 'opening', permitUntilMs })
    try {
      const opened = await this.#topic.open(this.viewer, cursor)
      if (!this.#isStill(opening)) {
        if (typeof opened !== 'string') closeStream(opened)
      } else if (typeof opened !== 'string') {
        // Without positions, an event that is requested and not delivered would be lost with the upstream.
        const batcher = new StreamBatcher(opened, this, canResume ? prefetch : 1)
        this.#move('open', {
          kind: 'separate',
          upstream: { batcher, permitUntilMs, cursor, position, hasCaughtUp: false },
        })
      } else if (position) {
        // The client has events already, and those after its position are no longer kept.
        this.disconnect(position)
      } else this.refuse(opened)
    } catch (error) {
      this.refuse(this.#topic.errorResponse(error))
    }
  }

  /** Moves to the group once that is possible, or passes the permit on when its time is over. */
  #leaveUpstream({ batcher, hasCaughtUp, permitUntilMs }: OwnUpstream, position: StreamPosition): void {
    const topic = this.#topic
    if (this.#joinAfter(position)) return
    if (!topic.group && hasCaughtUp) {
      topic.group = SubscriptionGroup.around(batcher, position, this.#groupOptions())
      topic.group.join(this)
      this.#move('found', { kind: 'grouped' })
    } else if (permitUntilMs !== null && topic.semaphore.hasWaiting && topic.clock() > permitUntilMs) {
      void this.#openUpstream(position.cursor, position)
    }
  }

  /** Delivers the last event once the client has read. */
  async #catchUp(skipping: State): Promise<void> {
    await this.#subscriber.flushed()
    if (!this.#isStill(skipping)) return
    this.#move('resume', { kind: 'grouped' })
    const last = this.#topic.group?.last
    if (last) this.#subscriber.next(new Batch([last], null))
  }

  /** Holds the upstream until the client has read; closes it when that takes longer than `holdMs`. */
  #hold(upstream: OwnUpstream): Promise<void> {
    const { canResume, clock } = this.#topic
    const { position } = upstream
    const held = this.#move('hold', { kind: 'held', upstream, sinceMs: clock() })
    const flushed = this.#subscriber.flushed()
    const resumed = this.#resume(held, flushed)
    if (!canResume || !position) return resumed
    const released = Promise.withResolvers<void>()
    const timer = setTimeout(() => {
      if (this.#isStill(held)) void this.#lag('release', position, held.sinceMs, flushed)
      released.resolve()
    }, holdMs)
    return Promise.race([resumed, released.promise]).finally(() => clearTimeout(timer))
  }

  /** Lets the upstream continue once the client has read. */
  async #resume(held: State & { readonly kind: 'held' }, flushed: Promise<void>): Promise<void> {
    await flushed
    if (this.#isStill(held)) this.#move('resume', { kind: 'separate', upstream: held.upstream })
  }

  /** Keeps only `position` until the client has read, and resumes from there. */
  async #lag(
    trigger: 'remove' | 'release',
    position: StreamPosition,
    sinceMs: number,
    flushed: Promise<void>,
  ): Promise<void> {
    const lagging = this.#move(trigger, { kind: 'lagging', position, sinceMs })
    await flushed
    if (!this.#isStill(lagging) || this.#joinAfter(position)) return
    await this.#openUpstream(position.cursor, position)
  }

  /** Joins the group after `position`; false when there is none, or it does not keep all later events. */
  #joinAfter(position: StreamPosition): boolean {
    if (!this.#topic.group?.joinAfter(this, position)) return false
    this.#move('join', { kind: 'grouped' })
    return true
  }

  #group(): SubscriptionGroup {
    const topic = this.#topic
    return (topic.group ??= SubscriptionGroup.open(this.#groupOptions()))
  }

  #groupOptions(): GroupOptions {
    const topic = this.#topic
    const { viewer } = this
    return {
      open: (cursor) => topic.open(viewer, cursor),
      isLatestOnly: topic.sharing === 'LATEST',
      replaysLast: topic.sharing !== 'FROM_NOW',
      errorResponse: topic.errorResponse,
      onClose: () => (topic.group = null),
    }
  }

  /** False when the subscription has moved on since it entered `state`. */
  #isStill(state: State): boolean {
    return this.#state === state
  }

  /** Moves along the table, and closes what the previous state held and the next does not. */
  #move<Next extends State>(on: SubscriptionTrigger, next: Next): Next {
    const previous = this.#state
    if (stateAfter(previous.kind, on) !== next.kind) {
      throw new TypeError(`a subscription cannot move from ${previous.kind} to ${next.kind} by ${on}`)
    }
    this.#state = next
    const { lagging, semaphore } = this.#topic
    if (laggingSince(next) === null) lagging.delete(this)
    else lagging.add(this)
    const upstream = upstreamOf(previous)
    if (upstream && upstream !== upstreamOf(next) && on !== 'found') upstream.batcher.close()
    if (holdsPermit(previous) && !holdsPermit(next)) semaphore.release()
    return next
  }
}

const upstreamOf = (state: State): OwnUpstream | null => ('upstream' in state ? state.upstream : null)

const holdsPermit = (state: State): boolean =>
  (state.kind === 'opening' ? state.permitUntilMs : (upstreamOf(state)?.permitUntilMs ?? null)) !== null

const laggingSince = (state: State): number | null => ('sinceMs' in state ? state.sinceMs : null)

const positionOf = (state: State): StreamPosition | null =>
  state.kind === 'lagging' ? state.position : (upstreamOf(state)?.position ?? null)
