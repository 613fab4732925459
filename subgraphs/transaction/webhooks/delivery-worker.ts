// Sends what is due. Every process has a courier; a claim in MongoDB keeps two of them from sending the same at once. Each
// endpoint has a lane of its own, and a slow or dead one is knocked at by one request at a time, so it holds up nobody else.
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAttempt, attemptOf, gone, type Attempt } from './delivery.ts'
import type { Claimed } from './claims.ts'
import type { DeliveryStore } from './delivery-store.ts'
import type { WebhookEndpoint } from './endpoint.ts'
import type { EndpointStore } from './endpoint-store.ts'
import type { HttpSender } from './http-sender.ts'
import { liveSecrets } from './signature.ts'
import { Slots } from './slots.ts'
import type { Logger } from '../../platform/logger.ts'

export interface DeliveryWorkerDependencies {
  readonly endpoints: EndpointStore
  readonly deliveries: DeliveryStore
  readonly httpSender: HttpSender
  /** The body of a delivery; null when its owner may not see the event any more. */
  readonly bodyOf: (delivery: Claimed, endpoint: WebhookEndpoint) => Promise<string | null>
  readonly now: () => Date
  readonly logger: Pick<Logger, 'error' | 'info'>
  /** Requests under way at once in this process: to one endpoint, and to all that answer. */
  readonly laneMax?: number
  readonly flightsMax?: number
  /** The same, to all that did not answer well the last time. */
  readonly knocksMax?: number
}

export interface DeliveryWorker {
  /** Sends everything that is due now, and resolves when each of it has had its attempt. */
  runDue(): Promise<void>
  /** From now on sends what becomes due by itself. */
  start(): void
  /** There may be something due. */
  wake(): void
  /** Takes nothing more, and lets what is being sent end; what takes longer than a moment is left to other processes. */
  close(): Promise<void>
}

interface LaneState {
  runners: number
  /** Runners wanted: 1 until a request was answered well; back to 1 when one was not. */
  width: number
  isFailing: boolean
}

export function startDeliveryWorker(dependencies: DeliveryWorkerDependencies): DeliveryWorker {
  const { endpoints, deliveries, httpSender, bodyOf, now, logger } = dependencies
  const { laneMax = 8, flightsMax = 64, knocksMax = 32 } = dependencies
  const flights = new Slots(flightsMax)
  // However many are dead, those that answer keep their places.
  const knocks = new Slots(knocksMax)
  const lanes = new Map<string, LaneState>()
  const running = new Set<Promise<void>>()
  const closing = new AbortController()
  const { signal } = closing
  const leaving = new AbortController()
  let loop: Promise<void> = Promise.resolve()
  let news = Promise.withResolvers<void>()

  /** Starts runners for every endpoint that something is due for; gives the time at which something else will be. */
  const sweep = async (): Promise<Date | null> => {
    const at = now()
    let next: Date | null = null
    for (const { endpoint, nextAttemptAt } of await deliveries.lanes()) {
      if (nextAttemptAt <= at) staff(endpoint)
      else if (!next || nextAttemptAt < next) next = nextAttemptAt
    }
    return next
  }

  const staff = (endpoint: string) => {
    let lane = lanes.get(endpoint)
    if (!lane) lanes.set(endpoint, (lane = { runners: 0, width: 1, isFailing: false }))
    while (lane.runners < lane.width && !signal.aborted) {
      lane.runners++
      const done = runLane(endpoint, lane)
        .catch((error: unknown) =>
          logger.error({ err: error, webhook: endpoint }, 'a webhook could not be served'),
        )
        .finally(() => running.delete(done))
      running.add(done)
    }
  }

  /** One runner: sends what is due for an endpoint until nothing is, or too many run there. */
  const runLane = async (endpoint: string, lane: LaneState): Promise<void> => {
    try {
      while (lane.runners <= lane.width && !signal.aborted) {
        const slots = lane.isFailing ? knocks : flights
        await slots.take()
        try {
          if (!(await sendOne(endpoint, lane))) return
        } finally {
          slots.give()
        }
        staff(endpoint)
      }
    } finally {
      // In the same breath as the look at `runners`: two that leave at once must not both believe that the other stays.
      lane.runners--
    }
  }

  /** False when nothing is due. */
  const sendOne = async (endpoint: string, lane: LaneState): Promise<boolean> => {
    if (signal.aborted) return false
    const at = now()
    const claimed = await deliveries.claim(endpoint, at, new Date(at.getTime() + claimMs))
    if (!claimed) return false
    const isWell = await deliver(claimed)
    lane.width = isWell ? laneMax : 1
    lane.isFailing = !isWell
    return true
  }

  /** True when the endpoint answered as it should. */
  const deliver = async (claimed: Claimed): Promise<boolean> => {
    const endpoint = await endpoints.byId(claimed.endpoint)
    if (!endpoint) {
      await deliveries.remove(claimed.endpoint)
      return true
    }
    if (endpoint.status === 'DISABLED') {
      await deliveries.giveUp(endpoint._id)
      return true
    }
    const at = now()
    const body = await bodyOf(claimed, endpoint)
    if (body === null) {
      const attempt = {
        at,
        status: null,
        latencyMs: 0,
        error: 'the owner of the webhook may not see this event',
      }
      await deliveries.record(claimed, attempt, { state: 'DEAD', nextAttemptAt: null })
      return true
    }
    const secrets = liveSecrets(endpoint.secrets, at)
    const message = { id: claimed._id, url: endpoint.url, body, secrets, at }
    const outcome = await httpSender.send(message, { signal: leaving.signal })
    if (outcome.kind === 'FAILED' && leaving.signal.aborted) {
      await deliveries.release(claimed, now())
      return true
    }
    const attempt = attemptOf(outcome, at)
    await deliveries.record(claimed, attempt, afterAttempt(claimed, attempt, now()))
    if (attempt.status === gone) await disable(endpoint, attempt)
    return attempt.error === null
  }

  const disable = async ({ _id, owner }: WebhookEndpoint, { status }: Attempt) => {
    await endpoints.change(_id, { status: 'DISABLED' })
    await deliveries.giveUp(_id)
    logger.info({ webhook: _id, owner, status }, 'a webhook wants no more and is switched off')
  }

  const untilIdle = async () => {
    while (running.size > 0) await Promise.all(running)
  }

  const keepGoing = async () => {
    while (!signal.aborted) {
      news = Promise.withResolvers<void>()
      const next = await sweep().catch((error: unknown) => {
        if (!signal.aborted) logger.error({ err: error }, 'looking for webhooks to send failed; trying again')
        return null
      })
      const waitMs = Math.min(pollMs, next ? Math.max(0, next.getTime() - now().getTime()) : pollMs)
      const rest = new AbortController()
      await Promise.race([news.promise, sleep(waitMs, undefined, { signal: rest.signal }).catch(() => {})])
      rest.abort()
    }
  }

  return {
    async runDue() {
      await sweep()
      await untilIdle()
    },
    start() {
      loop = keepGoing()
    },
    wake: () => news.resolve(),
    async close() {
      closing.abort()
      news.resolve()
      await loop
      const moment = new AbortController()
      const idle = untilIdle()
      await Promise.race([idle, sleep(graceMs, undefined, { signal: moment.signal }).catch(() => {})])
      moment.abort()
      leaving.abort()
      await idle
    },
  }
}

/** Longer than a request may take: when it ends, whoever claimed is gone, and another process sends. */
const claimMs = 30_000

/** How long a process that is stopped waits for answers. */
const graceMs = 1_000

/** How often a process looks for what others have put down, at the latest. */
const pollMs = 2_000
