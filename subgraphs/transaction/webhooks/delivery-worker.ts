// Sends due deliveries. Every process runs a worker; claims in MongoDB keep two of them from sending the same
// delivery. Each endpoint has a queue of its own, and a failing endpoint gets one request at a time, so it
// delays no other endpoint.
//
// Claims and outcomes take longer than many an endpoint does to respond. So deliveries are claimed while
// earlier ones are sent, and the next one is sent while an outcome is stored.

import type { WebhookId } from '../../../schema/values/id.ts'
import { pause } from '../../platform/async/promise.ts'
import { Semaphore } from '../../platform/async/semaphore.ts'
import type { ClaimedDelivery } from './claims.ts'
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
  /** Claimed and not yet sent: at most twice the width. */
  claimed: ClaimedDelivery[]
  /** Resolves to whether a delivery was claimed; null while none is being claimed. */
  claiming: Promise<boolean> | null
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
    const { endpointMax = 32, requestsMax = 128, probesMax = 32 } = options
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
    for (const queue of this.#queues.values()) await this.#release(queue)
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
      this.#track(endpoint, this.#drain(endpoint, queue))
    }
  }

  /** Logs the error of `work`, and keeps the worker from being idle until it is done. */
  #track(endpoint: WebhookId, work: Promise<void>): void {
    const { logger } = this.#dependencies
    const done = work
      .catch((error: unknown) =>
        logger.error({ err: error, webhook: endpoint }, 'sending to a webhook failed'),
      )
      .finally(() => this.#running.delete(done))
    this.#running.add(done)
  }

  #queueOf(endpoint: WebhookId): Queue {
    let queue = this.#queues.get(endpoint)
    if (!queue) {
      queue = { runners: 0, width: 1, isFailing: false, claimed: [], claiming: null }
      this.#queues.set(endpoint, queue)
    }
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
    const claimed = await this.#take(endpoint, queue)
    if (!claimed) return false
    const { isAccepted, stored } = await deliver(this.#dependencies, claimed, this.#aborting.signal)
    this.#track(endpoint, stored)
    queue.width = isAccepted ? this.#endpointMax : 1
    queue.isFailing = !isAccepted
    if (!isAccepted) {
      await stored
      await this.#release(queue)
    }
    return true
  }

  /** Takes a claimed delivery, and claims more before none is left; null when none is due. */
  async #take(endpoint: WebhookId, queue: Queue): Promise<ClaimedDelivery | null> {
    while (!this.#isClosing) {
      const next = queue.claimed.shift()
      if (queue.claimed.length < queue.width - 1 || !next) this.#claimMore(endpoint, queue)
      // A claim that may expire before the response is left to expire: another process may then send it.
      if (next && next.nextAttemptAt! > new Date(this.#dependencies.now().getTime() + requestMs)) return next
      if (!next && !(await queue.claiming)) return null
    }
    return null
  }

  #claimMore(endpoint: WebhookId, queue: Queue): void {
    queue.claiming ??= this.#claim(endpoint, queue).finally(() => (queue.claiming = null))
    // A runner that waits for it receives the error.
    queue.claiming.catch(() => {})
  }

  async #claim(endpoint: WebhookId, queue: Queue): Promise<boolean> {
    const now = this.#dependencies.now()
    const until = new Date(now.getTime() + claimMs)
    const max = queue.width === 1 ? 1 : 2 * queue.width - queue.claimed.length
    const claimed = await this.#dependencies.deliveries.claim(endpoint, { now, until, max })
    queue.claimed.push(...claimed)
    return claimed.length > 0
  }

  /** Releases what is claimed and not sent, so that a failing endpoint delays none of it beyond its claim. */
  async #release(queue: Queue): Promise<void> {
    await queue.claiming?.catch(() => {})
    const { deliveries, now } = this.#dependencies
    await deliveries.release(queue.claimed.splice(0), now())
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
/** The longest that a request takes. */
const requestMs = 10_000

/** How long `close` waits for responses. */
const graceMs = 1_000

/** How often, at least, deliveries stored by other processes are read. */
const pollMs = 2_000
