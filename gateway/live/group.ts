// One upstream subscription and everybody who watches it. An event is rendered once and its bytes go to all.

import type { Sharing } from './sharing.ts'

/** Somebody who watches, as a group sees it. None of these may throw or call back into the group at once. */
export interface Subscriber {
  /** Takes one answer, as UTF-8 JSON. The bytes are shared: they must not be changed. */
  next(answer: Buffer): void
  /** Ends with errors, given as JSON text of an answer without data. */
  refuse(answer: string): void
  complete(): void
  /** True while what was sent before still waits to leave the hub. */
  readonly isBehind: boolean
  /** Resolves when it is no longer behind, or gone. */
  caughtUp(): Promise<void>
}

/** Opens the upstream: its answers as JSON text, or one answer that says why there are none. */
export type Open = () => Promise<AsyncIterator<string> | string>

export class Group {
  readonly #sharing: Sharing
  readonly #onEnd: () => void
  readonly #subscribers = new Set<Subscriber>()
  #events: AsyncIterator<string> | null = null
  #last: Buffer | null = null
  #hasEnded = false

  /** `onEnd` is called once, when the upstream ends or nobody is left. `onError` takes what the upstream throws and gives the answer for it. */
  constructor(sharing: Sharing, open: Open, onError: (error: unknown) => string, onEnd: () => void) {
    this.#sharing = sharing
    this.#onEnd = onEnd
    this.#run(open).catch((error: unknown) => this.#refuse(onError(error)))
  }

  get size(): number {
    return this.#subscribers.size
  }

  join(subscriber: Subscriber): void {
    this.#subscribers.add(subscriber)
    if (this.#last) subscriber.next(this.#last)
  }

  /** The last one to leave ends the upstream at once. */
  leave(subscriber: Subscriber): void {
    if (this.#subscribers.delete(subscriber) && this.#subscribers.size === 0) this.#end()
  }

  async #run(open: Open): Promise<void> {
    const opened = await open()
    if (typeof opened === 'string') return this.#refuse(opened)
    this.#events = opened
    if (this.#hasEnded) return stop(opened)
    for (;;) {
      const { done, value } = await opened.next()
      if (this.#hasEnded) return
      if (done) return this.#complete()
      this.#deliver(Buffer.from(value))
      // Only an upstream of one's own waits for its reader: in a group, one slow reader would hold up all.
      if (this.#sharing === 'OWN') for (const subscriber of this.#subscribers) await subscriber.caughtUp()
    }
  }

  #deliver(answer: Buffer): void {
    if (this.#sharing === 'REPLAY_LAST' || this.#sharing === 'LATEST') this.#last = answer
    for (const subscriber of this.#subscribers) {
      if (this.#sharing !== 'LATEST' || !subscriber.isBehind) subscriber.next(answer)
    }
  }

  #refuse(answer: string): void {
    const subscribers = this.#end()
    for (const subscriber of subscribers) subscriber.refuse(answer)
  }

  #complete(): void {
    const subscribers = this.#end()
    for (const subscriber of subscribers) subscriber.complete()
  }

  #end(): readonly Subscriber[] {
    const subscribers = [...this.#subscribers]
    this.#subscribers.clear()
    if (this.#hasEnded) return subscribers
    this.#hasEnded = true
    this.#onEnd()
    if (this.#events) stop(this.#events)
    return subscribers
  }
}

/** An upstream that fails while it is being left has nobody to tell. */
function stop(events: AsyncIterator<string>): void {
  events.return?.().catch(() => {})
}
