// The connector for participants whose connection is WEBHOOK: sends requests, and passes answers to the
// payment service.

import type { ParticipantId, PaymentId } from '../../../schema/values/id.ts'
import { pause } from '../../platform/async/promise.ts'
import { Semaphore } from '../../platform/async/semaphore.ts'
import type { Lease, LeaseHolder } from '../../platform/mongo/lease.ts'
import { awaited, type CounterpartyRequest } from '../payment/counterparty-request.ts'
import type { PaymentService } from '../service/payment-service.ts'
import type { PaymentStore } from '../store/payment-store.ts'
import type { HttpSender } from '../webhooks/http-sender.ts'
import {
  startRequestDispatcher,
  type CounterpartyConnector,
  type DispatcherDependencies,
} from './request-dispatcher.ts'
import {
  createWebhookRequestSender,
  retryUntilRespondBy,
  type RetryRule,
  type SendRequest,
} from './webhook-request.ts'

export interface WebhookConnectorDependencies extends DispatcherDependencies {
  readonly store: Pick<PaymentStore, 'waiting' | 'byId'>
  readonly paymentService: Pick<PaymentService, 'answer' | 'undeliverable'>
  readonly httpSender: Pick<HttpSender, 'send'>
  readonly now: () => Date
}

/** Concurrent requests to one participant, so that a slow participant delays only itself. */
const requestsMax = 32

export const startWebhookConnector = (dependencies: WebhookConnectorDependencies): LeaseHolder =>
  startRequestDispatcher(dependencies, 'WEBHOOK', (lease) => openWebhookConnector(dependencies, lease))

function openWebhookConnector(
  dependencies: WebhookConnectorDependencies,
  lease: Pick<Lease, 'isHeld'>,
): CounterpartyConnector {
  const { httpSender, now, logger } = dependencies
  const closing = new AbortController()
  const { signal } = closing
  const semaphores = new Map<ParticipantId, Semaphore>()
  const inProgress = new Set<PaymentId>()
  const isInTime = retryUntilRespondBy(now, pause)
  // A process that was suspended may have lost its lease without a notice.
  const retry: RetryRule = async (...attempt) => (await isInTime(...attempt)) && lease.isHeld()
  const send = createWebhookRequestSender({ httpSender, now, retry })

  return {
    deliver(request) {
      const { counterparty, payment: id, kind, isRepeated } = request
      // The log and the list of pending payments may both hold this request: one delivery is enough.
      if (kind === 'AUTHORIZE' && isRepeated && inProgress.has(id)) return
      inProgress.add(id)
      let semaphore = semaphores.get(counterparty)
      if (!semaphore) semaphores.set(counterparty, (semaphore = new Semaphore(requestsMax)))
      semaphore
        .acquire()
        .then(() => sendRequest({ ...dependencies, lease, send, signal }, request))
        .catch((error: unknown) => {
          if (signal.aborted) return
          logger.error(
            { err: error, payment: id, counterparty, request: kind },
            'a request could not be sent to its counterparty',
          )
        })
        .finally(() => {
          inProgress.delete(id)
          semaphore.release()
        })
    },
    close: () => closing.abort(),
  }
}

interface SendDependencies extends WebhookConnectorDependencies {
  readonly lease: Pick<Lease, 'isHeld'>
  readonly send: SendRequest
  readonly signal: AbortSignal
}

/** Sends one request, unless the payment no longer waits for it, and applies the reply to the payment. */
async function sendRequest(
  { registry, store, paymentService, logger, lease, send, signal }: SendDependencies,
  { kind, payment: id, counterparty, isRepeated }: CounterpartyRequest,
): Promise<void> {
  const payment = await store.byId.load(id)
  if (!lease.isHeld() || !payment || awaited[payment.status] !== kind) return
  const endpoint = registry.participants.get(counterparty)?.endpoint
  if (!endpoint) return
  const reply = await send({ kind, payment }, endpoint, signal)
  // This process is closing: the next one sends the request again.
  if (signal.aborted) return
  if (reply.kind === 'ANSWER') {
    await paymentService.answer(counterparty, id, () => reply)
  } else if (reply.kind === 'UNDELIVERED' && kind === 'AUTHORIZE' && !isRepeated) {
    // No attempt arrived, in this process or another, so the counterparty cannot have approved the payment.
    await paymentService.undeliverable(id)
  } else if (reply.kind !== 'ACCEPTED') {
    logger.info(
      { payment: id, counterparty, request: kind, reply },
      'a counterparty did not answer a request; the timeout worker continues',
    )
  }
}
