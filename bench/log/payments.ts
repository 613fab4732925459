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
const merchant = aMerchant('acquirer-cn-01.M1')
/** The number of events of a payment that is submitted, routed and approved. */
export const eventsEach = 3

let numbers = 0

function aPayment(): Payment {
  const n = ++numbers
  const now = new Date()
  const price = priceFixedMerchant(money(8_850n, 'CNY'), 'SGD', corridor, builtInRates)
  if (isRefusal(price)) throw new Error(price.message)
  const world = {
    id: newId<PaymentId>(now),
    rrn: formatRrn(BigInt(n)),
    key: useOfKey(wallet, 'submitPayment', `key ${n}`, {}, now),
    now,
    authorizationTimeoutMs: 8_000,
    screen: () => null,
  }
  const submitted = { reference: `number ${n}`, customer: null, token: null }
  return submit(wallet, submitted, termsOf(price, 'MPM_STATIC', corridor, merchant, null), world)
}

function approval(before: Payment): PlannedMove {
  const approve = { decision: 'APPROVE', reason: null, reference: null } as const
  const move = answer(before, approve, { now: new Date(), zone: corridor.settlementZone })!
  return { before, move: { ...move, event: { ...move.event, write: `bench-${before._id.slice(-6)}` } } }
}

/** Writes `count` payments and their approvals at full speed. */
export async function writePayments(db: Db, count: number): Promise<void> {
  const { payments } = await createPaymentStore(db)
  for (let done = 0; done < count; done += groupSize) {
    const group = Array.from({ length: Math.min(groupSize, count - done) }, aPayment)
    await insertBatch(payments, group)
    await moveBatch(payments, group.map(approval))
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
    const payment = aPayment()
    writing.push(insertBatch(payments, [payment]).then(() => onAcknowledged(payment._id, performance.now())))
  }
  await Promise.all(writing)
}
