// A subscription source that a test holds in its hand: it says what happens, and sees who watches.

import { ProblemError, refuse } from '../../schema/values/problems.ts'

export class Feed {
  readonly #open = new Map<Stream, { readonly field: string; readonly after: string | undefined }>()
  readonly #waiting = new Set<() => void>()
  /** What `transactionEvents` has told so far; null for what only others could see. */
  readonly #log: unknown[] = []
  /** Events of `transactionEvents` after this place are kept. */
  keptAfter = 0
  #taken = 0
  #opened = 0

  /** Events that upstreams were asked for and gave. */
  get taken(): number {
    return this.#taken
  }

  /** Upstreams that were ever opened. */
  get opened(): number {
    return this.#opened
  }

  /** A new upstream for a field. That of `transactionEvents` has marks, c1, c2 …, and can begin after any of them. */
  open(field: string, after?: string): AsyncIterableIterator<unknown> {
    if (after && Number(after.slice(1)) < this.keptAfter) throw new ProblemError(refuse('CURSOR_EXPIRED'))
    this.#opened++
    const left = (): void => {
      this.#open.delete(stream)
      this.#changed()
    }
    const isMarked = field === 'transactionEvents'
    const stream = isMarked
      ? new MarkedStream(left, () => this.#taken++)
      : new Stream(left, () => this.#taken++)
    this.#open.set(stream, { field, after })
    if (isMarked) {
      const start = after ? Number(after.slice(1)) : this.#log.length
      this.#log.slice(start).forEach((item, n) => stream.push({ item, mark: markOf(start + n + 1) }))
      stream.push({ item: null, mark: markOf(this.#log.length) })
    }
    this.#changed()
    return stream
  }

  /** Cursor of the last event of `transactionEvents`. */
  get cursor(): string {
    return markOf(this.#log.length).cursor
  }

  /** Lets all upstreams of `transactionEvents` say how far they are, which others' events have moved on. */
  checkpoint(): void {
    this.#log.push(null)
    for (const stream of this.#streams('transactionEvents'))
      stream.push({ item: null, mark: markOf(this.#log.length) })
  }

  /** Upstreams of a field that are open. */
  count(field: string): number {
    return this.#streams(field).length
  }

  /** Values of `after` that upstreams of a field were opened with. */
  after(field: string): (string | undefined)[] {
    return [...this.#open.values()].filter((one) => one.field === field).map(({ after }) => after)
  }

  /** Resolves when `field` has this many upstreams. */
  async until(field: string, count: number): Promise<void> {
    while (this.count(field) !== count) await new Promise<void>((resolve) => this.#waiting.add(resolve))
  }

  /** Tells all upstreams of a field. */
  tell(field: string, text: string): void {
    const item = { [field]: { text, book: { id: '1', title: 'Tea' } } }
    const isMarked = field === 'transactionEvents'
    if (isMarked) this.#log.push(item)
    for (const stream of this.#streams(field))
      stream.push(isMarked ? { item, mark: markOf(this.#log.length) } : item)
  }

  /** Ends all upstreams of a field, or makes them fail. */
  end(field: string, error?: Error): void {
    for (const stream of this.#streams(field)) stream.finish(error)
  }

  #streams(field: string): Stream[] {
    return [...this.#open].filter(([, one]) => one.field === field).map(([stream]) => stream)
  }

  #changed(): void {
    const waiting = [...this.#waiting]
    this.#waiting.clear()
    for (const resolve of waiting) resolve()
  }
}

const markOf = (place: number) => ({ place, cursor: `c${place}` })

class Stream implements AsyncIterableIterator<unknown> {
  readonly #values: unknown[] = []
  readonly #onReturn: () => void
  readonly #onTake: () => void
  readonly #pending: PromiseWithResolvers<IteratorResult<unknown>>[] = []
  #finished: { readonly error: Error | undefined } | null = null

  constructor(onReturn: () => void, onTake: () => void) {
    this.#onReturn = onReturn
    this.#onTake = onTake
  }

  push(value: unknown): void {
    this.#values.push(value)
    this.#settle()
  }

  finish(error: Error | undefined): void {
    this.#finished = { error }
    this.#settle()
  }

  next(): Promise<IteratorResult<unknown>> {
    const asked = Promise.withResolvers<IteratorResult<unknown>>()
    this.#pending.push(asked)
    this.#settle()
    return asked.promise
  }

  return(): Promise<IteratorResult<unknown>> {
    this.finish(undefined)
    this.#onReturn()
    return Promise.resolve({ done: true, value: undefined })
  }

  #settle(): void {
    while (this.#pending.length > 0) {
      if (this.#values.length > 0) {
        this.#onTake()
        this.#pending.shift()!.resolve({ done: false, value: this.#values.shift() })
      } else if (!this.#finished) return
      else if (this.#finished.error) this.#pending.shift()!.reject(this.#finished.error)
      else this.#pending.shift()!.resolve({ done: true, value: undefined })
    }
  }

  [Symbol.asyncIterator](): this {
    return this
  }
}

class MarkedStream extends Stream {
  marked(): this {
    return this
  }
}
