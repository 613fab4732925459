// Notes what there is to settle, as the reader of the log does, but when a test wants it.

import type { Db } from 'mongodb'
import { readLog } from '../../../../subgraphs/log.ts'
import { resultsOf, shownOf } from '../../../../subgraphs/projection.ts'
import type { Reference } from '../../../../subgraphs/reference.ts'
import { bookingsProjection, bookingsReader } from '../../../../subgraphs/transaction/settlement/booked.ts'

/** Notes what the log has after what was noted before. */
export async function noteBookings(db: Db, reference: Pick<Reference, 'corridors'>): Promise<void> {
  const { position } = await shownOf(db, bookingsReader)
  const news = await readLog(db, { after: position })
  await db.client.withSession((session) =>
    session.withTransaction(() => bookingsProjection(reference).apply(news, session, resultsOf(db, 0))),
  )
  const place = { epoch: 0, position: news.at(-1)?._id ?? position }
  await db
    .collection<{ _id: string }>('places')
    .updateOne({ _id: bookingsReader }, { $set: place }, { upsert: true })
}
