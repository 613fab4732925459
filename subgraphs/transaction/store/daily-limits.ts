// Customers' days in MongoDB. A day holds one entry for each payment that counts in it, and its sum is taken from them: so to
// take or give back twice changes nothing, and nothing can drift.

import { MongoServerError, type Collection, type Db } from 'mongodb'
import type { TransactionalProjection } from '../../log/projection.ts'
import { createBatchWriter } from '../../platform/async/batching.ts'
import { paymentIdOf, type LogEntry, type TransactionStatus } from '../../log/entry.ts'
import type { Reservation } from '../payment/daily-limit.ts'
import type { Payment } from '../payment/payment.ts'

interface CustomerDay {
  readonly _id: string
  readonly holds: readonly { readonly id: string; readonly minor: bigint; readonly at: Date }[]
  /** MongoDB removes it then. */
  readonly keptUntil: Date
}

export interface DailyLimits {
  /** Takes what it asks for and gives null; or takes nothing and gives what is used already, in minor units. */
  reserve(reservation: Reservation): Promise<bigint | null>
  giveBack(day: string, hold: string): Promise<void>
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
      if (used === null || !(await dropStale(db, reservation.day, now()))) return used
      return writer.write(reservation)
    },
    async giveBack(day, hold) {
      await days.updateOne({ _id: day }, { $pull: { holds: { id: hold } } })
    },
  }
}

export const limitsProjectionName = 'limits'

/** Gives back what payments had taken that came to nothing. */
export const limitsProjection = (db: Db): TransactionalProjection => ({
  name: limitsProjectionName,
  wants: cameToNothing,
  async apply(entries, session) {
    const failed = entries.filter(cameToNothing).map(paymentIdOf)
    const payments = db.collection<Payment>('payments')
    const counted = await payments
      .find(
        { _id: { $in: failed }, customerDay: { $exists: true } },
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

const nothing: ReadonlySet<TransactionStatus> = new Set<TransactionStatus>([
  'DECLINED',
  'FAILED',
  'EXPIRED',
  'REVERSED',
  'CANCELLED',
])
const cameToNothing = ({ to, from, refundOf }: LogEntry): boolean =>
  refundOf === undefined && nothing.has(to) && from !== to

const daysOf = (db: Db): Collection<CustomerDay> => db.collection<CustomerDay>('customerDays')

async function reserveGroup(
  days: Collection<CustomerDay>,
  group: readonly Reservation[],
  at: Date,
): Promise<(bigint | null)[]> {
  const operations = group.map(({ day, hold, minor, limit, resetsAt }) => {
    const holds = { $ifNull: ['$holds', []] }
    const isTaken = { $in: [{ $literal: hold }, `$$holds.id`] }
    const isOver = { $gt: [{ $add: [{ $sum: '$$holds.minor' }, minor] }, limit.minor] }
    const taken = { $concatArrays: ['$$holds', [{ id: { $literal: hold }, minor, at }]] }
    return {
      updateOne: {
        filter: { _id: day },
        update: [
          {
            $set: {
              holds: {
                $let: {
                  vars: { holds },
                  in: { $cond: [{ $or: [isTaken, isOver] }, '$$holds', taken] },
                },
              },
              keptUntil: new Date(resetsAt.getTime() + keptMs),
            },
          },
        ],
        upsert: true,
      },
    }
  })
  try {
    await days.bulkWrite(operations)
  } catch (error) {
    // Two processes have begun the same day at once; what was done before that is not done twice.
    if (!(error instanceof MongoServerError && error.code === duplicateKey)) throw error
    await days.bulkWrite(operations)
  }
  const found = await days.find({ _id: { $in: group.map(({ day }) => day) } }).toArray()
  const byId = new Map(found.map((day) => [day._id, day]))
  return group.map(({ day, hold }) => {
    const { holds = [] } = byId.get(day) ?? {}
    return holds.some(({ id }) => id === hold) ? null : holds.reduce((sum, { minor }) => sum + minor, 0n)
  })
}

/** Removes what was taken for payments that never came to be, because a hub stopped in between. True when there was any. */
async function dropStale(db: Db, day: string, now: Date): Promise<boolean> {
  const stored = await daysOf(db).findOne({ _id: day })
  const before = now.getTime() - staleMs
  const old = stored?.holds.filter(({ at }) => at.getTime() < before).map(({ id }) => id) ?? []
  if (old.length === 0) return false
  const known = await db.collection<Payment>('payments').distinct('keys.id', { 'keys.id': { $in: old } })
  const stale = old.filter((id) => !known.includes(id))
  if (stale.length === 0) return false
  await daysOf(db).updateOne({ _id: day }, { $pull: { holds: { id: { $in: stale } } } })
  return true
}

const duplicateKey = 11_000
const staleMs = 60_000
/** After its end, for people who ask why. */
const keptMs = 3 * 86_400_000
