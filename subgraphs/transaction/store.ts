// Payments and quotes in MongoDB. Reads and writes of all requests in flight share calls.

import type { Collection, Db, Filter } from 'mongodb'
import { createWriter } from '../loader.ts'
import { Recent } from '../recent.ts'
import { applyMove, type Move, type Payment } from './payment.ts'
import { readPositions, type Position } from './positions.ts'
import type { Quote } from './quote.ts'
import { quoteReads, readsOf, type PaymentReads } from './reads.ts'
import { rrnSource } from './rrn.ts'
import { insertGroup, moveGroup, writeNames, type PlannedMove } from './writes.ts'

export interface PaymentStore extends PaymentReads {
  readonly payments: Collection<Payment>
  quoteById(id: string): Promise<Quote | null>
  addQuote(quote: Quote): Promise<void>
  /** Writes a new payment. False when one with its key, quote or reference is there already. Throws when it may or may not be written. */
  insert(payment: Payment): Promise<boolean>
  /**
   * Reads payment `id`, lets `rule` decide, and writes its move if the payment has not moved meanwhile; otherwise all of
   * that again, so `rule` must be pure. `moved` is false when the rule wants no move. Null when there is no such payment.
   */
  move(id: string, rule: (payment: Payment) => Move | null): Promise<Moved | null>
  /** Payments that match every clause, newest first, after the one with id `after`. */
  page(
    clauses: readonly Clause[],
    page: { readonly after: string | null; readonly max: number },
  ): Promise<readonly Payment[]>
  /** Payments that wait for the answer of one of `counterparties`, longest waiting first. */
  waiting(counterparties: readonly string[]): Promise<readonly Pick<Payment, '_id' | 'counterparty'>[]>
  /** What the postings of a participant sum up to, per currency and side; of one settlement date, or of all. */
  positions(participant: string, date: string | null): Promise<readonly Position[]>
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
export async function makeIndexes(db: Db): Promise<void> {
  const present = (field: string) => ({ partialFilterExpression: { [field]: { $exists: true } } })
  await paymentsOf(db).createIndexes([
    { name: 'key', key: { 'keys.id': 1 }, unique: true },
    { name: 'reference', key: { wallet: 1, reference: 1 }, unique: true },
    { name: 'quote', key: { quote: 1 }, unique: true, ...present('quote') },
    { name: 'wallet', key: { wallet: 1, _id: -1 } },
    { name: 'acquirer', key: { acquirer: 1, _id: -1 } },
    { name: 'merchant', key: { merchant: 1, _id: -1 } },
    { name: 'corridor', key: { corridor: 1, _id: -1 } },
    { name: 'rrn', key: { rrn: 1 } },
    // Only what waits for somebody: small, whatever the collection holds.
    { name: 'due', key: { counterparty: 1, due: 1 }, ...present('due') },
    { name: 'refund', key: { 'refunds._id': 1 }, ...present('refunds._id') },
  ])
  await quotesOf(db).createIndex({ expiresAt: 1 }, { name: 'expiry', expireAfterSeconds: quoteKeptSeconds })
}

export async function createStore(db: Db): Promise<PaymentStore> {
  await makeIndexes(db)
  const payments = paymentsOf(db)
  const quotes = quotesOf(db)

  const reads = readsOf(payments)
  const storedQuote = quoteReads(quotes)
  // One call under way at a time: each waits for the journal, and a large group shares that better than two small ones.
  const flightsMax = 1
  const inserter = createWriter<Payment, boolean>({
    flightsMax,
    write: (group) => insertGroup(payments, group),
  })
  const quoteInserter = createWriter<Quote, boolean>({
    flightsMax,
    write: (group) => insertGroup(quotes, group),
  })
  const mover = createWriter<PlannedMove, boolean>({
    flightsMax,
    write: (group) => moveGroup(payments, group),
  })
  // A quote never changes, so what this process has quoted lately it need not read.
  const recentQuotes = new Recent<string, Quote>(recentMax)
  // A payment that this process wrote is moved without reading it: should it have moved since, the write finds out.
  const open = new Recent<string, Payment>(recentMax)
  const remember = (payment: Payment) =>
    'due' in payment ? open.set(payment._id, payment) : open.delete(payment._id)
  const newWriteName = writeNames()

  /** The payment after the rule's move; null when the rule wants none, false when the payment has moved meanwhile. */
  const tryMove = async (before: Payment, rule: (payment: Payment) => Move | null) => {
    const wanted = rule(before)
    if (!wanted) return null
    const move = { ...wanted, event: { ...wanted.event, write: newWriteName() } }
    if (!(await mover.write({ before, move }))) return false
    const after = applyMove(before, move)
    remember(after)
    return after
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
      if (isWritten) remember(payment)
      return isWritten
    },
    async move(id, rule) {
      const known = open.get(id)
      const after = known ? await tryMove(known, rule) : null
      if (known && after) return { moved: true, before: known, after }
      open.delete(id)
      for (let attempt = 0; attempt < attemptsMax; attempt++) {
        const before = await reads.byId.load(id)
        if (!before) return null
        const moved = await tryMove(before, rule)
        if (moved !== false) return { moved: moved !== null, before, after: moved ?? before }
      }
      throw new Error(`payment ${id} moved ${attemptsMax} times while one move was tried`)
    },
    page: (clauses, { after, max }) => {
      const older = after === null ? [] : [{ _id: { $lt: after } }]
      const all = [...clauses, ...older]
      const query = (all.length > 0 ? { $and: all } : {}) as Filter<Payment>
      return payments.find(query, { sort: { _id: -1 }, limit: max }).toArray()
    },
    waiting: (counterparties) =>
      payments
        .find(
          { counterparty: { $in: [...counterparties] }, due: { $exists: true }, status: 'ROUTED' },
          { sort: { due: 1 }, limit: waitingMax, projection: { counterparty: 1 } },
        )
        .toArray(),
    positions: (participant, date) => readPositions(db, participant, date),
    nextRrn: rrnSource(db),
  }
}

/**
 * Writes many payments at once; those that are there already are left as they are. It waits for no journal: what is
 * written after it with the usual guarantees makes it durable too.
 */
export async function loadPayments(db: Db, payments: readonly Payment[]): Promise<void> {
  const outcomes = await insertGroup(paymentsOf(db), payments, { w: 1, journal: false })
  const failed = outcomes.find((outcome) => outcome instanceof Error)
  if (failed) throw failed
}

const paymentsOf = (db: Db): Collection<Payment> => db.collection<Payment>('payments')
const quotesOf = (db: Db): Collection<Quote> => db.collection<Quote>('quotes')

const recentMax = 4096

/** Each attempt fails only because another move succeeded, so this many others would have to win in a row. */
const attemptsMax = 1000

/** More than one participant can have waiting: they time out before. */
const waitingMax = 50_000

/** So long an expired quote can be told from one that never was. */
const quoteKeptSeconds = 3600
