// Wires the webhooks together: the service for participants, the projection that creates deliveries, and the
// worker that sends them.

import type { Db } from 'mongodb'
import type { PaymentId } from '../../../schema/values/id.ts'
import { beginAfter } from '../../log/checkpoint.ts'
import { startProjection } from '../../log/projection.ts'
import type { LogReader } from '../../log/reader.ts'
import { readTip } from '../../log/store.ts'
import type { Logger } from '../../platform/logger.ts'
import { sees } from '../../shared/access.ts'
import { alertEventKinds, openAlertLog, type AlertLog } from '../../shared/alert-log.ts'
import type { AuditLog } from '../../shared/audit-log.ts'
import { createIdempotentWriter } from '../../shared/idempotent-writer.ts'
import type { Reach } from '../../shared/reachable-address.ts'
import type { SecretBox } from '../../shared/secret-box.ts'
import type { Registry } from '../../shared/registry.ts'
import type { Cursors } from '../../shared/cursor.ts'
import type { Payment } from '../payment/payment.ts'
import { alertBody, startAlertDeliveries } from './alert-deliveries.ts'
import { eventBody } from './body.ts'
import type { Delivery } from './delivery.ts'
import { createDeliveryProjection, deliveryProjectionName, visibilityOfOwner } from './delivery-projection.ts'
import { createDeliveryStore } from './delivery-store.ts'
import { DeliveryWorker } from './delivery-worker.ts'
import type { WebhookEndpoint } from './endpoint.ts'
import { createEndpointStore } from './endpoint-store.ts'
import { openHttpSender, type HttpSender } from './http-sender.ts'
import { createWebhookService, type WebhookService } from './webhook-service.ts'

export interface WebhooksDependencies {
  readonly db: Db
  readonly logReader: LogReader
  readonly registry: Registry
  readonly payments: { load(id: PaymentId): Promise<Payment | null> }
  readonly cursors: Cursors
  readonly now: () => Date
  readonly logger: Pick<Logger, 'error' | 'info'>
  /** Which addresses may be called. */
  readonly reach: Reach
  readonly audit: Pick<AuditLog, 'record'>
  /** Encrypts the secrets of endpoints; by default they are stored as they are. */
  readonly box?: SecretBox
  /**
   * False: this process serves webhooks and stores deliveries, but sends them only by
   * `deliveryWorker.runDue`.
   */
  readonly sends?: boolean
}

export interface Webhooks {
  readonly webhookService: WebhookService
  readonly deliveryWorker: DeliveryWorker
  /** Sends only to addresses within `reach`. */
  readonly httpSender: HttpSender
  close(): Promise<void>
}

export async function openWebhooks(dependencies: WebhooksDependencies): Promise<Webhooks> {
  const { db, logReader, registry, now, logger, reach, sends = true } = dependencies
  const endpoints = await createEndpointStore(db, dependencies.box)
  const deliveries = await createDeliveryStore(db)
  const alertLog = await openAlertLog(db)
  const httpSender = openHttpSender({ reach })
  const deliveryWorker = new DeliveryWorker({
    endpoints,
    deliveries,
    httpSender,
    readBody: (delivery, endpoint) => readBody(dependencies, alertLog, delivery, endpoint),
    now,
    logger,
  })
  const wake = () => deliveryWorker.wake()
  const webhookService = createWebhookService({
    idempotentWriter: await createIdempotentWriter(db),
    audit: dependencies.audit,
    endpoints,
    deliveries,
    cursors: dependencies.cursors,
    reach,
    now,
    readTip: () => readTip(db),
    onDue: wake,
    httpSender,
    readBody: (delivery, endpoint) => readBody(dependencies, alertLog, delivery, endpoint),
  })

  // The tip is read first, so that an endpoint created meanwhile receives the events after it.
  const tip = await readTip(db)
  if (!(await endpoints.hasAny())) await beginAfter(db, deliveryProjectionName, tip)
  const projection = startProjection(
    { db, logReader, logger },
    createDeliveryProjection({ endpoints, deliveries, registry, now, onWritten: wake }),
  )
  const alerts = startAlertDeliveries({
    alertLog,
    endpoints,
    deliveries,
    registry,
    now,
    logger,
    readTip: () => readTip(db),
    onWritten: wake,
  })
  if (sends) deliveryWorker.start()

  return {
    webhookService,
    deliveryWorker,
    httpSender,
    async close() {
      await alerts.close()
      await projection.close()
      await deliveryWorker.close()
      await httpSender.close()
    },
  }
}

/** The body of a delivery; null when the owner of the endpoint may not see the payment or the alert. */
async function readBody(
  { payments, registry, cursors }: WebhooksDependencies,
  alertLog: AlertLog,
  delivery: Pick<Delivery, 'kind' | 'transaction' | 'refundOf' | 'sequence' | 'position'>,
  { owner }: WebhookEndpoint,
): Promise<string | null> {
  if (Object.hasOwn(alertEventKinds, delivery.kind)) {
    const event = await alertLog.event(delivery.sequence)
    if (!event) throw new Error(`the event ${delivery.sequence} of alerts is no longer kept`)
    return alertBody(event, owner, registry)
  }
  const { transaction, refundOf, sequence, position } = delivery
  const payment = await payments.load(refundOf ?? (transaction as PaymentId))
  const refund = payment?.refunds.find(({ _id }) => _id === transaction) ?? null
  const events = refundOf === undefined ? payment?.events : refund?.events
  const event = events?.find((one) => one.sequence === sequence)
  if (!payment || !event) {
    throw new Error(
      `event ${sequence} of transaction ${transaction} is in the log, but missing in its payment`,
    )
  }
  if (!sees(visibilityOfOwner(owner, registry), payment)) return null
  return eventBody({ cursor: cursors.encode(position), event, payment, refund })
}
