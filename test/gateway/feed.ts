// A subscription source that a test holds in its hand: it says what happens, and sees who watches.

export class Feed {
  readonly #open = new Map<Stream, { readonly field: string; readonly after: string | undefined }>()
  readonly #waiting = new Set<() => void>()
  #taken = 0

  /** Events that upstreams were asked for and gave. */
  get taken(): number {
    return this.#taken
  }

  /** A new upstream for a field. */
  open(field: string, after?: string): AsyncIterableIterator<unknown> {
    const left = (): void => {
      this.#open.delete(stream)
      this.#changed()
    }
    const stream = new Stream(left, () => this.#taken++)
    this.#open.set(stream, { field, after })
    this.#changed()
    return stream
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
    for (const stream of this.#streams(field))
      stream.push({ [field]: { text, book: { id: '1', title: 'Tea' } } })
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

class Stream implements AsyncIterableIterator<unknown> {
  readonly #values: unknown[] = []
  readonly #onReturn: () => void
  readonly #onTake: () => void
  #pending: PromiseWithResolvers<IteratorResult<unknown>> | null = null
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
    this.#pending = Promise.withResolvers()
    const { promise } = this.#pending
    this.#settle()
    return promise
  }

  return(): Promise<IteratorResult<unknown>> {
    this.finish(undefined)
    this.#onReturn()
    return Promise.resolve({ done: true, value: undefined })
  }

  #settle(): void {
    if (!this.#pending) return
    if (this.#values.length > 0) {
      this.#onTake()
      this.#pending.resolve({ done: false, value: this.#values.shift() })
    } else if (!this.#finished) return
    else if (this.#finished.error) this.#pending.reject(this.#finished.error)
    else this.#pending.resolve({ done: true, value: undefined })
    this.#pending = null
  }

  [Symbol.asyncIterator](): this {
    return this
  }
}
