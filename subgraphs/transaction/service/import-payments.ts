// Imports payments of the past from a data set or another system. The hub's own rules make whole payments
// of them, and entries of the log.

import type { Db } from 'mongodb'
import type { Currency } from '../../../schema/values/currency.ts'
import type { EntryMode } from '../../../schema/values/entry-mode.ts'
import { corridorIdOf, type ParticipantId, type PaymentId } from '../../../schema/values/id.ts'
import type { Money } from '../../../schema/values/money.ts'
import { isRefusal } from '../../../schema/values/problems.ts'
import type { ReasonCode } from '../../../schema/values/reasons.ts'
import { chunks } from '../../platform/async/chunks.ts'
import { insertOnce } from '../../platform/mongo/bulk-write.ts'
import { createCompressed } from '../../platform/mongo/create-compressed.ts'
import { useOfKey } from '../../shared/idempotency-key.ts'
import type { MerchantFacts } from '../../shared/merchant-directory.ts'
import type { Registry } from '../../shared/registry.ts'
import { beginAfter } from '../../log/checkpoint.ts'
import type { LogEntry } from '../../log/entry.ts'
import { archiveOf, logOf, makeLogIndexes, readTip } from '../../log/store.ts'
import { fillLog, resumeFromNow } from '../log/backfill.ts'
import { byTime, entriesOf } from '../log/entries-of-payment.ts'
import { writeEntriesAt } from '../log/log-writer.ts'
import { answer } from '../payment/answer.ts'
import type { CounterpartyAnswer } from '../payment/commands.ts'
import { applyMove, type Payment } from '../payment/payment.ts'
import { submit } from '../payment/submit.ts'
import { priceFixedMerchant, reportingOf } from '../price/pricing.ts'
import { termsOf } from '../price/quote.ts'
import { builtInRates, type RateProvider } from '../price/rates.ts'
import { loadBookings } from '../settlement/bookings.ts'
import { finishPositions, loadPositions } from '../settlement/positions.ts'
import { createPaymentIndexes, paymentsOf } from '../store/payment-indexes.ts'
import { loadPayments } from '../store/payment-store.ts'
import { rrnsOfImport, skipRrns, takeRrns } from '../store/rrn.ts'

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

/** Begins a load of payments in parts into an empty database: deletes what another one has left. */
export async function preparePayments(db: Db): Promise<void> {
  const derived = ['bookings', 'positions', 'positionParts'].map((name) => db.collection(name))
  for (const collection of [paymentsOf(db), logOf(db), archiveOf(db), ...derived]) await collection.drop()
  // The log and bookings are written once and seldom read, so zstd halves them.
  for (const name of [logOf(db).collectionName, 'bookings']) await createCompressed(db, name)
}

/** Every payment of the past has the events SUBMITTED, SENT, and APPROVED or REFUSED. */
const eventsPerPayment = 3n

/**
 * Writes a part of the payments that `preparePayments` began, with its part of the log, and what projections
 * derive from it: to project two years of the log after the load would take the hub half an hour. Several
 * processes may each write parts. `index` is the number of payments before this part. Writing a part again
 * changes nothing. Returns the entries of the log.
 */
export async function loadPastPayments(
  db: Db,
  registry: Pick<Registry, 'participants' | 'corridors'>,
  payments: readonly PastPayment[],
  index: number,
): Promise<readonly LogEntry[]> {
  if (payments.length === 0) return []
  const rrns = await rrnsOfImport(db, index, payments.length)
  const whole = payments.map((past, n) => paymentOf(past, rrns[n]!, registry, builtInRates))
  const first = BigInt(index) * eventsPerPayment + 1n
  const entries = whole
    .flatMap(entriesOf)
    .toSorted(byTime)
    .map((entry, n): LogEntry => ({ _id: first + BigInt(n), ...entry }))
  await Promise.all([
    ...Array.from(chunks(whole, chunkSize), (chunk) => insertOnce(paymentsOf(db), chunk)),
    writeEntriesAt(db, entries),
    loadBookings(db, { corridors: registry.corridors }, entries),
    loadPositions(db, entries, String(index)),
  ])
  return entries
}

/** The position of the last entry of a load of `count` payments. */
export const tipOfImport = (count: number): bigint => BigInt(count) * eventsPerPayment

/**
 * Stores the rest of a load in parts of `count` payments: creates the indexes, and lets `projections` begin
 * after them. Payments of the past hold no limit of a day, and no webhook waits for them. `beginLog` ends the
 * load.
 */
export async function finishPayments(db: Db, count: number, projections: readonly string[]): Promise<void> {
  await Promise.all([createPaymentIndexes(db), makeLogIndexes(db), finishPositions(db)])
  await skipRrns(db, count)
  for (const name of projections) await beginAfter(db, name, tipOfImport(count))
}

/** Lets the sequencer begin after the log of a load, on a MongoDB with change streams. */
export const beginLog = async (db: Db): Promise<void> => resumeFromNow(db, await readTip(db))

/** The reporting value of a payment at the built-in rates, in fen. Throws when a rate is missing. */
export function reportingFen(amount: Money, payerCurrency: Currency): bigint {
  const reporting = reportingOf(amount, payerCurrency, builtInRates)
  if (isRefusal(reporting)) throw new TypeError(reporting.message)
  return reporting.minor
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
