// Writes payments by the rules of the hub, whose events the log then receives: in groups, or one by one at a
// fixed rate.

import type { Db } from 'mongodb'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ParticipantId, PaymentId } from '../../schema/values/id.ts'
import { money } from '../../schema/values/money.ts'
import { isRefusal } from '../../schema/values/problems.ts'
import { useOfKey } from '../../subgraphs/shared/idempotency-key.ts'
import { answer } from '../../subgraphs/transaction/payment/answer.ts'
import { newId } from '../../subgraphs/transaction/payment/new-id.ts'
import type { Payment } from '../../subgraphs/transaction/payment/payment.ts'
import { submit } from '../../subgraphs/transaction/payment/submit.ts'
import { priceFixedMerchant } from '../../subgraphs/transaction/price/pricing.ts'
import { termsOf } from '../../subgraphs/transaction/price/quote.ts'
import { builtInRates } from '../../subgraphs/transaction/price/rates.ts'
import { createPaymentStore } from '../../subgraphs/transaction/store/payment-store.ts'
import { insertBatch, moveBatch, type PlannedMove } from '../../subgraphs/transaction/store/payment-writes.ts'
import { formatRrn } from '../../subgraphs/transaction/store/rrn.ts'
import { aCorridor, aMerchant } from '../../test/fixtures/a-programme.ts'

const wallet = 'wallet-sg-01' as ParticipantId
const corridor = aCorridor('SG-CN')
/** The number of events of a payment that is submitted, routed and approved. */
export const eventsEach = 3

let numbers = 0

/** Spreads payments by their number; without it, all payments are alike. */
export interface Spread {
  readonly merchants: number
  /** One in this many payments is refused. */
  readonly refusedEach: number
}

function aPayment(spread: Spread | null): Payment {
  const n = ++numbers
  const now = new Date()
  const price = priceFixedMerchant(money(8_850n, 'CNY'), 'SGD', corridor, builtInRates)
  if (isRefusal(price)) throw new Error(price.message)
  const world = {
    id: newId<PaymentId>(now),
    rrn: formatRrn(n),
    key: useOfKey(wallet, 'submitPayment', `key ${n}`, {}, now),
    now,
    authorizationTimeoutMs: 8_000,
    screen: () => null,
  }
  const merchant = aMerchant(`acquirer-cn-01.M${spread ? n % spread.merchants : 1}`)
  const submitted = { reference: `number ${n}`, customer: null, token: null }
  return submit(wallet, submitted, termsOf(price, 'MPM_STATIC', corridor, merchant, null), world)
}

function answerTo(before: Payment, decision: 'APPROVE' | 'DECLINE'): PlannedMove {
  const move = answer(
    before,
    { decision, reason: null, reference: null },
    { now: new Date(), zone: corridor.settlementZone },
  )!
  return { before, move: { ...move, event: { ...move.event, write: `bench-${before._id.slice(-6)}` } } }
}

/** Writes `count` payments and their answers at full speed. */
export async function writePayments(db: Db, count: number, spread: Spread | null = null): Promise<void> {
  const { payments } = await createPaymentStore(db)
  for (let done = 0; done < count; done += groupSize) {
    const group = Array.from({ length: Math.min(groupSize, count - done) }, () => aPayment(spread))
    await insertBatch(payments, group)
    const isRefused = (n: number) => spread !== null && (done + n) % spread.refusedEach === 0
    await moveBatch(
      payments,
      group.map((payment, n) => answerTo(payment, isRefused(n) ? 'DECLINE' : 'APPROVE')),
    )
  }
}

const groupSize = 200

/**
 * Writes `perSecond` payments a second; calls `onAcknowledged` with the time of each acknowledgement by
 * `performance.now()`.
 */
export async function pacePayments(
  db: Db,
  count: number,
  perSecond: number,
  onAcknowledged: (id: string, atMs: number) => void,
): Promise<void> {
  const { payments } = await createPaymentStore(db)
  const startedAt = performance.now()
  const writing: Promise<unknown>[] = []
  for (let n = 0; n < count; n++) {
    const dueMs = startedAt + (n * 1000) / perSecond - performance.now()
    if (dueMs > 0) await sleep(dueMs)
    const payment = aPayment(null)
    writing.push(insertBatch(payments, [payment]).then(() => onAcknowledged(payment._id, performance.now())))
  }
  await Promise.all(writing)
}
