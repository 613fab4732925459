// Sends due deliveries. Every process runs a worker; claims in MongoDB keep two of them from sending the same
// delivery. Each endpoint has a queue of its own, and a failing endpoint gets one request at a time, so it
// delays no other endpoint.

import type { WebhookId } from '../../../schema/values/id.ts'
import { pause } from '../../platform/async/promise.ts'
import { Semaphore } from '../../platform/async/semaphore.ts'
import { deliver, type DeliverDependencies } from './deliver.ts'

export interface DeliveryWorkerOptions {
  /** Concurrent requests of this process to one endpoint. */
  readonly endpointMax?: number
  /** Concurrent requests of this process to all endpoints that accept events. */
  readonly requestsMax?: number
  /** Concurrent requests of this process to all failing endpoints. */
  readonly probesMax?: number
}

/** The queue of one endpoint, in this process. */
interface Queue {
  runners: number
  /** How many runners may send at once: 1 until a request succeeds, and again after one has failed. */
  width: number
  isFailing: boolean
}

export class DeliveryWorker {
  readonly #dependencies: DeliverDependencies
  readonly #endpointMax: number
  readonly #requests: Semaphore
  /** Apart from `#requests`, so that failing endpoints take no capacity from the others. */
  readonly #probes: Semaphore
  readonly #queues = new Map<WebhookId, Queue>()
  readonly #running = new Set<Promise<void>>()
  readonly #closing = new AbortController()
  readonly #aborting = new AbortController()
  #loop: Promise<void> = Promise.resolve()
  #woken = Promise.withResolvers<void>()

  constructor(dependencies: DeliverDependencies, options: DeliveryWorkerOptions = {}) {
    const { endpointMax = 8, requestsMax = 64, probesMax = 32 } = options
    this.#dependencies = dependencies
    this.#endpointMax = endpointMax
    this.#requests = new Semaphore(requestsMax)
    this.#probes = new Semaphore(probesMax)
  }

  /** Sends everything that is due now. Resolves when each due delivery has had its attempt. */
  async runDue(): Promise<void> {
    await this.#sweep()
    await this.#untilIdle()
  }

  /** From now on, sends deliveries as they become due. */
  start(): void {
    this.#loop = this.#run()
  }

  /** Checks for due deliveries at once: call it when one was stored. */
  wake(): void {
    this.#woken.resolve()
  }

  /**
   * Starts no more requests. Requests that take longer than a second are aborted and left to other processes.
   */
  async close(): Promise<void> {
    this.#closing.abort()
    this.wake()
    await this.#loop
    const idle = this.#untilIdle()
    const leaving = new AbortController()
    await Promise.race([idle, pause(graceMs, leaving.signal)])
    leaving.abort()
    this.#aborting.abort()
    await idle
  }

  async #run(): Promise<void> {
    const { now, logger } = this.#dependencies
    while (!this.#isClosing) {
      this.#woken = Promise.withResolvers<void>()
      const next = await this.#sweep().catch((error: unknown) => {
        if (!this.#isClosing) logger.error({ err: error }, 'reading due webhook deliveries failed; retrying')
        return null
      })
      const waitMs = next ? Math.max(0, next.getTime() - now().getTime()) : pollMs
      const leaving = new AbortController()
      await Promise.race([this.#woken.promise, pause(Math.min(pollMs, waitMs), leaving.signal)])
      leaving.abort()
    }
  }

  get #isClosing(): boolean {
    return this.#closing.signal.aborted
  }

  /**
   * Starts runners for every endpoint with due deliveries. Gives the time at which the next delivery is due.
   */
  async #sweep(): Promise<Date | null> {
    const at = this.#dependencies.now()
    let next: Date | null = null
    for (const { endpoint, nextAttemptAt } of await this.#dependencies.deliveries.queues()) {
      if (nextAttemptAt <= at) this.#startRunners(endpoint)
      else if (!next || nextAttemptAt < next) next = nextAttemptAt
    }
    return next
  }

  #startRunners(endpoint: WebhookId): void {
    const queue = this.#queueOf(endpoint)
    while (queue.runners < queue.width && !this.#isClosing) {
      queue.runners++
      const done = this.#drain(endpoint, queue)
        .catch((error: unknown) =>
          this.#dependencies.logger.error({ err: error, webhook: endpoint }, 'sending to a webhook failed'),
        )
        .finally(() => this.#running.delete(done))
      this.#running.add(done)
    }
  }

  #queueOf(endpoint: WebhookId): Queue {
    let queue = this.#queues.get(endpoint)
    if (!queue) this.#queues.set(endpoint, (queue = { runners: 0, width: 1, isFailing: false }))
    return queue
  }

  /**
   * One runner: sends to an endpoint until nothing is due, or until the queue has more runners than its
   * width.
   */
  async #drain(endpoint: WebhookId, queue: Queue): Promise<void> {
    try {
      while (queue.runners <= queue.width && !this.#isClosing) {
        const semaphore = queue.isFailing ? this.#probes : this.#requests
        await semaphore.acquire()
        try {
          if (!(await this.#sendNext(endpoint, queue))) return
        } finally {
          semaphore.release()
        }
        this.#startRunners(endpoint)
      }
    } finally {
      // No `await` between the check of `runners` and this line: two runners must not both stop for the
      // other’s sake.
      queue.runners--
    }
  }

  /** False when nothing is due. */
  async #sendNext(endpoint: WebhookId, queue: Queue): Promise<boolean> {
    if (this.#isClosing) return false
    const at = this.#dependencies.now()
    const until = new Date(at.getTime() + claimMs)
    const claimed = await this.#dependencies.deliveries.claim(endpoint, at, until)
    if (!claimed) return false
    const isAccepted = await deliver(this.#dependencies, claimed, this.#aborting.signal)
    queue.width = isAccepted ? this.#endpointMax : 1
    queue.isFailing = !isAccepted
    return true
  }

  async #untilIdle(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running)
  }
}

/**
 * Longer than a request may take. When a claim expires, its process has died, and another process sends the
 * delivery.
 */
const claimMs = 30_000

/** How long `close` waits for responses. */
const graceMs = 1_000

/** How often, at least, deliveries stored by other processes are read. */
const pollMs = 2_000
