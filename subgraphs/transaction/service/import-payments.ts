// Imports payments of the past from a data set or another system. The hub's own rules make whole payments
// of them, and entries of the log.

import type { Db } from 'mongodb'
import type { EntryMode } from '../../../schema/values/entry-mode.ts'
import { corridorIdOf, type ParticipantId, type PaymentId } from '../../../schema/values/id.ts'
import type { Money } from '../../../schema/values/money.ts'
import { isRefusal } from '../../../schema/values/problems.ts'
import type { ReasonCode } from '../../../schema/values/reasons.ts'
import { chunks } from '../../platform/async/chunks.ts'
import { useOfKey } from '../../shared/idempotency-key.ts'
import type { MerchantFacts } from '../../shared/merchant-directory.ts'
import type { Registry } from '../../shared/registry.ts'
import { fillLog } from '../log/backfill.ts'
import { answer } from '../payment/answer.ts'
import type { CounterpartyAnswer } from '../payment/commands.ts'
import { applyMove, type Payment } from '../payment/payment.ts'
import { submit } from '../payment/submit.ts'
import { priceFixedMerchant } from '../price/pricing.ts'
import { termsOf } from '../price/quote.ts'
import { builtInRates, type RateProvider } from '../price/rates.ts'
import { createPaymentIndexes } from '../store/payment-indexes.ts'
import { loadPayments } from '../store/payment-store.ts'
import { takeRrns } from '../store/rrn.ts'

export interface PastPayment {
  /** UUID version 7 of `createdAt`. */
  readonly id: PaymentId
  readonly createdAt: Date
  readonly wallet: ParticipantId
  readonly merchant: MerchantFacts
  /** In the merchant's currency. */
  readonly amount: Money
  readonly entryMode: EntryMode
  /** Pseudonym of the payer. */
  readonly customer: string
  /** The wallet's own number, unique per wallet. */
  readonly reference: string
  /** Null: the payment completed. */
  readonly declined: ReasonCode | null
  /** Milliseconds from the submission to the counterparty's answer. */
  readonly authorizeMs: number
}

/**
 * Writes payments that are over, and their entries of the log. `payments` are in order of time, oldest
 * first; existing ones stay unchanged. An import into an empty database is fastest before the subgraph
 * starts, which creates the indexes. Daily limits do not apply. Throws when a wallet, corridor or rate does
 * not exist.
 */
export async function importPayments(
  db: Db,
  registry: Pick<Registry, 'participants' | 'corridors'>,
  payments: Iterable<PastPayment>,
  rates: RateProvider = builtInRates,
): Promise<void> {
  const writing = new Set<Promise<void>>()
  for (const chunk of chunks(payments, chunkSize)) {
    const rrns = await takeRrns(db, chunk.length)
    const whole = chunk.map((past, n) => paymentOf(past, rrns[n]!, registry, rates))
    const written = loadPayments(db, whole).finally(() => writing.delete(written))
    writing.add(written)
    if (writing.size >= writesMax) await Promise.race(writing)
  }
  await Promise.all(writing)
  await createPaymentIndexes(db)
  await fillLog(db)
}

const chunkSize = 2000
const writesMax = 2

function paymentOf(
  past: PastPayment,
  rrn: string,
  { participants, corridors }: Pick<Registry, 'participants' | 'corridors'>,
  rates: RateProvider,
): Payment {
  const { id, createdAt, merchant, entryMode, customer, reference } = past
  const wallet = participants.get(past.wallet)
  if (!wallet) throw new TypeError(`payment ${id}: there is no wallet "${past.wallet}"`)
  const corridor = corridors.get(corridorIdOf(wallet.country, merchant.country))
  if (!corridor)
    throw new TypeError(`payment ${id}: no corridor leads from ${wallet.country} to ${merchant.country}`)
  const price = priceFixedMerchant(past.amount, wallet.settlementCurrency, corridor, rates)
  if (isRefusal(price)) throw new TypeError(`payment ${id}: ${price.message}`)

  const details = { reference, customer, token: null }
  const sent = submit(wallet.id, details, termsOf(price, entryMode, corridor, merchant, null), {
    id,
    rrn,
    key: useOfKey(wallet.id, 'importPayments', id, {}, createdAt),
    now: createdAt,
    authorizationTimeoutMs: corridor.authorizationTimeoutMs,
    screen: () => null,
  })
  const answeredAt = new Date(createdAt.getTime() + past.authorizeMs)
  const decision = past.declined === null ? 'APPROVE' : 'DECLINE'
  const received: CounterpartyAnswer = { decision, reason: past.declined, reference: null }
  return applyMove(sent, answer(sent, received, { now: answeredAt, zone: corridor.settlementZone })!)
}
