// Payments and quotes in MongoDB. Reads and writes of all requests in flight share calls.

import { randomUUID } from 'node:crypto'
import { MongoBulkWriteError, type Collection, type Db, type Filter, type WriteConcernSettings } from 'mongodb'
import type { Currency } from '../../schema/values/currency.ts'
import { createLoader, createWriter, type Loader } from '../loader.ts'
import { applyMove, type Move, type Payment, type Refund } from './payment.ts'
import { hubParticipant } from './posting.ts'
import type { Quote } from './quote.ts'

/** A refund and the payment that holds it. */
export interface RefundOf {
  readonly refund: Refund
  readonly payment: Payment
}

export interface PaymentStore {
  readonly payments: Collection<Payment>
  readonly byId: Loader<string, Payment>
  /** By the `id` of a used key. */
  readonly byKey: Loader<string, Payment>
  readonly byQuote: Loader<string, Payment>
  readonly byReference: Loader<{ readonly wallet: string; readonly reference: string }, Payment>
  readonly refundById: Loader<string, RefundOf>
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

/** Both sides are zero or more. */
export interface Position {
  readonly currency: Currency
  readonly debits: bigint
  readonly credits: bigint
}

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

  const byField = (field: string, valueOf: (payment: Payment) => string | undefined) =>
    createLoader<string, Payment>({
      load: async (values) => {
        const found = await payments.find({ [field]: { $in: [...values] } }).toArray()
        return inOrder(values, found, valueOf)
      },
    })
  const byId = byField('_id', ({ _id }) => _id)
  const inserter = createWriter({ flightsMax: 1, write: (group: readonly Payment[]) => insertGroup(payments, group) })
  const quoteInserter = createWriter({ write: (group: readonly Quote[]) => insertGroup(quotes, group) })
  const mover = createWriter({ write: (group: readonly PlannedMove[]) => moveGroup(payments, group) })
  const storedQuote = createLoader<string, Quote>({
    load: async (ids) => {
      const found = await quotes.find({ _id: { $in: [...ids] } }).toArray()
      return inOrder(ids, found, ({ _id }) => _id)
    },
  })
  // A quote never changes, so what this process has quoted lately it need not read.
  const recentQuotes = new Map<string, Quote>()
  const newWriteName = writeNames()

  return {
    payments,
    byId,
    byKey: createLoader({
      load: async (ids) => {
        const found = await payments.find({ 'keys.id': { $in: [...ids] } }).toArray()
        return ids.map((id) => found.find(({ keys }) => keys.some((key) => key.id === id)) ?? null)
      },
    }),
    byQuote: byField('quote', ({ quote }) => quote),
    byReference: createLoader({
      key: ({ wallet, reference }) => `${wallet}/${reference}`,
      load: async (asked) => {
        const found = await payments.find({ $or: asked.map((one) => ({ ...one })) }).toArray()
        const nameOf = (one: { wallet: string; reference: string }) => `${one.wallet}/${one.reference}`
        return inOrder(asked.map(nameOf), found, nameOf)
      },
    }),
    refundById: createLoader({
      load: async (ids) => {
        const found = await payments.find({ 'refunds._id': { $in: [...ids] } }).toArray()
        const all = found.flatMap((payment) => payment.refunds.map((refund) => ({ refund, payment })))
        return inOrder(ids, all, ({ refund }) => refund._id)
      },
    }),
    quoteById: async (id) => recentQuotes.get(id) ?? storedQuote.load(id),
    addQuote: async (quote) => {
      await quoteInserter.write(quote)
      recentQuotes.set(quote._id, quote)
      if (recentQuotes.size > recentQuotesMax) recentQuotes.delete(recentQuotes.keys().next().value!)
    },
    insert: (payment) => inserter.write(payment),
    async move(id, rule) {
      for (let attempt = 0; attempt < attemptsMax; attempt++) {
        const before = await byId.load(id)
        if (!before) return null
        const move = rule(before)
        if (!move) return { moved: false, before, after: before }
        const named = { ...move, event: { ...move.event, write: newWriteName() } }
        if (await mover.write({ before, move: named })) return { moved: true, before, after: applyMove(before, named) }
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
    positions: (participant, date) => sumPostings(payments, participant, date),
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

const recentQuotesMax = 4096

/** Each attempt fails only because another move succeeded, so this many others would have to win in a row. */
const attemptsMax = 1000

/** More than one participant can have waiting: they time out before. */
const waitingMax = 50_000

/** So long an expired quote can be told from one that never was. */
const quoteKeptSeconds = 3600

function inOrder<Key, Value>(
  keys: readonly Key[],
  found: readonly Value[],
  keyOf: (value: Value) => Key | undefined,
): (Value | null)[] {
  const byKey = new Map(found.map((value) => [keyOf(value), value]))
  return keys.map((key) => byKey.get(key) ?? null)
}

/** True for each document that was written, false for each that collides with a unique index. */
async function insertGroup<Doc extends { readonly _id: string }>(
  collection: Collection<Doc>,
  group: readonly Doc[],
  writeConcern?: WriteConcernSettings,
): Promise<(boolean | Error)[]> {
  try {
    await collection.insertMany(group as never, { ordered: false, ...(writeConcern && { writeConcern }) })
    return group.map(() => true)
  } catch (error) {
    if (!(error instanceof MongoBulkWriteError)) throw error
    const outcomes: (boolean | Error)[] = group.map(() => error.result.getWriteConcernError() === undefined || error)
    for (const failed of [error.writeErrors].flat()) {
      outcomes[failed.index] = failed.code === duplicateKey ? false : error
    }
    return outcomes
  }
}

const duplicateKey = 11_000

interface PlannedMove {
  readonly before: Payment
  readonly move: Move
}

/** True for each move that was made, false for each whose payment had moved before; an error where it cannot be known. */
async function moveGroup(
  payments: Collection<Payment>,
  group: readonly PlannedMove[],
): Promise<(boolean | Error)[]> {
  try {
    const { matchedCount } = await payments.bulkWrite(group.map(updateOf), { ordered: false })
    if (matchedCount === group.length) return group.map(() => true)
    return await lookUpMoves(payments, group)
  } catch (error) {
    // What was written before the error stands, and its caller is told so.
    const isMade = await lookUpMoves(payments, group)
    return isMade.map((made) => made || (error as Error))
  }
}

function updateOf({ before, move: { event, set, due } }: PlannedMove) {
  const { _id, status, sequence } = before
  return {
    updateOne: {
      filter: { _id, status, sequence } as Filter<Payment>,
      update: {
        $set: { ...set, status: event.to, sequence: event.sequence, updatedAt: event.at, ...(due && { due }) },
        $push: { events: event },
        ...(!due && { $unset: { due: true } }),
      } as never,
    },
  }
}

/** A bulk write says how many matched, not which: each event carries the name of the write that added it. */
async function lookUpMoves(payments: Collection<Payment>, group: readonly PlannedMove[]): Promise<boolean[]> {
  const ids = group.map(({ before }) => before._id)
  const found = await payments.find({ _id: { $in: ids } }, { projection: { events: 1 } }).toArray()
  const stored = new Map(found.map(({ _id, events }) => [_id, events]))
  return group.map(({ before, move: { event } }) => {
    return stored.get(before._id)?.[event.sequence - 1]?.write === event.write
  })
}

async function sumPostings(
  payments: Collection<Payment>,
  participant: string,
  date: string | null,
): Promise<Position[]> {
  const isParty = participant === hubParticipant ? {} : { $or: [{ wallet: participant }, { acquirer: participant }] }
  const sumWhere = (sign: '$lt' | '$gt') => ({
    $sum: { $cond: [{ [sign]: ['$postings.minor', 0] }, { $abs: '$postings.minor' }, 0] },
  })
  const sums = await payments
    .aggregate<{ _id: Currency; debits: bigint | number; credits: bigint | number }>([
      { $match: { ...isParty, settlementDate: date ?? { $exists: true } } },
      { $unwind: '$postings' },
      { $match: { 'postings.participant': participant } },
      { $group: { _id: '$postings.currency', debits: sumWhere('$lt'), credits: sumWhere('$gt') } },
      { $sort: { _id: 1 } },
    ])
    .toArray()
  return sums.map(({ _id, debits, credits }) => ({
    currency: _id,
    debits: BigInt(debits),
    credits: BigInt(credits),
  }))
}

function writeNames(): () => string {
  const process = randomUUID().slice(0, 8)
  let count = 0
  return () => `${process}-${(++count).toString(36)}`
}

/**
 * Retrieval reference numbers count up over all processes and never repeat: each process takes a block at a time from a
 * counter, and what is left of it when the process ends is skipped. Twelve digits last for 10¹² payments.
 */
function rrnSource(db: Db): () => Promise<string> {
  let next = 0n
  let end = 0n
  let taking: Promise<void> | null = null
  const take = async () => {
    try {
      next = await takeRrns(db, rrnBlock)
      end = next + rrnBlock
    } finally {
      taking = null
    }
  }
  return async () => {
    while (next === end) await (taking ??= take())
    return formatRrn(next++)
  }
}

const rrnBlock = 1000n

export const formatRrn = (count: bigint): string => count.toString().padStart(12, '0')

/** Reserves `count` retrieval reference numbers: the first of them. */
export async function takeRrns(db: Db, count: bigint): Promise<bigint> {
  const counters = db.collection<{ _id: string; next: bigint }>('counters')
  const after = await counters.findOneAndUpdate(
    { _id: 'rrn' },
    { $inc: { next: count } },
    { upsert: true, returnDocument: 'after' },
  )
  return after!.next - count + 1n
}
