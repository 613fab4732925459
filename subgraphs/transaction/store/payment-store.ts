// Payments, quotes and presented codes in MongoDB. Reads and writes of all requests in flight share calls.

import type { Collection, Db, Filter } from 'mongodb'
import { createBatchWriter } from '../../platform/async/batching.ts'
import { RecentMap } from '../../platform/async/recent-map.ts'
import { firstPaymentId, type StoredRefusal } from './stored-refusal.ts'
import { applyMove, type Move, type Payment } from '../payment/payment.ts'
import type { PresentedCode } from '../payment/presented-code.ts'
import type { Quote } from '../price/quote.ts'
import { loaderById, createPaymentLoaders, type PaymentLoaders } from './payment-loaders.ts'
import { createRrnSource } from './rrn.ts'
import { insertBatch, moveBatch, writeNames, type PlannedMove } from './payment-writes.ts'
import type { PaymentId } from '../../../schema/values/id.ts'

export interface PaymentStore extends PaymentLoaders {
  readonly payments: Collection<Payment>
  quoteById(id: PaymentId): Promise<Quote | null>
  addQuote(quote: Quote): Promise<void>
  codeById(id: PaymentId): Promise<PresentedCode | null>
  /** Keeps a presented code; when its key was used before, gives the code of then. */
  addCode(code: PresentedCode): Promise<PresentedCode>
  /** Writes a new payment. False when one with its key, quote, code or reference is there already. Throws when it may or may not be written. */
  insert(payment: Payment): Promise<boolean>
  /** Keeps what a key was refused. False when the key was used before. */
  keep(refusal: StoredRefusal): Promise<boolean>
  /**
   * Reads payment `id`, lets `rule` decide, and writes its move if the payment has not moved meanwhile; otherwise all of
   * that again, so `rule` must be pure. `moved` is false when the rule wants no move. Null when there is no such payment.
   * Throws KeyTakenError when the move's key was used elsewhere.
   */
  move(id: PaymentId, rule: (payment: Payment) => Move | null): Promise<Moved | null>
  /** Payments that match every clause, newest first, after the one with id `after`. */
  page(
    clauses: readonly Clause[],
    page: { readonly after: string | null; readonly max: number },
  ): Promise<readonly Payment[]>
  /** Payments that wait for one of `counterparties`, longest waiting first. */
  waiting(
    counterparties: readonly string[],
  ): Promise<readonly Pick<Payment, '_id' | 'counterparty' | 'status'>[]>
  /** Ids of payments whose time has come at `now`, longest due first, `max` at most. */
  due(now: Date, max: number): Promise<readonly string[]>
  /** A new retrieval reference number. */
  nextRrn(): Promise<string>
}

export type Clause = Readonly<Record<string, unknown>>

export interface Moved {
  readonly moved: boolean
  /** As the rule saw it. */
  readonly before: Payment
  readonly after: Payment
}

/** Makes the indexes that are missing. Loading much data is quicker without them: see `importPayments`. */
export async function createPaymentIndexes(db: Db): Promise<void> {
  const present = (field: string) => ({ partialFilterExpression: { [field]: { $exists: true } } })
  await paymentsOf(db).createIndexes([
    { name: 'key', key: { 'keys.id': 1 }, unique: true },
    { name: 'reference', key: { wallet: 1, reference: 1 }, unique: true, ...present('reference') },
    { name: 'presentedCode', key: { presentedCode: 1 }, unique: true, ...present('presentedCode') },
    { name: 'quote', key: { quote: 1 }, unique: true, ...present('quote') },
    { name: 'wallet', key: { wallet: 1, _id: -1 } },
    { name: 'acquirer', key: { acquirer: 1, _id: -1 } },
    { name: 'merchant', key: { merchant: 1, _id: -1 } },
    { name: 'corridor', key: { corridor: 1, _id: -1 } },
    { name: 'rrn', key: { rrn: 1 } },
    // Only what waits for somebody: small, whatever the collection holds.
    { name: 'due', key: { due: 1, counterparty: 1, status: 1 }, ...present('due') },
    { name: 'expiry', key: { keptUntil: 1 }, expireAfterSeconds: 0, ...present('keptUntil') },
    { name: 'refund', key: { 'refunds._id': 1 }, ...present('refunds._id') },
  ])
  await quotesOf(db).createIndex({ expiresAt: 1 }, { name: 'expiry', expireAfterSeconds: offerKeptSeconds })
  await codesOf(db).createIndexes([
    { name: 'expiry', key: { expiresAt: 1 }, expireAfterSeconds: offerKeptSeconds },
    { name: 'key', key: { 'key.id': 1 }, unique: true },
  ])
}

export async function openPaymentStore(db: Db): Promise<PaymentStore> {
  await createPaymentIndexes(db)
  const payments = paymentsOf(db)
  const quotes = quotesOf(db)

  const reads = createPaymentLoaders(payments)
  const storedQuote = loaderById(quotes)
  const codes = codesOf(db)
  const storedCode = loaderById(codes)
  // One call under way at a time: each waits for the journal, and a large group shares that better than two small ones.
  const flightsMax = 1
  const inserter = createBatchWriter<Payment | StoredRefusal, boolean>({
    flightsMax,
    write: (group) => insertBatch(payments as unknown as Collection<Payment | StoredRefusal>, group),
  })
  const codeInserter = createBatchWriter<PresentedCode, boolean>({
    flightsMax,
    write: (group) => insertBatch(codes, group),
  })
  const quoteInserter = createBatchWriter<Quote, boolean>({
    flightsMax,
    write: (group) => insertBatch(quotes, group),
  })
  // Answers come one by one, each at its own time, and an update of one payment costs MongoDB as much as one of ten.
  const mover = createBatchWriter<PlannedMove, boolean>({
    flightsMax,
    gatherMs: 8,
    write: (group) => moveBatch(payments, group),
  })
  // A quote never changes, so what this process has quoted lately it need not read.
  const recentQuotes = new RecentMap<string, Quote>(2 * recentMax)
  // A payment that this process wrote is moved without reading it: should it have moved since, the write finds out.
  const written = new RecentMap<string, Payment>(2 * recentMax)
  // Moves of one payment take turns: tried at once, all but one would have to be tried again.
  const turns = new Map<string, Promise<unknown>>()
  const newWriteName = writeNames()

  /** The payment after the rule's move; null when the rule wants none, false when the payment has moved meanwhile. */
  const tryMove = async (before: Payment, rule: (payment: Payment) => Move | null) => {
    const wanted = rule(before)
    if (!wanted) return null
    const move = { ...wanted, event: { ...wanted.event, write: newWriteName() } }
    if (!(await mover.write({ before, move }))) return false
    const after = applyMove(before, move)
    written.set(after._id, after)
    return after
  }

  const moveNow = async (id: PaymentId, rule: (payment: Payment) => Move | null): Promise<Moved | null> => {
    const known = written.get(id)
    const after = known ? await tryMove(known, rule) : null
    if (known && after) return { moved: true, before: known, after }
    written.delete(id)
    for (let attempt = 0; attempt < attemptsMax; attempt++) {
      const before = await reads.byId.load(id)
      if (!before) return null
      const moved = await tryMove(before, rule)
      if (moved !== false) return { moved: moved !== null, before, after: moved ?? before }
    }
    throw new Error(`payment ${id} moved ${attemptsMax} times while one move was tried`)
  }

  return {
    payments,
    ...reads,
    quoteById: async (id) => recentQuotes.get(id) ?? storedQuote.load(id),
    addQuote: async (quote) => {
      await quoteInserter.write(quote)
      recentQuotes.set(quote._id, quote)
    },
    insert: async (payment) => {
      const isWritten = await inserter.write(payment)
      if (isWritten) written.set(payment._id, payment)
      return isWritten
    },
    keep: (refusal) => inserter.write(refusal),
    codeById: (id) => storedCode.load(id),
    async addCode(code) {
      if (await codeInserter.write(code)) return code
      return (await codes.findOne({ 'key.id': code.key.id }))!
    },
    move(id, rule) {
      const before = turns.get(id)
      const turn = before ? before.then(() => moveNow(id, rule)) : moveNow(id, rule)
      const settled = turn.then(nothing, nothing)
      turns.set(id, settled)
      void settled.then(() => turns.get(id) === settled && turns.delete(id))
      return turn
    },
    page: (clauses, { after, max }) => {
      const older = after === null ? [] : [{ _id: { $lt: after } }]
      const query = { $and: [{ _id: { $gte: firstPaymentId } }, ...clauses, ...older] } as Filter<Payment>
      return payments.find(query, { sort: { _id: -1 }, limit: max }).toArray()
    },
    waiting: (counterparties) =>
      payments
        .find(
          { due: { $exists: true }, counterparty: { $in: [...counterparties] } },
          { sort: { due: 1 }, limit: waitingMax, projection: { counterparty: 1, status: 1 } },
        )
        .toArray(),
    async due(now, max) {
      const found = payments.find(
        { due: { $lte: now } },
        { sort: { due: 1 }, limit: max, projection: { _id: 1 } },
      )
      return (await found.toArray()).map(({ _id }) => _id)
    },
    nextRrn: createRrnSource(db),
  }
}

/**
 * Writes many payments at once; those that are there already are left as they are. It waits for no journal: what is
 * written after it with the usual guarantees makes it durable too.
 */
export async function loadPayments(db: Db, payments: readonly Payment[]): Promise<void> {
  const outcomes = await insertBatch(paymentsOf(db), payments, { w: 1, j: false })
  const failed = outcomes.find((outcome) => outcome instanceof Error)
  if (failed) throw failed
}

const paymentsOf = (db: Db): Collection<Payment> => db.collection<Payment>('payments')
const codesOf = (db: Db): Collection<PresentedCode> => db.collection<PresentedCode>('presentedCodes')
const quotesOf = (db: Db): Collection<Quote> => db.collection<Quote>('quotes')

const recentMax = 4096

const nothing = (): void => {}

/** Each attempt fails only because another move succeeded, so this many others would have to win in a row. */
const attemptsMax = 1000

/** More than one participant can have waiting: they time out before. */
const waitingMax = 50_000

/** So long an expired quote or presented code can be told from one that never was. */
const offerKeptSeconds = 86_400
