// Brings the log up to date from the payments themselves: after an import, or when the change stream cannot
// be resumed.

import type { ClientSession, Db } from 'mongodb'
import { trimmedBefore } from '../../log/retention.ts'
import { chunks } from '../../platform/async/chunks.ts'
import type { ChangeStream } from '../../platform/mongo/change-stream.ts'
import { isLeaseHeld } from '../../platform/mongo/lease.ts'
import { firstPaymentId } from '../store/stored-refusal.ts'
import {
  byTime,
  entriesOf,
  fieldsOfEntries,
  type NewEntry,
  type PaymentWithEvents,
} from './entries-of-payment.ts'
import {
  createLogWriter,
  dropEntryIndex,
  findMissing,
  latestBatch,
  type EntryGroup,
  type LogWriter,
} from './log-writer.ts'
import { EntryReader, openPaymentChanges, type PaymentChange } from './payment-changes.ts'
import { saveResumeToken, sequencerLease } from './sequencer-state.ts'

/**
 * Brings the log up to date once, for imported payments. Leaves this to the sequencer where one is running.
 */
export async function fillLog(db: Db): Promise<void> {
  if (await isLeaseHeld(db, sequencerLease)) return
  const changes = await openPaymentChanges(db, null)
  try {
    const tip = (await latestBatch(db))?.last ?? 0n
    await backfill(db, createLogWriter(db, tip, { isHeld: () => true }), changes)
  } finally {
    await changes.close()
  }
}

/** Lets the sequencer begin after `position`, the end of the log of an import with no later payment. */
export async function resumeFromNow(db: Db, position: bigint): Promise<void> {
  const changes = await openPaymentChanges(db, null)
  try {
    const { token } = await changes.next(1)
    await saveResumeToken(db, token, position)
  } finally {
    await changes.close()
  }
}

/**
 * Appends every event that the log lacks, then the ones that `changes` brings of the meantime. On return,
 * every later change is new. Only then is a resume token saved, so a writer that fails half-way starts again
 * from the beginning.
 */
export async function backfill(
  db: Db,
  writer: LogWriter,
  changes: ChangeStream<PaymentChange>,
): Promise<void> {
  const reader = new EntryReader(db)
  const append = async (batch: readonly PaymentChange[]) => {
    const entries = (await reader.read(batch)).flatMap((group) => group.entries)
    await writer.append(ungrouped(await findMissing(db, entries)))
  }
  const early = await changes.next()
  const late = await appendMissing(db, writer, changes.session)
  const completeAt = changes.session.operationTime!
  await append(early.changes)
  let batch
  do {
    batch = await changes.next(1)
    await append(batch.changes)
  } while (batch.changes.at(-1)?.clusterTime.lessThanOrEqual(completeAt))
  // Only what is of a clock that is ahead: all other late events were among the changes.
  await writer.append(ungrouped(await findMissing(db, late)))
  await saveResumeToken(db, batch.token, writer.tip())
  await dropEntryIndex(db)
}

/**
 * Appends the events that the log lacks, in the order in which they happened. Returns those of the meantime,
 * unappended: the scan finds some of them and not others that precede them, and the changes bring all in
 * order.
 */
async function appendMissing(db: Db, writer: LogWriter, session: ClientSession): Promise<NewEntry[]> {
  const isEmpty = writer.tip() === 0n
  const startedAt = new Date()
  const late: NewEntry[] = []
  const trimmed = await trimmedBefore(db)
  const isWanted = (entry: NewEntry) => {
    const isLate = entry.at > startedAt && late.length < lateMax
    if (isLate) late.push(entry)
    return !isLate && (trimmed === null || entry.at >= trimmed)
  }
  const payments = db
    .collection<PaymentWithEvents>('payments')
    .find({ _id: { $gte: firstPaymentId } }, { projection: fieldsOfEntries(), sort: { _id: 1 }, session })
  const missingOf = async (entries: readonly NewEntry[]) => {
    const wanted = entries.filter(isWanted)
    return isEmpty ? wanted : findMissing(db, wanted)
  }
  for await (const entries of readAhead(inOrderOfTime(payments, missingOf))) {
    for (const chunk of chunks(entries, entriesMax)) await writer.append(ungrouped(chunk))
  }
  return late
}

/** Bounds the memory: of more, the order is lost. */
const lateMax = 100_000

/**
 * Yields the entries of `payments`, reduced by `missingOf`, in the order of time. Payments come in order of
 * creation, so no event of a later payment precedes the creation of the latest one read. That instant is the
 * horizon: earlier entries are yielded, and later ones held back. This bounds memory by the payments that
 * were pending at one time.
 */
async function* inOrderOfTime(
  payments: AsyncIterable<PaymentWithEvents>,
  missingOf: (entries: readonly NewEntry[]) => Promise<NewEntry[]>,
): AsyncGenerator<readonly NewEntry[], void> {
  let read: NewEntry[] = []
  let held: NewEntry[] = []
  for await (const payment of payments) {
    read.push(...entriesOf(payment))
    if (read.length < entriesMax) continue
    held = [...held, ...(await missingOf(read))].toSorted(byTime)
    read = []
    const horizon = held.findIndex(({ at }) => at > payment.createdAt)
    yield held.splice(0, horizon < 0 ? held.length : horizon)
  }
  yield [...held, ...(await missingOf(read))].toSorted(byTime)
}

const entriesMax = 5000

/** Reads the next item of `source` while the previous one is being processed. */
async function* readAhead<Item>(source: AsyncGenerator<Item, void>): AsyncGenerator<Item, void> {
  const read = () => {
    const reading = source.next()
    // A failure surfaces where the item is awaited.
    reading.catch(() => {})
    return reading
  }
  try {
    let reading = read()
    for (;;) {
      const { done, value } = await reading
      if (done) return
      reading = read()
      yield value
    }
  } finally {
    await source.return()
  }
}

/** Each entry as a group of its own: no writer resumes after one of them, so a batch may end anywhere. */
const ungrouped = (entries: readonly NewEntry[]): EntryGroup[] =>
  entries.map((entry) => ({ entries: [entry] }))
