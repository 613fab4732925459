// Reads the contents of a batch: its bookings, and the rows of its files.

import { setTimeout as sleep } from 'node:timers/promises'
import type { Db } from 'mongodb'
import type { PaymentId } from '../../../schema/values/id.ts'
import { publishedOf, resultsOf, type Results } from '../../log/checkpoint.ts'
import { chunks } from '../../platform/async/chunks.ts'
import type { Payment } from '../payment/payment.ts'
import { lateBookings, ownBookings, type BatchDefinition } from './batch.ts'
import {
  bookingsProjectionName,
  readBookings,
  type BookedKind,
  type BookedTransaction,
  type BookingRange,
} from './bookings.ts'
import { declineRowOf, rowFields, rowOf, type DeclineRow, type PaymentFields, type Row } from './row.ts'

/**
 * Bookings and rows of the batch’s own date come first, then late ones of earlier dates; each in the log’s
 * order.
 */
export interface BatchContents {
  bookings(...kinds: BookedKind[]): AsyncIterable<BookedTransaction>
  /** Payments that both completed and were cancelled in the batch. */
  readonly cancelledOut: ReadonlySet<PaymentId>
  rows(): AsyncIterable<Row>
  declines(): AsyncIterable<DeclineRow>
}

/** The kinds of booking that move money. */
export const movingKinds = ['PAYMENT', 'REFUND', 'CANCELLATION'] as const

/** At most this many payments are read or updated in one call. */
export const paymentsMax = 1000

/**
 * Waits until the projection of bookings has reached the end of the batch. `closedBefore` are dates closed
 * earlier.
 */
export async function readContents(
  db: Db,
  batch: BatchDefinition,
  closedBefore: readonly string[],
  signal: AbortSignal,
): Promise<BatchContents> {
  const results = resultsOf(db, await epochWith(db, batch.upTo, signal))
  const ranges = [ownBookings(batch), ...(closedBefore.length > 0 ? [lateBookings(batch, closedBefore)] : [])]

  async function* bookings(...kinds: BookedKind[]): AsyncIterable<BookedTransaction> {
    for (const range of ranges) {
      for await (const booking of readBookings(results, range, { kind: { $in: kinds } })) {
        signal.throwIfAborted()
        yield booking
      }
    }
  }
  const cancelledOut = await findCancelledOut(results, ranges, bookings('CANCELLATION'))
  return {
    bookings,
    cancelledOut,
    rows: () =>
      withPayments(db, bookings(...movingKinds), (booking, payment) => rowOf(booking, payment, cancelledOut)),
    declines: () => withPayments(db, bookings('DECLINE'), declineRowOf),
  }
}

/** Waits until every entry up to `position` is projected, and gives the epoch that holds its bookings. */
async function epochWith(db: Db, position: bigint, signal: AbortSignal): Promise<number> {
  for (let waitMs = 10; ; waitMs = Math.min(2 * waitMs, 1000)) {
    const published = await publishedOf(db, bookingsProjectionName)
    if (published.position >= position) return published.epoch
    await sleep(waitMs, undefined, { signal })
  }
}

async function findCancelledOut(
  results: Results,
  ranges: readonly BookingRange[],
  cancellations: AsyncIterable<BookedTransaction>,
): Promise<ReadonlySet<PaymentId>> {
  const cancelled: PaymentId[] = []
  for await (const { payment } of cancellations) cancelled.push(payment)
  const cancelledOut = new Set<PaymentId>()
  for (const ids of chunks(cancelled, paymentsMax)) {
    for (const range of ranges) {
      const completed = readBookings(results, range, { kind: 'PAYMENT', transaction: { $in: ids } })
      for await (const { payment } of completed) cancelledOut.add(payment)
    }
  }
  return cancelledOut
}

/** Makes a row of each booking and the payment that it belongs to. */
async function* withPayments<Made>(
  db: Db,
  bookings: AsyncIterable<BookedTransaction>,
  make: (booking: BookedTransaction, payment: PaymentFields) => Made,
): AsyncIterable<Made> {
  const payments = db.collection<Payment>('payments')
  for await (const chunk of chunks(bookings, paymentsMax)) {
    const ids = chunk.map(({ payment }) => payment)
    const found = payments.find<PaymentFields>({ _id: { $in: ids } }, { projection: { ...rowFields } })
    const byId = new Map((await found.toArray()).map((payment) => [payment._id, payment]))
    for (const booking of chunk) {
      const payment = byId.get(booking.payment)
      if (!payment) throw new Error(`payment ${booking.payment} is booked, but missing in MongoDB`)
      yield make(booking, payment)
    }
  }
}
