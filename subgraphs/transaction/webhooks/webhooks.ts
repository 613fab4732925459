// Webhooks, put together: the desk that participants use, the outbox that reads the log, and the courier that sends.
import type { Db } from 'mongodb'
import { sees } from '../../shared/access.ts'
import { createIdempotentWriter } from '../../shared/idempotent-writer.ts'
import { type LogReader } from '../../log/reader.ts'
import { startProjection } from '../../log/projection.ts'
import type { Registry } from '../../shared/registry.ts'
import type { Cursors } from '../log/cursor.ts'
import type { Payment } from '../payment/payment.ts'
import type { Reach } from '../../shared/reachable-address.ts'
import { eventBody } from './body.ts'
import { startDeliveryWorker, type DeliveryWorker } from './delivery-worker.ts'
import type { Claimed } from './claims.ts'
import { createDeliveryStore } from './delivery-store.ts'
import { createWebhookService, type WebhookService } from './webhook-service.ts'
import type { WebhookEndpoint } from './endpoint.ts'
import { createEndpointStore } from './endpoint-store.ts'
import { createDeliveryProjection, deliveryProjectionName, visibilityOfOwner } from './delivery-projection.ts'
import { readTip } from '../../log/store.ts'
import { beginAfter } from '../../log/checkpoint.ts'
import { openHttpSender, type HttpSender } from './http-sender.ts'
import type { Logger } from '../../platform/logger.ts'

export interface WebhooksOptions {
  readonly db: Db
  readonly logReader: LogReader
  readonly registry: Registry
  readonly payments: { load(id: string): Promise<Payment | null> }
  readonly cursors: Cursors
  readonly now: () => Date
  readonly logger: Pick<Logger, 'error' | 'info'>
  /** Which addresses may be called. */
  readonly reach: Reach
  /** False: this process takes webhooks in and puts deliveries down, but sends none by itself; `courier.runDue` does. */
  readonly sends?: boolean
}

export interface Webhooks {
  readonly webhookService: WebhookService
  readonly deliveryWorker: DeliveryWorker
  /** Sends to where the hub may. */
  readonly httpSender: HttpSender
  close(): Promise<void>
}

export async function openWebhooks(options: WebhooksOptions): Promise<Webhooks> {
  const { db, logReader, registry, payments, cursors, now, logger, reach, sends = true } = options
  const endpoints = await createEndpointStore(db)
  const deliveries = await createDeliveryStore(db)
  const httpSender = openHttpSender({ reach })

  const bodyOf = async (delivery: Claimed, { owner }: WebhookEndpoint): Promise<string | null> => {
    const payment = await payments.load(delivery.refundOf ?? delivery.transaction)
    const refund = payment?.refunds.find(({ _id }) => _id === delivery.transaction) ?? null
    const events = delivery.refundOf === undefined ? payment?.events : refund?.events
    const event = events?.find(({ sequence }) => sequence === delivery.sequence)
    if (!payment || !event)
      throw new Error(`there is no event ${delivery.sequence} of ${delivery.transaction}`)
    if (!sees(visibilityOfOwner(owner, registry), payment)) return null
    return eventBody({ cursor: cursors.encode(delivery.position), event, payment, refund })
  }
  const deliveryWorker = startDeliveryWorker({ endpoints, deliveries, httpSender, bodyOf, now, logger })
  const webhookService = createWebhookService({
    idempotentWriter: await createIdempotentWriter(db),
    endpoints,
    deliveries,
    reach,
    now,
    readTip: () => readTip(db),
    onDue: deliveryWorker.wake,
  })

  // In this order: a webhook that is made meanwhile gets what comes after the tip.
  const tip = await readTip(db)
  if (!(await endpoints.hasAny())) await beginAfter(db, deliveryProjectionName, tip)
  const outbox = createDeliveryProjection({
    endpoints,
    deliveries,
    registry,
    now,
    onWritten: deliveryWorker.wake,
  })
  const projection = startProjection({ db, logReader, logger }, outbox)
  if (sends) deliveryWorker.start()

  return {
    webhookService,
    deliveryWorker,
    httpSender,
    async close() {
      await projection.close()
      await deliveryWorker.close()
      await httpSender.close()
    },
  }
}
