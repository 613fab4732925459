// Carries requests to participants whose connection is WEBHOOK, and what they answer at once back to the cashier.

import { setTimeout as pause } from 'node:timers/promises'
import type { Lease, LeaseHolder } from '../../platform/mongo/lease.ts'
import type { PaymentService } from '../service/payment-service.ts'
import {
  startRequestDispatcher,
  type CounterpartyConnector,
  type DispatcherDependencies,
} from './request-dispatcher.ts'
import type { PaymentStore } from '../store/payment-store.ts'
import { createWebhookRequestSender, untilRespondBy, type Patience } from './webhook-request.ts'
import type { HttpSender } from '../webhooks/http-sender.ts'
import { awaited, type CounterpartyRequest } from '../payment/counterparty-request.ts'
import { Semaphore } from '../../platform/async/semaphore.ts'

export interface WebhookConnectorDependencies extends DispatcherDependencies {
  readonly store: Pick<PaymentStore, 'waiting' | 'byId'>
  readonly paymentService: Pick<PaymentService, 'answer' | 'undeliverable'>
  readonly httpSender: Pick<HttpSender, 'send'>
  readonly now: () => Date
}

/** Requests to one participant at once: one that is slow delays nobody else. */
const slotsEach = 32

export const startWebhookConnector = (dependencies: WebhookConnectorDependencies): LeaseHolder =>
  startRequestDispatcher(dependencies, 'WEBHOOK', (lease) => openCarrier(dependencies, lease))

function openCarrier(
  { registry, store, paymentService, httpSender, now, logger }: WebhookConnectorDependencies,
  lease: Pick<Lease, 'isHeld'>,
): CounterpartyConnector {
  const closing = new AbortController()
  const { signal } = closing
  const slots = new Map<string, Semaphore>()
  const underWay = new Set<string>()
  const waits = untilRespondBy(now, (ms) => pause(ms, undefined, { signal }))
  // A process that was paused may have lost its lease without having been told.
  const patience: Patience = async (...asked) => (await waits(...asked)) && lease.isHeld()
  const post = createWebhookRequestSender({ httpSender, now, patience })

  const ask = async ({ kind, payment: id, counterparty, isRepeated }: CounterpartyRequest) => {
    const payment = await store.byId.load(id)
    if (!lease.isHeld() || !payment || awaited[payment.status] !== kind) return
    const endpoint = registry.participants.get(counterparty)?.endpoint
    if (!endpoint) return
    const reply = await post({ kind, payment }, endpoint, signal)
    // Given up because this process stops, it is for the next one to ask again.
    if (signal.aborted) return
    if (reply.kind === 'ANSWER') await paymentService.answer(counterparty, id, () => reply)
    // Only what surely never was there cannot have been acted on.
    else if (reply.kind === 'UNDELIVERED' && kind === 'AUTHORIZE' && !isRepeated) {
      await paymentService.undeliverable(id)
    } else if (reply.kind !== 'ACCEPTED') {
      logger.info({ payment: id, counterparty, request: kind, reply }, 'a counterparty did not answer')
    }
  }

  return {
    take(request) {
      const { counterparty, payment: id, kind, isRepeated } = request
      // Asked for by the log and by the payment that waits: once is enough.
      if (kind === 'AUTHORIZE' && isRepeated && underWay.has(id)) return
      underWay.add(id)
      let own = slots.get(counterparty)
      if (!own) slots.set(counterparty, (own = new Semaphore(slotsEach)))
      own
        .acquire()
        .then(() => ask(request))
        .catch((error: unknown) => {
          if (!signal.aborted) logger.error({ err: error, payment: id }, 'a counterparty could not be asked')
        })
        .finally(() => {
          underWay.delete(id)
          own.release()
        })
    },
    close: () => closing.abort(),
  }
}
