// Webhooks, put together: the desk that participants use, the outbox that reads the log, and the courier that sends.

import type { FastifyBaseLogger } from 'fastify'
import type { Db } from 'mongodb'
import { sees } from '../../shared/access.ts'
import { createKeyedWriter } from '../../shared/idempotent-writer.ts'
import { type LogReader } from '../../log/reader.ts'
import { startProjection } from '../../log/projection.ts'
import type { Reference } from '../../shared/registry.ts'
import type { Cursors } from '../log/cursor.ts'
import type { Payment } from '../payment/payment.ts'
import type { Reach } from '../../shared/reachable-address.ts'
import { eventBody } from './body.ts'
import { createCourier, type Courier } from './delivery-worker.ts'
import type { Claimed } from './claims.ts'
import { createDeliveryStore } from './delivery-store.ts'
import { createWebhookDesk, type WebhookDesk } from './webhook-service.ts'
import type { Endpoint } from './endpoint.ts'
import { createEndpointStore } from './endpoint-store.ts'
import { createOutbox, outboxName, visibilityOfOwner } from './delivery-projection.ts'
import { readTip } from '../../log/store.ts'
import { beginAfter } from '../../log/checkpoint.ts'
import { createSender, type Sender } from './http-sender.ts'

export interface WebhooksOptions {
  readonly db: Db
  readonly reader: LogReader
  readonly reference: Reference
  readonly payments: { load(id: string): Promise<Payment | null> }
  readonly cursors: Cursors
  readonly now: () => Date
  readonly log: Pick<FastifyBaseLogger, 'error' | 'info'>
  /** Which addresses may be called. */
  readonly reach: Reach
  /** False: this process takes webhooks in and puts deliveries down, but sends none by itself; `courier.runDue` does. */
  readonly sends?: boolean
}

export interface Webhooks {
  readonly desk: WebhookDesk
  readonly courier: Courier
  /** Sends to where the hub may. */
  readonly sender: Sender
  close(): Promise<void>
}

export async function openWebhooks(options: WebhooksOptions): Promise<Webhooks> {
  const { db, reader, reference, payments, cursors, now, log, reach, sends = true } = options
  const endpoints = await createEndpointStore(db)
  const deliveries = await createDeliveryStore(db)
  const sender = createSender({ reach })

  const bodyOf = async (delivery: Claimed, { owner }: Endpoint): Promise<string | null> => {
    const payment = await payments.load(delivery.refundOf ?? delivery.transaction)
    const refund = payment?.refunds.find(({ _id }) => _id === delivery.transaction) ?? null
    const events = delivery.refundOf === undefined ? payment?.events : refund?.events
    const event = events?.find(({ sequence }) => sequence === delivery.sequence)
    if (!payment || !event)
      throw new Error(`there is no event ${delivery.sequence} of ${delivery.transaction}`)
    if (!sees(visibilityOfOwner(owner, reference), payment)) return null
    return eventBody({ cursor: cursors.encode(delivery.position), event, payment, refund })
  }
  const courier = createCourier({ endpoints, deliveries, sender, bodyOf, now, log })
  const desk = createWebhookDesk({
    keyed: await createKeyedWriter(db),
    endpoints,
    deliveries,
    reach,
    now,
    readTip: () => readTip(db),
    onDue: courier.wake,
  })

  // In this order: a webhook that is made meanwhile gets what comes after the tip.
  const tip = await readTip(db)
  if (!(await endpoints.hasAny())) await beginAfter(db, outboxName, tip)
  const outbox = createOutbox({ endpoints, deliveries, reference, now, onWritten: courier.wake })
  const projection = startProjection({ db, reader, log }, outbox)
  if (sends) courier.start()

  return {
    desk,
    courier,
    sender,
    async close() {
      await projection.close()
      await courier.close()
      await sender.close()
    },
  }
}
