// Carries requests to participants whose connection is WEBHOOK, and what they answer at once back to the cashier.

import { setTimeout as pause } from 'node:timers/promises'
import type { Lease, LeaseHolder } from '../../platform/mongo/lease.ts'
import type { Cashier } from '../service/payment-service.ts'
import { carryRequests, type Carrier, type CarrierDependencies } from './request-dispatcher.ts'
import type { PaymentStore } from '../store/payment-store.ts'
import { createCounterpartyPost, untilRespondBy, type Patience } from './webhook-request.ts'
import type { Sender } from '../webhooks/http-sender.ts'
import { awaited, type CounterpartyRequest } from '../payment/counterparty-request.ts'
import { Slots } from '../webhooks/slots.ts'

export interface WebhookCarrierDependencies extends CarrierDependencies {
  readonly store: Pick<PaymentStore, 'waiting' | 'byId'>
  readonly cashier: Pick<Cashier, 'answer' | 'undeliverable'>
  readonly sender: Pick<Sender, 'send'>
  readonly now: () => Date
}

/** Requests to one participant at once: one that is slow delays nobody else. */
const slotsEach = 32

export const startWebhookCarrier = (dependencies: WebhookCarrierDependencies): LeaseHolder =>
  carryRequests(dependencies, 'WEBHOOK', (lease) => openCarrier(dependencies, lease))

function openCarrier(
  { reference, store, cashier, sender, now, log }: WebhookCarrierDependencies,
  lease: Pick<Lease, 'isHeld'>,
): Carrier {
  const closing = new AbortController()
  const { signal } = closing
  const slots = new Map<string, Slots>()
  const underWay = new Set<string>()
  const waits = untilRespondBy(now, (ms) => pause(ms, undefined, { signal }))
  // A process that was paused may have lost its lease without having been told.
  const patience: Patience = async (...asked) => (await waits(...asked)) && lease.isHeld()
  const post = createCounterpartyPost({ sender, now, patience })

  const ask = async ({ kind, transaction, counterparty, isRepeated }: CounterpartyRequest) => {
    const payment = await store.byId.load(transaction)
    if (!lease.isHeld() || !payment || awaited[payment.status] !== kind) return
    const endpoint = reference.participants.get(counterparty)?.endpoint
    if (!endpoint) return
    const reply = await post({ kind, payment }, endpoint, signal)
    // Given up because this process stops, it is for the next one to ask again.
    if (signal.aborted) return
    if (reply.kind === 'ANSWER') await cashier.answer(counterparty, transaction, () => reply)
    // Only what surely never was there cannot have been acted on.
    else if (reply.kind === 'UNDELIVERED' && kind === 'AUTHORIZE' && !isRepeated) {
      await cashier.undeliverable(transaction)
    } else if (reply.kind !== 'ACCEPTED') {
      log.info({ payment: transaction, counterparty, request: kind, reply }, 'a counterparty did not answer')
    }
  }

  return {
    take(request) {
      const { counterparty, transaction, kind, isRepeated } = request
      // Asked for by the log and by the payment that waits: once is enough.
      if (kind === 'AUTHORIZE' && isRepeated && underWay.has(transaction)) return
      underWay.add(transaction)
      let own = slots.get(counterparty)
      if (!own) slots.set(counterparty, (own = new Slots(slotsEach)))
      own
        .take()
        .then(() => ask(request))
        .catch((error: unknown) => {
          if (!signal.aborted)
            log.error({ err: error, payment: transaction }, 'a counterparty could not be asked')
        })
        .finally(() => {
          underWay.delete(transaction)
          own.give()
        })
    },
    close: () => closing.abort(),
  }
}
