// The simple alternative to the sequencer: reads the driver's change stream, and inserts a document for each
// event.

import type { ChangeStreamInsertDocument, ChangeStreamUpdateDocument, Db } from 'mongodb'
import {
  entriesOf,
  loggedPaymentOf,
  entryOf,
  type PaymentWithEvents,
} from '../../subgraphs/transaction/log/entries-of-payment.ts'
import type { PaymentEvent } from '../../subgraphs/transaction/payment/payment.ts'

export interface Consumer {
  /** Resolves when `count` events are written since the start. */
  written(count: number): Promise<void>
  close(): Promise<void>
}

/**
 * Reads changes of `payments` from `startAtOperationTime`, and writes to `collection`; calls `onWritten` for
 * each event.
 */
export async function startOneByOne(
  db: Db,
  collection: string,
  startAtOperationTime: unknown,
  onWritten: (transaction: string) => void = () => {},
): Promise<Consumer> {
  const log = db.collection<{ _id: bigint }>(collection)
  await log.createIndex({ transaction: 1, sequence: 1 }, { unique: true })
  const changes = db.collection<PaymentWithEvents & { _id: string }>('payments').watch([], {
    fullDocument: 'updateLookup',
    ...(startAtOperationTime !== null && { startAtOperationTime: startAtOperationTime as never }),
  })
  let count = 0
  let wake = () => {}
  let closed = false
  const run = async () => {
    for await (const change of changes) {
      const { fullDocument } = change as
        | ChangeStreamInsertDocument<PaymentWithEvents & { _id: string }>
        | ChangeStreamUpdateDocument<PaymentWithEvents & { _id: string }>
      if (!fullDocument) continue
      const events =
        change.operationType === 'insert'
          ? entriesOf(fullDocument)
          : pushedIn(change as never).map((event) =>
              entryOf(fullDocument._id, event, loggedPaymentOf(fullDocument)),
            )
      for (const event of events) {
        await log.insertOne({ _id: BigInt(++count), ...event })
        onWritten(event.transaction)
        wake()
      }
    }
  }
  const running = run().catch((error: unknown) => {
    if (!closed) throw error
  })
  return {
    written: (target) =>
      new Promise((resolve) => {
        wake = () => count >= target && resolve()
        wake()
      }),
    async close() {
      closed = true
      await changes.close()
      await running
    },
  }
}

const pushedIn = ({ updateDescription }: ChangeStreamUpdateDocument): PaymentEvent[] =>
  Object.entries(updateDescription.updatedFields ?? {}).flatMap(([field, value]) =>
    /^events\.\d+$/.test(field) ? [value as PaymentEvent] : [],
  )
