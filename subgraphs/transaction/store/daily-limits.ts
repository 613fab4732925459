// Customers' days in MongoDB. A day holds one entry per payment that counts against its limit, and its sum
// is computed from those entries, so the sum cannot drift.
//
// A hold belongs to one attempt to write a payment and has the id of that payment. So giving one back never
// touches the hold of another attempt, and a stored hold can be compared with its payment.

import type { AnyBulkWriteOperation, Collection, Db, Document } from 'mongodb'
import type { PaymentId, UsedKeyId } from '../../../schema/values/id.ts'
import { paymentIdOf, type LogEntry, type TransactionStatus } from '../../log/entry.ts'
import type { IdempotentProjection } from '../../log/projection.ts'
import { createBatchWriter, type BatchWriter } from '../../platform/async/batching.ts'
import { isDuplicateKey } from '../../platform/mongo/errors.ts'
import type { Reservation } from '../payment/daily-limit.ts'
import type { Payment } from '../payment/payment.ts'

/** A document of the collection `customerDays`. */
interface CustomerDay {
  readonly _id: string
  readonly holds: readonly Hold[]
  /** Time from which MongoDB deletes the document. */
  readonly keptUntil: Date
}

/** The part of a day's limit that one payment uses. */
interface Hold {
  /** Id of the payment. A hold of an earlier version has the id of the payment's key here, and no `key`. */
  readonly id: PaymentId | UsedKeyId
  readonly key?: UsedKeyId
  readonly minor: bigint
  /** By the clock of MongoDB, so that no clock of a hub makes a hold old. */
  readonly at: Date
  /**
   * The hold of an earlier attempt with the same key, of no smaller amount. While the day has it, only it
   * counts, because at most one attempt with a key writes its payment.
   */
  readonly beside?: Hold['id']
}

export type ReserveOutcome =
  | { readonly kind: 'RESERVED' }
  /** Another attempt with the same key has a hold on this day: its payment stands or may be written. */
  | { readonly kind: 'KEY_HELD' }
  /** `used` is the sum of the day's holds, in minor units. */
  | { readonly kind: 'EXCEEDED'; readonly used: bigint }
  /** The day has as many holds as one may have. */
  | { readonly kind: 'FULL' }

export interface DailyLimits {
  /** Adds the hold of one attempt, unless the day is full, has the same key, or then exceeds its limit. */
  reserve(reservation: Reservation): Promise<ReserveOutcome>
  /** Adds the hold also when the day already holds the same key; of both, the larger counts. */
  reserveBeside(reservation: Reservation): Promise<ReserveOutcome>
  release(reservation: Pick<Reservation, 'day' | 'hold'>): Promise<void>
}

interface ReserveRequest extends Reservation {
  readonly isBeside: boolean
}

type ReserveWriter = BatchWriter<ReserveRequest, ReserveOutcome>

/**
 * Maximum of holds of one day. Each reservation rewrites the day, so a caller that pays for all its customers
 * under one name would make its document larger than MongoDB stores.
 */
export const holdsMax = 2_000

export async function createDailyLimits(db: Db): Promise<DailyLimits> {
  const days = daysOf(db)
  await days.createIndex({ keptUntil: 1 }, { name: 'expiry', expireAfterSeconds: 0 })
  const writer: ReserveWriter = createBatchWriter({
    flightsMax: 1,
    write: (group) => reserveGroup(days, group),
  })
  return {
    reserve: (reservation) => reserve(db, writer, { ...reservation, isBeside: false }),
    reserveBeside: (reservation) => reserve(db, writer, { ...reservation, isBeside: true }),
    async release({ day, hold }) {
      await days.updateOne({ _id: day }, { $pull: { holds: { id: hold } } })
    },
  }
}

async function reserve(db: Db, writer: ReserveWriter, request: ReserveRequest): Promise<ReserveOutcome> {
  const { day, minor, limit } = request
  for (let attempt = 0; attempt < attemptsMax; attempt++) {
    const outcome = await writer.write(request)
    if (outcome.kind !== 'EXCEEDED') return outcome
    // Another process released a hold between the write and the read.
    const fitsNow = outcome.used + minor <= limit.minor
    if (!fitsNow && !(await dropStaleHolds(db, day))) return outcome
  }
  throw new Error(`the holds of ${day} changed ${attemptsMax} times during one reservation`)
}

/** Reserves all of `group` in one call, and reads the outcomes in a second one. */
async function reserveGroup(
  days: Collection<CustomerDay>,
  group: readonly ReserveRequest[],
): Promise<ReserveOutcome[]> {
  const operations = group.map(reserveOperation)
  try {
    await days.bulkWrite(operations)
  } catch (error) {
    // Another process inserted the same day at the same time. A repeated reservation counts once.
    if (!isDuplicateKey(error)) throw error
    await days.bulkWrite(operations)
  }
  const found = await days.find({ _id: { $in: group.map(({ day }) => day) } }).toArray()
  const holdsByDay = new Map(found.map(({ _id, holds }) => [_id, holds]))
  return group.map((request) => outcomeOf(request, holdsByDay.get(request.day) ?? []))
}

function outcomeOf({ hold, key, isBeside }: ReserveRequest, holds: readonly Hold[]): ReserveOutcome {
  if (holds.some(({ id }) => id === hold)) return reserved
  if (!isBeside && holds.some((other) => keyOf(other) === key)) return keyHeld
  if (holds.length >= holdsMax) return { kind: 'FULL' }
  return { kind: 'EXCEEDED', used: sumOf(holds) }
}

function sumOf(holds: readonly Hold[]): bigint {
  const ids = new Set(holds.map(({ id }) => id))
  const counting = holds.filter(({ beside }) => beside === undefined || !ids.has(beside))
  return counting.reduce((sum, { minor }) => sum + minor, 0n)
}

const reserved: ReserveOutcome = { kind: 'RESERVED' }
const keyHeld: ReserveOutcome = { kind: 'KEY_HELD' }

const keyOf = ({ id, key }: Hold): UsedKeyId => key ?? (id as UsedKeyId)

const reserveOperation = (request: ReserveRequest): AnyBulkWriteOperation<CustomerDay> => ({
  updateOne: { filter: { _id: request.day }, update: reservePipeline(request), upsert: true },
})

/** The update of a day: append the hold, unless it or its key is there or the limit would be exceeded. */
function reservePipeline({ hold, key, minor, limit, resetsAt, isBeside }: ReserveRequest): Document[] {
  const holds = { $ifNull: ['$holds', []] }
  const isThere = { $in: [{ $literal: hold }, '$$holds.id'] }
  const isKeyThere = [
    { $in: [{ $literal: key }, '$$holds.key'] },
    // A hold of an earlier version.
    { $in: [{ $literal: key }, '$$holds.id'] },
  ]
  // Missing unless this one is to stand beside it.
  const earlier = isBeside ? { $first: earlierHolds(key, minor) } : '$$REMOVE'
  const hasEarlier = { $gt: ['$$earlier', null] }
  const wouldExceed = { $gt: [{ $add: [sumOfHolds, minor] }, limit.minor] }
  const isFull = { $gte: [{ $size: '$$holds' }, holdsMax] }
  const added = { id: { $literal: hold }, key: { $literal: key }, minor, at: '$$NOW', beside: '$$earlier.id' }
  const isRefused = {
    $or: [isThere, { $and: [{ $not: hasEarlier }, wouldExceed] }, isFull, ...(isBeside ? [] : isKeyThere)],
  }
  const after = { $cond: [isRefused, '$$holds', { $concatArrays: ['$$holds', [added]] }] }
  return [
    {
      $set: {
        holds: { $let: { vars: { holds }, in: { $let: { vars: { earlier }, in: after } } } },
        keptUntil: new Date(resetsAt.getTime() + keptMs),
      },
    },
  ]
}

/** The holds of other attempts with `key` that count, and for no less than `minor`. */
const earlierHolds = (key: UsedKeyId, minor: bigint): Document => ({
  $filter: {
    input: '$$holds',
    as: 'hold',
    cond: {
      $and: [
        { $in: [{ $literal: key }, ['$$hold.key', '$$hold.id']] },
        { $gte: ['$$hold.minor', minor] },
        { $lte: ['$$hold.beside', null] },
      ],
    },
  },
})

/** As `sumOf`, in MongoDB. */
const sumOfHolds: Document = {
  $subtract: [
    { $sum: '$$holds.minor' },
    {
      $sum: {
        $map: {
          input: {
            $filter: {
              input: '$$holds',
              as: 'hold',
              cond: { $and: [{ $gt: ['$$hold.beside', null] }, { $in: ['$$hold.beside', '$$holds.id'] }] },
            },
          },
          as: 'hold',
          in: '$$hold.minor',
        },
      },
    },
  ],
}

/**
 * Deletes the holds of a day that are old and whose payment does not count; returns whether any was. A
 * process that stops between two writes leaves such a hold, and so did a replay in an earlier version.
 */
async function dropStaleHolds(db: Db, day: string): Promise<boolean> {
  const isOld = { $lt: ['$$hold.at', { $subtract: ['$$NOW', staleMs] }] }
  const holds = { $filter: { input: '$holds', as: 'hold', cond: isOld } }
  const stored = await daysOf(db).findOne({ _id: day }, { projection: { holds } })
  const ids = stored?.holds.map(({ id }) => id) ?? []
  if (ids.length === 0) return false
  const counting = await countingHolds(db, day, ids)
  const stale = ids.filter((id) => !counting.has(id))
  if (stale.length === 0) return false
  await daysOf(db).updateOne({ _id: day }, { $pull: { holds: { id: { $in: stale } } } })
  return true
}

/** The holds of `ids` whose payment counts against the limit of `day`, by payment and by key. */
async function countingHolds(
  db: Db,
  day: string,
  ids: readonly Hold['id'][],
): Promise<ReadonlySet<Hold['id']>> {
  const found = await db
    .collection<Payment>('payments')
    .find(
      { $or: [{ _id: { $in: ids as PaymentId[] } }, { 'keys.id': { $in: ids as UsedKeyId[] } }] },
      { projection: { status: 1, customerDay: 1, keys: 1 } },
    )
    .toArray()
  const counting = found.filter(({ status, customerDay }) => customerDay === day && !endedUnpaid.has(status))
  return new Set(counting.flatMap(holdIdsOf))
}

/** The ids that the hold of a payment can have: the payment's own, or in an earlier version its key's. */
const holdIdsOf = ({ _id, keys }: Pick<Payment, '_id' | 'keys'>): Hold['id'][] => [
  _id,
  ...keys.map(({ id }) => id),
]

export const limitsProjectionName = 'limits'

/**
 * Releases the holds of payments that were not completed, or were undone. No other payment has such a hold,
 * so a repeated release changes nothing. A batch writes each day once: many payments of one customer would
 * otherwise rewrite a long list of holds for each of them.
 */
export const limitsProjection = (db: Db): IdempotentProjection => ({
  name: limitsProjectionName,
  kind: 'idempotent',
  wants: freesLimit,
  async apply(entries) {
    const ended = entries.filter(freesLimit).map(paymentIdOf)
    const counted = await db
      .collection<Payment>('payments')
      .find(
        { _id: { $in: ended }, customerDay: { $exists: true } },
        { projection: { customerDay: 1, keys: 1 } },
      )
      .toArray()
    if (counted.length === 0) return
    const releases = Array.from(
      Map.groupBy(counted, ({ customerDay }) => customerDay!),
      ([day, payments]) => ({
        updateOne: {
          filter: { _id: day },
          update: { $pull: { holds: { id: { $in: payments.flatMap(holdIdsOf) } } } },
        },
      }),
    )
    await daysOf(db).bulkWrite(releases, { ordered: false })
  },
})

const freesLimit = ({ to, from, refundOf }: LogEntry): boolean =>
  refundOf === undefined && endedUnpaid.has(to) && from !== to

const endedUnpaid: ReadonlySet<TransactionStatus> = new Set<TransactionStatus>([
  'DECLINED',
  'FAILED',
  'EXPIRED',
  'REVERSED',
  'CANCELLED',
])

const daysOf = (db: Db): Collection<CustomerDay> => db.collection<CustomerDay>('customerDays')

/**
 * A younger hold may belong to a payment that is about to be written: an attempt ends after
 * `reservedMaxMs`, and its write is sent again for at most twice the driver’s wait for a primary.
 */
const staleMs = 120_000
/** An attempt that has waited this long after its reservation must not write its payment any more. */
export const reservedMaxMs = 10_000
/** After the end of the day, so that an operator can explain a refusal. */
const keptMs = 3 * 86_400_000
/** Each repetition follows a hold that another call released or dropped. */
const attemptsMax = 1000
