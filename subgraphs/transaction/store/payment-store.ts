// Payments, quotes and presented codes in MongoDB. Reads and writes of all requests in flight share calls.

import type { Collection, Db, Filter } from 'mongodb'
import type { ParticipantId, PaymentId, PresentedCodeId, QuoteId } from '../../../schema/values/id.ts'
import { createBatchWriter, type BatchWriter, type Loader } from '../../platform/async/batching.ts'
import { RecentMap } from '../../platform/async/recent-map.ts'
import { readForClient } from '../../platform/mongo/client-reads.ts'
import { loaderById } from '../../platform/mongo/loader-by-id.ts'
import type { Count } from '../../shared/count.ts'
import type { DayShare } from '../payment/daily-limit.ts'
import type { CustomerDay, Payment } from '../payment/payment.ts'
import type { PresentedCode } from '../payment/presented-code.ts'
import type { PendingPayment } from '../payment/timeout.ts'
import type { Quote } from '../price/quote.ts'
import { DailyLimits, type DayRefusal } from './daily-limits.ts'
import { codesOf, createPaymentIndexes, paymentsOf, quotesOf } from './payment-indexes.ts'
import { createPaymentLoaders, type PaymentLoaders } from './payment-loaders.ts'
import { PaymentMover, type MoveOutcome, type MoveRule } from './payment-mover.ts'
import { insertBatch } from './payment-writes.ts'
import {
  countPayments,
  searchPayments,
  type Clause,
  type FoundPayments,
  type PaymentPage,
  type PaymentQuery,
} from './payment-search.ts'
import { createRrnSource } from './rrn.ts'
import { firstPaymentId, type StoredRefusal } from './stored-refusal.ts'

export interface PaymentStore extends PaymentLoaders {
  readonly payments: Collection<Payment>
  quoteById(id: QuoteId): Promise<Quote | null>
  addQuote(quote: Quote): Promise<void>
  codeById(id: PresentedCodeId): Promise<PresentedCode | null>
  /**
   * Writes a presented code, and returns it; when its key was used before, returns the code of the first
   * use. Null when that code can be neither read nor written again.
   */
  addCode(code: PresentedCode): Promise<PresentedCode | null>
  /**
   * Writes a new payment within the limit of its share's day, and returns it as it is stored; without a share
   * there is no limit. Throws when the outcome of the write is unknown.
   */
  insert(payment: Payment, share: DayShare | null): Promise<InsertOutcome>
  /** Writes the refusal that a key received. False when the key was used before. */
  keep(refusal: StoredRefusal): Promise<boolean>
  /**
   * Reads payment `id`, and writes the move of `rule` if the payment has not changed meanwhile; otherwise
   * does both again. Null when there is no such payment. Throws KeyTakenError when the move's key was used
   * elsewhere.
   */
  move(id: PaymentId, rule: MoveRule): Promise<MoveOutcome | null>
  /**
   * Returns at most `max` payments that match every clause, newest first, after the one with the id
   * `after`.
   */
  page(clauses: readonly Clause[], page: PaymentPage): Promise<readonly Payment[]>
  /** Returns a page of a list with any filter; it reads a bounded number of payments. */
  search(query: PaymentQuery, page: PaymentPage): Promise<FoundPayments>
  /** Counts what `search` lists, as far as that is cheap. */
  count(query: PaymentQuery, signal?: AbortSignal): Promise<Count>
  /** Returns the pending payments of `counterparties`, longest pending first. */
  waiting(
    counterparties: readonly ParticipantId[],
  ): Promise<readonly Pick<Payment, '_id' | 'counterparty' | 'status'>[]>
  /** Returns the ids of at most `max` payments that are due at `now`, longest due first. */
  due(now: Date, max: number): Promise<readonly PaymentId[]>
  /** Returns the pending payments that are due, and were changed, later than `now`, soonest due first. */
  ahead(now: Date): Promise<readonly PaymentAhead[]>
  /** Returns a new retrieval reference number. */
  nextRrn(): Promise<string>
}

export type InsertOutcome =
  | { readonly kind: 'INSERTED'; readonly payment: Payment }
  /** The payment's key, quote, presented code or reference is used already. */
  | { readonly kind: 'TAKEN' }
  | DayRefusal

/** A pending payment that was written by a clock ahead of this process's. */
export type PaymentAhead = PendingPayment & { readonly _id: PaymentId; readonly due: Date }

export async function createPaymentStore(db: Db): Promise<PaymentStore> {
  await createPaymentIndexes(db)
  const payments = paymentsOf(db)
  const codes = codesOf(db)
  const loaders = createPaymentLoaders(payments)
  const mover = new PaymentMover(payments, loaders.byId)
  const dailyLimits = new DailyLimits(payments)
  const inserter = insertWriter(payments as unknown as Collection<Payment | StoredRefusal>)
  const codeInserter = insertWriter(codes)
  const codeLoader = loaderById(codes)
  return {
    ...loaders,
    ...createQuoteStore(quotesOf(db)),
    payments,
    codeById: (id) => codeLoader.load(id),
    addCode: (code) => addCode(codes, codeInserter, code),
    insert: (payment, share) => insertPayment({ inserter, mover, dailyLimits }, payment, share),
    keep: (refusal) => inserter.write(refusal),
    move: (id, rule) => mover.move(id, rule),
    page: (clauses, page) => findPage(payments, clauses, page),
    search: (query, page) => searchPayments(payments, query, page),
    count: (query, signal) => countPayments(payments, query, signal),
    waiting: (counterparties) => findWaiting(payments, counterparties),
    due: (now, max) => findDue(payments, now, max),
    ahead: (now) => findAhead(payments, now),
    nextRrn: createRrnSource(db),
  }
}

/**
 * Inserts in groups. One call runs at a time: each waits for the journal, and one large group shares that
 * wait best.
 */
const insertWriter = <Doc extends { readonly _id: string }>(
  collection: Collection<Doc>,
): BatchWriter<Doc, boolean> =>
  createBatchWriter({
    flightsMax: 1,
    write: (group, signal) => insertBatch(collection, group, { signal }),
  })

/** A quote never changes, so a process caches the quotes that it has written. */
function createQuoteStore(quotes: Collection<Quote>): Pick<PaymentStore, 'quoteById' | 'addQuote'> {
  const recent = new RecentMap<QuoteId, Quote>(recentQuotesMax)
  const loader: Loader<QuoteId, Quote> = loaderById(quotes)
  const inserter = insertWriter(quotes)
  return {
    quoteById: async (id) => recent.get(id) ?? loader.load(id),
    addQuote: async (quote) => {
      await inserter.write(quote)
      recent.set(quote._id, quote)
    },
  }
}

async function addCode(
  codes: Collection<PresentedCode>,
  inserter: BatchWriter<PresentedCode, boolean>,
  code: PresentedCode,
): Promise<PresentedCode | null> {
  if (await inserter.write(code)) return code
  // A majority may not have the first code yet: a linearizable read waits until it has.
  const first = await codes.findOne(
    { 'key.id': code.key.id },
    { readConcern: { level: 'linearizable' }, readPreference: 'primary' },
  )
  if (first) return first
  // MongoDB deletes an expired code, and may do so between the two calls: then its key is free again.
  return (await inserter.write(code)) ? code : null
}

interface PaymentWriters {
  readonly inserter: BatchWriter<Payment | StoredRefusal, boolean>
  readonly mover: PaymentMover
  readonly dailyLimits: DailyLimits
}

async function insertPayment(
  { inserter, mover, dailyLimits }: PaymentWriters,
  payment: Payment,
  share: DayShare | null,
): Promise<InsertOutcome> {
  let written = payment
  const write = (place?: CustomerDay): Promise<boolean> => {
    if (place) written = { ...payment, customerDay: place }
    return inserter.write(written)
  }
  const outcome = await (share === null ? write() : dailyLimits.within(share, write))
  if (typeof outcome !== 'boolean') return outcome
  if (!outcome) return { kind: 'TAKEN' }
  mover.remember(written)
  return { kind: 'INSERTED', payment: written }
}

function findPage(
  payments: Collection<Payment>,
  clauses: readonly Clause[],
  { after, max, signal }: PaymentPage,
): Promise<readonly Payment[]> {
  const older = after === null ? [] : [{ _id: { $lt: after } }]
  const query = { $and: [{ _id: { $gte: firstPaymentId } }, ...clauses, ...older] } as Filter<Payment>
  const found = payments.find(query, { sort: { _id: -1 }, limit: max, ...(signal && { signal }) })
  return readForClient(payments.db, 'list', () => found.toArray(), signal)
}

const findWaiting = (
  payments: Collection<Payment>,
  counterparties: readonly ParticipantId[],
): Promise<readonly Pick<Payment, '_id' | 'counterparty' | 'status'>[]> =>
  payments
    .find(
      { due: { $exists: true }, counterparty: { $in: [...counterparties] } },
      { sort: { due: 1 }, limit: waitingMax, projection: { counterparty: 1, status: 1 } },
    )
    .toArray()

async function findDue(payments: Collection<Payment>, now: Date, max: number): Promise<readonly PaymentId[]> {
  const found = payments.find(
    { due: { $lte: now } },
    { sort: { due: 1 }, limit: max, projection: { _id: 1 } },
  )
  return (await found.toArray()).map(({ _id }) => _id)
}

const findAhead = (payments: Collection<Payment>, now: Date): Promise<readonly PaymentAhead[]> =>
  payments
    .find<PaymentAhead>(
      { due: { $gt: now }, updatedAt: { $gt: now } },
      {
        sort: { due: 1 },
        limit: waitingMax,
        projection: { status: 1, due: 1, createdAt: 1, respondBy: 1, 'events.kind': 1 },
      },
    )
    .toArray()

/**
 * Writes many payments at once; existing ones stay unchanged. Does not wait for the journal: the next write
 * with the usual guarantees makes these durable too.
 */
export async function loadPayments(db: Db, payments: readonly Payment[]): Promise<void> {
  const outcomes = await insertBatch(paymentsOf(db), payments, { writeConcern: { w: 1, j: false } })
  const failed = outcomes.find((outcome) => outcome instanceof Error)
  if (failed) throw failed
}

/** A process keeps at least half as many. */
const recentQuotesMax = 8192

/** More than are pending at a time: payments time out before. */
const waitingMax = 50_000
