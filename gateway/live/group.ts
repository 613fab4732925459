// A subscription group: one upstream, and the subscriptions that follow it at its pace.

import type { StreamPosition } from '../../subgraphs/platform/async/resumable-stream.ts'
import type { SubscriptionEvent } from '../supergraph/index.ts'
import { Batch, type RenderedEvent } from './batch.ts'
import { closeStream, StreamBatcher, type BatchConsumer } from './stream-batcher.ts'
import type { Subscriber } from './subscriber.ts'

/** A subscription in the group. No method may throw. */
export interface GroupMember extends Pick<Subscriber, 'next' | 'refuse' | 'complete' | 'isBehind'> {
  /** The member was behind and has missed a batch. Only where the latest event alone counts. */
  skipped(): void
  /** The member was behind: the group has removed it. `position` is the last one that it received. */
  removed(position: StreamPosition | null): void
}

export interface GroupOptions {
  /** Opens an upstream after `cursor`, or with what the field begins with; else gives an error response. */
  readonly open: (cursor: string | null) => Promise<AsyncIterator<SubscriptionEvent> | string>
  /** Only the latest event counts: a member that is behind skips the events before it. */
  readonly isLatestOnly: boolean
  /** A new member receives the last event first. */
  readonly replaysLast: boolean
  /** The response for an error that was thrown. */
  readonly errorResponse: (error: unknown) => string
  /** Called once, when the upstream has ended or the last member has left. */
  readonly onClose: () => void
}

/** Recent events are kept within both bounds, so that a client that soon returns needs no upstream. */
const recentMax = 64
const recentBytesMax = 131_072
/** Events that a group renders at once. */
const prefetch = 8

export class SubscriptionGroup implements BatchConsumer {
  readonly #options: GroupOptions
  /** Members that have received everything up to `#position`. */
  readonly #members = new Set<GroupMember>()
  /** Members that are further than the group, with the last position that each received. */
  readonly #ahead = new Map<GroupMember, StreamPosition>()
  /** Null while it is being opened. */
  #upstream: StreamBatcher | null = null
  /** Everything up to here has been delivered to the members. */
  #position: StreamPosition | null
  /** All events after the ordinal `#recentAfter`. */
  #recent: RenderedEvent[] = []
  #recentBytes = 0
  #recentAfter: number | null
  #last: RenderedEvent | null = null
  #isClosed = false
  /** Its upstream is, or is being, opened by an earlier graph. */
  #isStale = false

  private constructor(options: GroupOptions, position: StreamPosition | null) {
    this.#options = options
    this.#position = position
    this.#recentAfter = position && position.ordinal
  }

  /** A group that begins now. */
  static open(options: GroupOptions): SubscriptionGroup {
    const group = new SubscriptionGroup(options, null)
    group.#open(null)
    return group
  }

  /** A group that takes over `upstream`, which has delivered everything up to `position`. */
  static around(upstream: StreamBatcher, position: StreamPosition, options: GroupOptions): SubscriptionGroup {
    const group = new SubscriptionGroup(options, position)
    group.#upstream = upstream
    upstream.consumer = group
    return group
  }

  get size(): number {
    return this.#members.size + this.#ahead.size
  }

  /** The last event, for a member that has skipped some. */
  get last(): RenderedEvent | null {
    return this.#last
  }

  /** Adds a member that begins now. It receives the current position. */
  join(member: GroupMember): void {
    this.#members.add(member)
    const first = this.#options.replaysLast && this.#last ? [this.#last] : []
    if (this.#position || first.length > 0) member.next(new Batch(first, this.#position))
  }

  /** Adds a member that resumes after `position`; false when the group does not keep all later events. */
  joinAfter(member: GroupMember, position: StreamPosition): boolean {
    if (!this.#position || this.#recentAfter === null || position.ordinal < this.#recentAfter) return false
    if (position.ordinal > this.#position.ordinal) {
      this.#ahead.set(member, position)
      return true
    }
    this.#members.add(member)
    const missed = eventsAfter(this.#recent, position)
    if (missed.length > 0) member.next(new Batch(missed, this.#position))
    return true
  }

  /** The position of a cursor that belongs to a recent event; null for any other. */
  positionOf(cursor: string): StreamPosition | null {
    if (this.#position?.cursor === cursor) return this.#position
    return this.#recent.findLast(({ position }) => position?.cursor === cursor)?.position ?? null
  }

  /** Removes a member that has ended. Without members, the group closes its upstream at once. */
  remove(member: GroupMember): void {
    const wasMember = this.#members.delete(member) || this.#ahead.delete(member)
    if (wasMember && this.size === 0) this.#close()
  }

  /**
   * Continues at its position on an upstream of the current graph. Without a position it cannot resume, and
   * waits for its first.
   */
  renew(): void {
    const canRenew = this.#upstream && (this.#position || this.#options.isLatestOnly)
    this.#isStale = !canRenew
    if (!canRenew) return
    this.#upstream?.close()
    this.#upstream = null
    this.#open(this.#position?.cursor ?? null)
  }

  take(batch: Batch): void {
    const before = this.#position
    this.#keep(batch)
    // The first batch goes to all members: before it, there is no position to resume from.
    const isFirst = before === null && batch.position !== null
    for (const member of this.#members) {
      if (isFirst || !member.isBehind) member.next(batch)
      else if (this.#options.isLatestOnly) member.skipped()
      else {
        this.#members.delete(member)
        member.removed(before)
      }
    }
    for (const [member, position] of this.#ahead) this.#takeAhead(member, position, batch)
    if (this.size === 0) this.#close()
    else if (this.#isStale) this.renew()
  }

  ended(error: { readonly thrown: unknown } | null): void {
    if (error) return this.#refuse(this.#options.errorResponse(error.thrown))
    for (const member of this.#close()) member.complete()
  }

  #open(cursor: string | null): void {
    const { open, errorResponse } = this.#options
    open(cursor).then(
      (opened) => this.#opened(opened),
      (error: unknown) => this.#refuse(errorResponse(error)),
    )
  }

  #opened(opened: AsyncIterator<SubscriptionEvent> | string): void {
    if (typeof opened === 'string') return this.#refuse(opened)
    if (this.#isClosed) return closeStream(opened)
    this.#upstream = new StreamBatcher(opened, this, prefetch)
    if (this.#isStale) this.renew()
  }

  #keep({ events, position }: Batch): void {
    if (position) {
      this.#position = position
      // The stream begins here: an earlier position cannot be resumed from.
      const first = events[0]?.position
      this.#recentAfter ??= first ? first.ordinal - 1 : position.ordinal
    }
    this.#last = events.at(-1) ?? this.#last
    for (const event of events) this.#recentBytes += event.value.length
    this.#recent.push(...events)
    let dropped = 0
    while (this.#recent.length - dropped > recentMax || this.#recentBytes > recentBytesMax) {
      const oldest = this.#recent[dropped++]!
      this.#recentBytes -= oldest.value.length
      this.#recentAfter = oldest.position && oldest.position.ordinal
    }
    if (dropped > 0) this.#recent.splice(0, dropped)
  }

  /** Delivers what is new to a member that was ahead. Once the group is as far, it is an ordinary member. */
  #takeAhead(member: GroupMember, position: StreamPosition, batch: Batch): void {
    if (member.isBehind) {
      this.#ahead.delete(member)
      return member.removed(position)
    }
    const news = eventsAfter(batch.events, position)
    if (news.length > 0) member.next(new Batch(news, batch.position))
    if (batch.position && batch.position.ordinal >= position.ordinal) {
      this.#ahead.delete(member)
      this.#members.add(member)
    }
  }

  #refuse(errorResponse: string): void {
    for (const member of this.#close()) member.refuse(errorResponse)
  }

  /** Closes the upstream; gives the members that were left. */
  #close(): readonly GroupMember[] {
    const members = [...this.#members, ...this.#ahead.keys()]
    this.#members.clear()
    this.#ahead.clear()
    if (this.#isClosed) return members
    this.#isClosed = true
    this.#upstream?.close()
    this.#options.onClose()
    return members
  }
}

const eventsAfter = (events: readonly RenderedEvent[], { ordinal }: StreamPosition): RenderedEvent[] =>
  events.filter(({ position }) => position !== null && position.ordinal > ordinal)
