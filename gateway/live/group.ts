// One upstream and everybody who follows it at its pace. An event is rendered once and its bytes go to all.

import type { Mark } from '../../subgraphs/platform/async/resumable-stream.ts'
import type { Told } from '../supergraph/index.ts'
import { Batch, type Answer } from './batch.ts'
import { Pump, type Reader } from './stream-batcher.ts'

/** Somebody in a group. None of these may throw. */
export interface Member {
  readonly isBehind: boolean
  /** Gets what all get. */
  give(batch: Batch): void
  /** Was behind, and has been let out of the group; `mark` is what it was given up to. */
  leftBehind(mark: Mark | null): void
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

export class Group implements Reader {
  readonly #options: GroupOptions
  readonly #members = new Set<Member>()
  /** Those who were given more than the group has told yet, by what they were given up to. */
  readonly #ahead = new Map<Member, Mark>()
  #pump: Pump | null = null
  /** All that was told up to here has been given to the members. */
  #mark: Mark | null
  /** All answers after the place `#floor`. */
  #recent: Answer[] = []
  #recentBytes = 0
  #floor: number | null
  #last: Answer | null = null
  #hasEnded = false

  private constructor(options: GroupOptions, mark: Mark | null) {
    this.#options = options
    this.#mark = mark
    this.#floor = mark && mark.place
  }

  /** A group with an upstream that is being opened; an answer instead of an upstream says why there is none. */
  static open(opening: Promise<AsyncIterator<Told> | string>, options: GroupOptions): Group {
    const group = new Group(options, null)
    opening.then(
      (opened) => group.#opened(opened),
      (error: unknown) => group.#refuse(options.answerFor(error)),
    )
    return group
  }

  /** A group that goes on with an upstream which has told everything up to `mark` to its one reader so far. */
  static around(pump: Pump, mark: Mark, options: GroupOptions): Group {
    const group = new Group(options, mark)
    group.#pump = pump
    pump.reader = group
    return group
  }

  get size(): number {
    return this.#members.size + this.#ahead.size
  }

  /** From now on: it is told where that is. */
  join(member: Member): void {
    this.#members.add(member)
    const first = this.#options.replaysLast && this.#last ? [this.#last] : []
    if (this.#mark || first.length > 0) member.give(new Batch(first, this.#mark))
  }

  /** From after `mark`; false when that is too long ago: then the member has to catch up first. */
  joinAfter(member: Member, mark: Mark): boolean {
    if (!this.#mark || this.#floor === null || mark.place < this.#floor) return false
    if (mark.place > this.#mark.place) {
      this.#ahead.set(member, mark)
      return true
    }
    this.#members.add(member)
    const missed = after(this.#recent, mark)
    if (missed.length > 0) member.give(new Batch(missed, this.#mark))
    return true
  }

  /** The mark of a cursor that is one of the latest answers'; null when it is not. */
  markOf(cursor: string): Mark | null {
    if (this.#mark?.cursor === cursor) return this.#mark
    return this.#recent.findLast(({ mark }) => mark?.cursor === cursor)?.mark ?? null
  }

  /** The last answer, for who has skipped some. */
  get last(): Answer | null {
    return this.#last
  }

  /** The last one to leave ends the upstream at once. */
  leave(member: Member): void {
    const was = this.#members.delete(member) || this.#ahead.delete(member)
    if (was && this.size === 0) this.#end()
  }

  take(batch: Batch): void {
    const before = this.#mark
    this.#keep(batch)
    // The first batch is given to all: before it, there is no place to come back to.
    const isFirst = before === null && batch.mark !== null
    for (const member of this.#members) {
      if (isFirst || !member.isBehind) member.give(batch)
      else {
        if (!this.#options.isLatestOnly) this.#members.delete(member)
        member.leftBehind(before)
      }
    }
    for (const [member, mark] of this.#ahead) this.#rejoin(member, mark, batch)
    if (this.size === 0) this.#end()
  }

  ended(error: { readonly thrown: unknown } | null): void {
    if (error) return this.#refuse(this.#options.answerFor(error.thrown))
    for (const member of this.#end()) member.complete()
  }

  #opened(opened: AsyncIterator<Told> | string): void {
    if (typeof opened === 'string') return this.#refuse(opened)
    if (this.#hasEnded) opened.return?.().catch(() => {})
    else this.#pump = new Pump(opened, this, ahead)
  }

  #keep({ answers, mark }: Batch): void {
    if (mark) {
      this.#mark = mark
      // Where the stream began: nobody can come back from before that.
      const first = answers[0]?.mark
      this.#floor ??= first ? first.place - 1 : mark.place
    }
    this.#last = answers.at(-1) ?? this.#last
    for (const answer of answers) this.#recentBytes += answer.bytes.length
    this.#recent.push(...answers)
    let cut = 0
    while (this.#recent.length - cut > recentMax || this.#recentBytes > recentBytesMax) {
      const { bytes, mark: gone } = this.#recent[cut++]!
      this.#recentBytes -= bytes.length
      this.#floor = gone && gone.place
    }
    if (cut > 0) this.#recent.splice(0, cut)
  }

  #rejoin(member: Member, mark: Mark, batch: Batch): void {
    if (member.isBehind) {
      this.#ahead.delete(member)
      return member.leftBehind(mark)
    }
    const news = after(batch.answers, mark)
    if (news.length > 0) member.give(new Batch(news, batch.mark))
    if (batch.mark && batch.mark.place >= mark.place) {
      this.#ahead.delete(member)
      this.#members.add(member)
    }
  }

  #refuse(answer: string): void {
    for (const member of this.#end()) member.refuse(answer)
  }

  #end(): readonly Member[] {
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

const after = (answers: readonly Answer[], { place }: Mark): Answer[] =>
  answers.filter(({ mark }) => mark !== null && mark.place > place)
