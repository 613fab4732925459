// Customers' days in MongoDB. A day holds one entry per payment that counts against its limit, and its sum
// is computed from those entries. So reserving or releasing twice changes nothing, and the sum cannot
// drift.

import type { AnyBulkWriteOperation, Collection, Db, Document } from 'mongodb'
import type { UsedKeyId } from '../../../schema/values/id.ts'
import { paymentIdOf, type LogEntry, type TransactionStatus } from '../../log/entry.ts'
import type { TransactionalProjection } from '../../log/projection.ts'
import { createBatchWriter } from '../../platform/async/batching.ts'
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
  readonly id: UsedKeyId
  readonly minor: bigint
  readonly at: Date
}

export interface DailyLimits {
  /**
   * Reserves and returns null; when that would exceed the limit, returns the sum used so far, in minor
   * units.
   */
  reserve(reservation: Reservation): Promise<bigint | null>
  release(reservation: Pick<Reservation, 'day' | 'hold'>): Promise<void>
}

export async function createDailyLimits(db: Db, now: () => Date): Promise<DailyLimits> {
  const days = daysOf(db)
  await days.createIndex({ keptUntil: 1 }, { name: 'expiry', expireAfterSeconds: 0 })
  const writer = createBatchWriter<Reservation, bigint | null>({
    flightsMax: 1,
    write: (group) => reserveGroup(days, group, now()),
  })
  return {
    async reserve(reservation) {
      const used = await writer.write(reservation)
      if (used === null || !(await dropStaleHolds(db, reservation.day, now()))) return used
      return writer.write(reservation)
    },
    async release({ day, hold }) {
      await days.updateOne({ _id: day }, { $pull: { holds: { id: hold } } })
    },
  }
}

/**
 * Reserves all of `group` in one call. Returns null for each that was reserved, and otherwise the sum of
 * its day.
 */
async function reserveGroup(
  days: Collection<CustomerDay>,
  group: readonly Reservation[],
  at: Date,
): Promise<(bigint | null)[]> {
  const operations = group.map((reservation) => reservationOperation(reservation, at))
  try {
    await days.bulkWrite(operations)
  } catch (error) {
    // Another process inserted the same day at the same time. A repeated reservation counts once.
    if (!isDuplicateKey(error)) throw error
    await days.bulkWrite(operations)
  }
  const found = await days.find({ _id: { $in: group.map(({ day }) => day) } }).toArray()
  const holdsByDay = new Map(found.map(({ _id, holds }) => [_id, holds]))
  return group.map(({ day, hold }) => {
    const holds = holdsByDay.get(day) ?? []
    return holds.some(({ id }) => id === hold) ? null : holds.reduce((sum, { minor }) => sum + minor, 0n)
  })
}

const reservationOperation = (reservation: Reservation, at: Date): AnyBulkWriteOperation<CustomerDay> => ({
  updateOne: {
    filter: { _id: reservation.day },
    update: reservationPipeline(reservation, at),
    upsert: true,
  },
})

/** The update of a day: append the hold unless it is there or would exceed the limit. */
function reservationPipeline({ hold, minor, limit, resetsAt }: Reservation, at: Date): Document[] {
  const holds = { $ifNull: ['$holds', []] }
  const isThere = { $in: [{ $literal: hold }, '$$holds.id'] }
  const wouldExceed = { $gt: [{ $add: [{ $sum: '$$holds.minor' }, minor] }, limit.minor] }
  const appended = { $concatArrays: ['$$holds', [{ id: { $literal: hold }, minor, at }]] }
  const after = { $cond: [{ $or: [isThere, wouldExceed] }, '$$holds', appended] }
  return [
    {
      $set: {
        holds: { $let: { vars: { holds }, in: after } },
        keptUntil: new Date(resetsAt.getTime() + keptMs),
      },
    },
  ]
}

/**
 * Deletes holds without a payment, left by a process that stopped between the two writes; returns whether
 * any was.
 */
async function dropStaleHolds(db: Db, day: string, now: Date): Promise<boolean> {
  const stored = await daysOf(db).findOne({ _id: day })
  const before = now.getTime() - staleMs
  const old = stored?.holds.filter(({ at }) => at.getTime() < before).map(({ id }) => id) ?? []
  if (old.length === 0) return false
  const used = await db.collection<Payment>('payments').distinct('keys.id', { 'keys.id': { $in: old } })
  const stale = old.filter((id) => !used.includes(id))
  if (stale.length === 0) return false
  await daysOf(db).updateOne({ _id: day }, { $pull: { holds: { id: { $in: stale } } } })
  return true
}

export const limitsProjectionName = 'limits'

/** Releases the holds of payments that were not completed, or were undone. */
export const limitsProjection = (db: Db): TransactionalProjection => ({
  name: limitsProjectionName,
  wants: freesLimit,
  async apply(entries, session) {
    const ended = entries.filter(freesLimit).map(paymentIdOf)
    const counted = await db
      .collection<Payment>('payments')
      .find(
        { _id: { $in: ended }, customerDay: { $exists: true } },
        { projection: { customerDay: 1, keys: 1 }, session },
      )
      .toArray()
    if (counted.length === 0) return
    const releases = counted.map(({ customerDay, keys }) => ({
      updateOne: {
        filter: { _id: customerDay! },
        update: { $pull: { holds: { id: { $in: keys.map(({ id }) => id) } } } },
      },
    }))
    await daysOf(db).bulkWrite(releases, { session })
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

/** A younger hold may belong to a payment that is about to be written. */
const staleMs = 60_000
/** After the end of the day, so that an operator can explain a refusal. */
const keptMs = 3 * 86_400_000
