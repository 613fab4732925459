import { OutageError } from './outage.ts'

/** Limits how many tasks run at once; the others wait in order of arrival. */
export class Semaphore {
  #free: number
  readonly #waitingMax: number
  readonly #waiting = new Set<() => void>()

  constructor(max: number, waitingMax = Number.POSITIVE_INFINITY) {
    this.#free = max
    this.#waitingMax = waitingMax
  }

  /** How many tasks wait. */
  get waiting(): number {
    return this.#waiting.size
  }

  /** True while a task waits. */
  get hasWaiting(): boolean {
    return this.#waiting.size > 0
  }

  /**
   * Resolves when the caller may run. Call `release` once afterwards. Rejects, and needs no `release`, with
   * an OutageError when too many wait, and with the reason of `signal` when it is aborted meanwhile.
   */
  acquire(signal?: AbortSignal): Promise<void> {
    if (signal?.aborted) return Promise.reject(signal.reason as Error)
    if (this.#free > 0) {
      this.#free--
      return Promise.resolve()
    }
    if (this.#waiting.size >= this.#waitingMax) {
      return Promise.reject(new OutageError(`${this.#waitingMax} tasks wait already`))
    }
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        this.#waiting.delete(begin)
        reject(signal?.reason as Error)
      }
      const begin = (): void => {
        signal?.removeEventListener('abort', leave)
        resolve()
      }
      this.#waiting.add(begin)
      signal?.addEventListener('abort', leave, { once: true })
    })
  }

  release(): void {
    const [next] = this.#waiting
    if (!next) return void this.#free++
    this.#waiting.delete(next)
    next()
  }
}
