// One upstream and everybody who follows it at its pace. An event is rendered once and its bytes go to all.

import type { StreamPosition } from '../../subgraphs/platform/async/resumable-stream.ts'
import type { SubscriptionEvent } from '../supergraph/index.ts'
import { Batch, type RenderedEvent } from './batch.ts'
import { StreamBatcher, type BatchConsumer } from './stream-batcher.ts'

/** Somebody in a group. None of these may throw. */
export interface GroupMember {
  readonly isBehind: boolean
  /** Gets what all get. */
  give(batch: Batch): void
  /** Was behind, and has been let out of the group; `mark` is what it was given up to. */
  leftBehind(position: StreamPosition | null): void
  refuse(answer: string): void
  complete(): void
}

export interface GroupOptions {
  /** Only the latest answer counts: who is behind skips those before it. */
  readonly isLatestOnly: boolean
  /** Who joins gets the last answer first. */
  readonly replaysLast: boolean
  readonly answerFor: (error: unknown) => string
  /** Called once: the upstream has ended, or nobody is left. */
  readonly onEnd: () => void
}

/** The latest answers, so that who comes back soon needs no upstream: bounded by number and by bytes. */
const recentMax = 64
const recentBytesMax = 131_072
/** Events that a group renders at once. */
const ahead = 8

export class SubscriptionGroup implements BatchConsumer {
  readonly #options: GroupOptions
  readonly #members = new Set<GroupMember>()
  /** Those who were given more than the group has told yet, by what they were given up to. */
  readonly #ahead = new Map<GroupMember, StreamPosition>()
  #pump: StreamBatcher | null = null
  /** All that was told up to here has been given to the members. */
  #mark: StreamPosition | null
  /** All answers after the place `#floor`. */
  #recent: RenderedEvent[] = []
  #recentBytes = 0
  #floor: number | null
  #last: RenderedEvent | null = null
  #hasEnded = false

  private constructor(options: GroupOptions, position: StreamPosition | null) {
    this.#options = options
    this.#mark = position
    this.#floor = position && position.ordinal
  }

  /** A group with an upstream that is being opened; an answer instead of an upstream says why there is none. */
  static open(
    opening: Promise<AsyncIterator<SubscriptionEvent> | string>,
    options: GroupOptions,
  ): SubscriptionGroup {
    const group = new SubscriptionGroup(options, null)
    opening.then(
      (opened) => group.#opened(opened),
      (error: unknown) => group.#refuse(options.answerFor(error)),
    )
    return group
  }

  /** A group that goes on with an upstream which has told everything up to `mark` to its one reader so far. */
  static around(batcher: StreamBatcher, position: StreamPosition, options: GroupOptions): SubscriptionGroup {
    const group = new SubscriptionGroup(options, position)
    group.#pump = batcher
    batcher.reader = group
    return group
  }

  get size(): number {
    return this.#members.size + this.#ahead.size
  }

  /** From now on: it is told where that is. */
  join(member: GroupMember): void {
    this.#members.add(member)
    const first = this.#options.replaysLast && this.#last ? [this.#last] : []
    if (this.#mark || first.length > 0) member.give(new Batch(first, this.#mark))
  }

  /** From after `mark`; false when that is too long ago: then the member has to catch up first. */
  joinAfter(member: GroupMember, position: StreamPosition): boolean {
    if (!this.#mark || this.#floor === null || position.ordinal < this.#floor) return false
    if (position.ordinal > this.#mark.ordinal) {
      this.#ahead.set(member, position)
      return true
    }
    this.#members.add(member)
    const missed = after(this.#recent, position)
    if (missed.length > 0) member.give(new Batch(missed, this.#mark))
    return true
  }

  /** The mark of a cursor that is one of the latest answers'; null when it is not. */
  markOf(cursor: string): StreamPosition | null {
    if (this.#mark?.cursor === cursor) return this.#mark
    return this.#recent.findLast(({ position }) => position?.cursor === cursor)?.position ?? null
  }

  /** The last answer, for who has skipped some. */
  get last(): RenderedEvent | null {
    return this.#last
  }

  /** The last one to leave ends the upstream at once. */
  leave(member: GroupMember): void {
    const was = this.#members.delete(member) || this.#ahead.delete(member)
    if (was && this.size === 0) this.#end()
  }

  take(batch: Batch): void {
    const before = this.#mark
    this.#keep(batch)
    // The first batch is given to all: before it, there is no place to come back to.
    const isFirst = before === null && batch.position !== null
    for (const member of this.#members) {
      if (isFirst || !member.isBehind) member.give(batch)
      else {
        if (!this.#options.isLatestOnly) this.#members.delete(member)
        member.leftBehind(before)
      }
    }
    for (const [member, position] of this.#ahead) this.#rejoin(member, position, batch)
    if (this.size === 0) this.#end()
  }

  ended(error: { readonly thrown: unknown } | null): void {
    if (error) return this.#refuse(this.#options.answerFor(error.thrown))
    for (const member of this.#end()) member.complete()
  }

  #opened(opened: AsyncIterator<SubscriptionEvent> | string): void {
    if (typeof opened === 'string') return this.#refuse(opened)
    if (this.#hasEnded) opened.return?.().catch(() => {})
    else this.#pump = new StreamBatcher(opened, this, ahead)
  }

  #keep({ answers, position }: Batch): void {
    if (position) {
      this.#mark = position
      // Where the stream began: nobody can come back from before that.
      const first = answers[0]?.position
      this.#floor ??= first ? first.ordinal - 1 : position.ordinal
    }
    this.#last = answers.at(-1) ?? this.#last
    for (const answer of answers) this.#recentBytes += answer.value.length
    this.#recent.push(...answers)
    let cut = 0
    while (this.#recent.length - cut > recentMax || this.#recentBytes > recentBytesMax) {
      const { value, position: gone } = this.#recent[cut++]!
      this.#recentBytes -= value.length
      this.#floor = gone && gone.ordinal
    }
    if (cut > 0) this.#recent.splice(0, cut)
  }

  #rejoin(member: GroupMember, position: StreamPosition, batch: Batch): void {
    if (member.isBehind) {
      this.#ahead.delete(member)
      return member.leftBehind(position)
    }
    const news = after(batch.answers, position)
    if (news.length > 0) member.give(new Batch(news, batch.position))
    if (batch.position && batch.position.ordinal >= position.ordinal) {
      this.#ahead.delete(member)
      this.#members.add(member)
    }
  }

  #refuse(answer: string): void {
    for (const member of this.#end()) member.refuse(answer)
  }

  #end(): readonly GroupMember[] {
    const members = [...this.#members, ...this.#ahead.keys()]
    this.#members.clear()
    this.#ahead.clear()
    if (this.#hasEnded) return members
    this.#hasEnded = true
    this.#pump?.stop()
    this.#options.onEnd()
    return members
  }
}

const after = (answers: readonly RenderedEvent[], { ordinal }: StreamPosition): RenderedEvent[] =>
  answers.filter(({ position }) => position !== null && position.ordinal > ordinal)
