// Payments of the past, as a data set or another system knows them: turned into whole payments by the hub's own rules, and
// into entries of the log.

import type { Db } from 'mongodb'
import { isRefusal } from '../../../schema/values/problems.ts'
import type { Money } from '../../../schema/values/money.ts'
import type { ReasonCode } from '../../../schema/values/reasons.ts'
import type { MerchantFacts } from '../../shared/merchant-directory.ts'
import type { Registry } from '../../shared/registry.ts'
import { useOfKey } from '../../shared/idempotency-key.ts'
import { answer } from '../payment/answer.ts'
import { applyMove, type Payment } from '../payment/payment.ts'
import { priceFixedMerchant } from '../price/pricing.ts'
import { termsOf } from '../price/quote.ts'
import { builtInRates, type RateProvider } from '../price/rates.ts'
import { fillLog } from '../log/backfill.ts'
import { formatRrn, takeRrns } from '../store/rrn.ts'
import type { EntryMode } from '../../../schema/values/entry-mode.ts'
import type { CounterpartyAnswer } from '../payment/commands.ts'
import { loadPayments, createPaymentIndexes } from '../store/payment-store.ts'
import { submit } from '../payment/submit.ts'
import type { ParticipantId, PaymentId } from '../../../schema/values/id.ts'

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
  /** Null: it completed. */
  readonly declined: ReasonCode | null
  /** From submission to the counterparty's answer. */
  readonly authorizeMs: number
}

/**
 * Writes payments that are over, and their entries of the log, in order of time. Give them oldest first; those that are
 * there already are left as they are. Into an empty database it is quicker before the subgraph is started, which makes the
 * indexes. Limits are not asked: what was, was. Throws when there is no such wallet, corridor or rate.
 */
export async function importPayments(
  db: Db,
  registry: Pick<Registry, 'participants' | 'corridors'>,
  payments: Iterable<PastPayment>,
  rates: RateProvider = builtInRates,
): Promise<void> {
  const writing = new Set<Promise<void>>()
  for (const group of groupsOf(payments, groupSize)) {
    const firstRrn = await takeRrns(db, BigInt(group.length))
    const whole = group.map((past, n) => paymentOf(past, formatRrn(firstRrn + BigInt(n)), registry, rates))
    const written = loadPayments(db, whole).finally(() => writing.delete(written))
    writing.add(written)
    if (writing.size >= flightsMax) await Promise.race(writing)
  }
  await Promise.all(writing)
  await createPaymentIndexes(db)
  await fillLog(db)
}

const groupSize = 2000
const flightsMax = 2

function* groupsOf<Item>(items: Iterable<Item>, size: number): Iterable<Item[]> {
  let group: Item[] = []
  for (const item of items) {
    group.push(item)
    if (group.length < size) continue
    yield group
    group = []
  }
  if (group.length > 0) yield group
}

function paymentOf(
  past: PastPayment,
  rrn: string,
  { participants, corridors }: Pick<Registry, 'participants' | 'corridors'>,
  rates: RateProvider,
): Payment {
  const { id, createdAt, merchant, entryMode, customer, reference } = past
  const wallet = participants.get(past.wallet)
  if (!wallet) throw new TypeError(`payment ${id}: there is no wallet "${past.wallet}"`)
  const corridor = corridors.get(`${wallet.country}-${merchant.country}`)
  if (!corridor)
    throw new TypeError(`payment ${id}: no corridor leads from ${wallet.country} to ${merchant.country}`)
  const price = priceFixedMerchant(past.amount, wallet.settlementCurrency, corridor, rates)
  if (isRefusal(price)) throw new TypeError(`payment ${id}: ${price.message}`)

  const sent = submit(
    wallet.id,
    { reference, customer, token: null },
    termsOf(price, entryMode, corridor, merchant, null),
    {
      id,
      rrn,
      key: useOfKey(wallet.id, 'importPayments', id, {}, createdAt),
      now: createdAt,
      authorizationTimeoutMs: corridor.authorizationTimeoutMs,
      screen: () => null,
    },
  )
  const answeredAt = new Date(createdAt.getTime() + past.authorizeMs)
  const decision = past.declined === null ? 'APPROVE' : 'DECLINE'
  const given: CounterpartyAnswer = { decision, reason: past.declined, reference: null }
  return applyMove(sent, answer(sent, given, { now: answeredAt, zone: corridor.settlementZone })!)
}
