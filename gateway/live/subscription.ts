// One subscriber of a topic, from its first event to its last: in the group when it can keep up, on an upstream of its own
// when it comes from further back, and on none while its client does not read.
//
// What it was given up to is all that is kept of it while it waits, so a slow client costs next to nothing; and since that
// place is exact, it misses nothing and gets nothing twice when it goes over from one to another.

import type { StreamPosition } from '../../subgraphs/platform/async/resumable-stream.ts'
import type { SubscriptionEvent } from '../supergraph/index.ts'
import type { Viewer } from '../../subgraphs/shared/viewer.ts'
import { Batch } from './batch.ts'
import { SubscriptionGroup, type GroupMember } from './group.ts'
import { StreamBatcher, type BatchConsumer } from './stream-batcher.ts'
import type { Subscriber } from './subscriber.ts'
import type { Lagging, Topic } from './topic.ts'

/** Events that are asked for at once on an upstream of one's own. */
const ahead = 32
/** How long an upstream is held up for a client before it is left and opened again later. */
const holdMs = 1_000
/** How long one may read on an upstream of its own while others wait to. */
const turnMs = 1_000

export class Subscription implements GroupMember, BatchConsumer, Lagging {
  readonly #topic: Topic
  readonly viewer: Viewer
  readonly #subscriber: Subscriber
  /** What the client was given up to, when it is not in the group: in there, all are equally far. */
  #mark: StreamPosition | null = null
  #own: StreamBatcher | null = null
  #hasTurn = false
  #turnEndsAt = 0
  /** Whether its own upstream has told everything there was. */
  #hasCaughtUp = false
  #isOver = false

  constructor(topic: Topic, viewer: Viewer, subscriber: Subscriber) {
    this.#topic = topic
    this.viewer = viewer
    this.#subscriber = subscriber
    topic.followers++
  }

  /** Begins after `cursor`, or with what the topic begins with. */
  start(cursor: string | null): void {
    const { group, sharing, canResume } = this.#topic
    if (sharing === 'OWN') return void this.#openOwn(cursor)
    if (cursor === null || !canResume) return this.#shared().join(this)
    // Whoever has just lost its connection is often no further back than that.
    const position = group?.markOf(cursor)
    if (!position || !group!.joinAfter(this, position)) void this.#openOwn(cursor)
  }

  /** Ends it; the subscriber hears nothing more. */
  leave(): void {
    if (this.#isOver) return
    this.#isOver = true
    const topic = this.#topic
    topic.lagging.delete(this)
    topic.group?.leave(this)
    this.#leaveOwn()
    if (--topic.followers === 0) topic.onEmpty()
  }

  get isBehind(): boolean {
    return this.#subscriber.isBehind
  }

  /** From the group. */
  give(batch: Batch): void {
    this.#subscriber.next(batch)
  }

  /** By the group. */
  leftBehind(position: StreamPosition | null): void {
    if (this.#topic.sharing === 'LATEST') return void this.#giveLastLater()
    this.#mark = position
    if (!position || !this.#topic.canResume) return this.giveUp()
    void this.#comeBack(this.#lag())
  }

  /** From an upstream of one's own. */
  take(batch: Batch): Promise<void> | void {
    this.#subscriber.next(batch)
    this.#mark = batch.position ?? this.#mark
    if (this.#isOver) return
    if (this.isBehind) return this.#hold()
    if (this.#topic.sharing !== 'OWN' && batch.position) this.#rejoin(batch, batch.position)
  }

  /** From an upstream of one's own. */
  ended(error: { readonly thrown: unknown } | null): void {
    this.#leaveOwn()
    if (error) this.refuse(this.#topic.answerFor(error.thrown))
    else this.complete()
  }

  refuse(answer: string): void {
    if (this.#isOver) return
    this.leave()
    this.#subscriber.refuse(answer)
  }

  complete(): void {
    if (this.#isOver) return
    this.leave()
    this.#subscriber.complete()
  }

  giveUp(): void {
    if (this.#isOver) return
    this.leave()
    this.#subscriber.letGo(this.#mark)
  }

  #shared(): SubscriptionGroup {
    const topic = this.#topic
    return (topic.group ??= SubscriptionGroup.open(topic.open(this.viewer, null), this.#groupOptions()))
  }

  #groupOptions() {
    const topic = this.#topic
    return {
      isLatestOnly: topic.sharing === 'LATEST',
      replaysLast: topic.sharing !== 'FROM_NOW',
      answerFor: topic.answerFor,
      onEnd: () => (topic.group = null),
    }
  }

  async #openOwn(cursor: string | null): Promise<void> {
    const topic = this.#topic
    try {
      // Only the log is long; what one payment has been through, or what waits for an answer, is there at once.
      if (topic.sharing === 'FROM_NOW') {
        await topic.semaphore.acquire()
        if (this.#isOver) return topic.semaphore.release()
        this.#hasTurn = true
        this.#turnEndsAt = topic.clock() + turnMs
      }
      const opened = await topic.open(this.viewer, cursor)
      if (this.#isOver) {
        if (typeof opened !== 'string') leave(opened)
      } else if (typeof opened !== 'string') {
        // Without marks, an event that was asked for and not given would be lost with the upstream.
        this.#hasCaughtUp = false
        this.#own = new StreamBatcher(opened, this, topic.canResume ? ahead : 1)
      } else if (this.#mark) {
        // It was following already: its place is no longer there to go on from.
        this.giveUp()
      } else this.refuse(opened)
    } catch (error) {
      this.refuse(topic.answerFor(error))
    }
  }

  /** Goes over to the group as soon as it is as far, or becomes the group itself. */
  #rejoin({ hasCaughtUp }: Batch, position: StreamPosition): void {
    const topic = this.#topic
    this.#hasCaughtUp ||= hasCaughtUp
    if (topic.group?.joinAfter(this, position)) this.#leaveOwn()
    else if (!topic.group && this.#hasCaughtUp) {
      topic.group = SubscriptionGroup.around(this.#own!, position, this.#groupOptions())
      topic.group.join(this)
      this.#own = null
      this.#giveTurn()
    } else if (this.#hasTurn && topic.semaphore.hasWaiting && topic.clock() > this.#turnEndsAt) {
      this.#leaveOwn()
      void this.#openOwn(position.cursor)
    }
  }

  /** Holds the upstream up until the client has read; when that takes long, leaves it and comes back. */
  #hold(): Promise<void> {
    const lag = this.#lag()
    if (!this.#topic.canResume || !this.#mark) return lag
    return this.#holdFor(this.#own, lag)
  }

  async #holdFor(own: StreamBatcher | null, lag: Promise<void>): Promise<void> {
    let isLate = false
    const late = Promise.withResolvers<void>()
    const timer = setTimeout(() => {
      isLate = true
      if (this.#own === own) this.#leaveOwn()
      late.resolve()
    }, holdMs)
    await Promise.race([lag, late.promise])
    clearTimeout(timer)
    if (isLate) void this.#comeBack(lag)
  }

  /** Goes on from where it stands once the client has read. */
  async #comeBack(lag: Promise<void>): Promise<void> {
    await lag
    if (this.#isOver) return
    const position = this.#mark!
    if (!this.#topic.group?.joinAfter(this, position)) await this.#openOwn(position.cursor)
  }

  /** Resolves when the client has read what it was sent. */
  async #lag(): Promise<void> {
    this.#topic.lagging.set(this, this.#topic.clock())
    await this.#subscriber.caughtUp()
    this.#topic.lagging.delete(this)
  }

  async #giveLastLater(): Promise<void> {
    if (this.#topic.lagging.has(this)) return
    await this.#lag()
    const last = this.#topic.group?.last
    if (last && !this.#isOver) this.#subscriber.next(new Batch([last], null))
  }

  #leaveOwn(): void {
    this.#own?.stop()
    this.#own = null
    this.#giveTurn()
  }

  #giveTurn(): void {
    if (this.#hasTurn) this.#topic.semaphore.release()
    this.#hasTurn = false
  }
}

function leave(events: AsyncIterator<SubscriptionEvent>): void {
  events.return?.().catch(() => {})
}
