// Brings the daily limits of version 1 of the database into the form of version 2.

import type { Db } from 'mongodb'

/** A document of the former collection `customerDays`, which was deleted three days after the day. */
interface FormerDay {
  readonly _id: string
  /** One for each payment that counts, with its id. */
  readonly holds: readonly { readonly id: string; readonly minor: bigint }[]
}

interface FormerPayment {
  readonly _id: string
  readonly customerDay: string | { readonly id: string; readonly number: number; readonly minor: bigint }
}

/**
 * Numbers the payments that the days of customers hold, and drops the days. Payments that ended unpaid, or
 * are older, keep a text as their day, and count no more. It may be repeated from any place.
 */
export async function numberCustomerDays(db: Db): Promise<void> {
  const payments = db.collection<FormerPayment>('payments')
  for await (const { _id: day, holds } of db.collection<FormerDay>('customerDays').find()) {
    let number = await payments.countDocuments({ 'customerDay.id': day })
    for (const { id, minor } of holds) {
      const { matchedCount } = await payments.updateOne(
        { _id: id, customerDay: day },
        { $set: { customerDay: { id: day, number: number + 1, minor } } },
      )
      number += matchedCount
    }
  }
  await db.collection('customerDays').drop()
}
