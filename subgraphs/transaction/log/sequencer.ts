// Writes the log: follows the changes of `payments` and gives each event the next position.
//
// A lease makes one process at a time the sequencer. This only saves work: log-writer.ts explains why two
// sequencers would do no harm. Each batch holds the token from which its successor resumes, so no change is
// read twice.

import { setTimeout as sleep } from 'node:timers/promises'
import type { Db } from 'mongodb'
import type { LogEntry } from '../../log/entry.ts'
import type { LogReader } from '../../log/reader.ts'
import { HistoryLostError, type ChangeStream } from '../../platform/mongo/change-stream.ts'
import type { Logger } from '../../platform/logger.ts'
import { holdLease, type Lease, type LeaseHolder } from '../../platform/mongo/lease.ts'
import { backfill } from './backfill.ts'
import {
  createLogWriter,
  dropEntryIndex,
  findMissing,
  latestBatch,
  LogMovedError,
  type EntryGroup,
  type LogWriter,
} from './log-writer.ts'
import { bringsAllEvents, EntryReader, openPaymentChanges, type PaymentChange } from './payment-changes.ts'
import { readResumeToken, saveResumeToken, sequencerLease } from './sequencer-state.ts'

export interface SequencerDependencies {
  readonly db: Db
  readonly logger: Pick<Logger, 'error' | 'info'>
  /** Receives the entries of each batch once they are stored. */
  readonly onWritten?: (entries: readonly LogEntry[]) => void
}

/** Writes the log whenever this process holds the lease, and feeds the process’s own log reader meanwhile. */
export function startSequencer(
  dependencies: Omit<SequencerDependencies, 'onWritten'> & { readonly logReader: LogReader },
): LeaseHolder {
  const { db, logger, logReader } = dependencies
  return holdLease({ db, logger, name: sequencerLease }, async (lease) => {
    const feed = logReader.openFeed()
    try {
      await writeLog({ db, logger, onWritten: feed.offer }, lease)
    } finally {
      feed.close()
    }
  })
}

/**
 * The part of a lease that the sequencer uses. Without exclusion the sequencer is slower, but still correct.
 */
type HeldLease = Pick<Lease, 'signal' | 'isHeld'>

/** Writes the log until `lease` ends. */
export async function writeLog(dependencies: SequencerDependencies, lease: HeldLease): Promise<void> {
  const { db, logger, onWritten } = dependencies
  let mayResume = true
  while (!lease.signal.aborted) {
    const latest = await latestBatch(db)
    const writer = createLogWriter(db, latest?.last ?? 0n, lease, onWritten)
    const token = mayResume ? await readResumeToken(db, latest) : null
    const resumed = token === null ? null : await openPaymentChanges(db, token).catch(nullIfHistoryLost)
    const changes = resumed ?? (await openPaymentChanges(db, null))
    const stop = () => void changes.close()
    lease.signal.addEventListener('abort', stop, { once: true })
    try {
      if (!resumed) {
        logger.info({}, 'cannot resume the change stream; scanning payments for missing log entries')
        await backfill(db, writer, changes)
      }
      mayResume = true
      await follow(db, changes, writer, lease)
    } catch (error) {
      if (lease.signal.aborted) return
      if (error instanceof HistoryLostError) mayResume = false
      else if (!(error instanceof LogMovedError)) throw error
    } finally {
      lease.signal.removeEventListener('abort', stop)
      await changes.close()
    }
  }
}

function nullIfHistoryLost(error: unknown): null {
  if (error instanceof HistoryLostError) return null
  throw error
}

async function follow(
  db: Db,
  changes: ChangeStream<PaymentChange>,
  writer: LogWriter,
  lease: HeldLease,
): Promise<void> {
  const reader = new EntryReader(db)
  let savedAtMs = Number.NEGATIVE_INFINITY
  let reading = startReading(changes)
  while (!lease.signal.aborted) {
    const batch = await reading
    const appending = append(db, writer, reader, batch.changes)
    // A rapid series of small batches costs more per batch than per change, so more changes are gathered
    // first.
    const isSmall = batch.changes.length > 1 && batch.changes.length < gatherBelow
    if (isSmall) await Promise.all([appending, sleep(gatherMs)])
    reading = startReading(changes)
    const hasEntries = await appending
    if (hasEntries || performance.now() - savedAtMs < saveMs) continue
    await saveResumeToken(db, batch.token, writer.tip())
    savedAtMs = performance.now()
  }
}

const gatherBelow = 100
const gatherMs = 5
/** Shows that the log advances, also without events: health gives a few times as long. */
const saveMs = 5_000

/** Starts reading the next batch, which MongoDB gathers while the previous one is written. */
function startReading(changes: ChangeStream<PaymentChange>): ReturnType<typeof changes.next> {
  const reading = changes.next()
  // A failure surfaces where the batch is awaited.
  reading.catch(() => {})
  return reading
}

/** Appends the entries of `changes`; false when there are none. */
async function append(
  db: Db,
  writer: LogWriter,
  reader: EntryReader,
  changes: readonly PaymentChange[],
): Promise<boolean> {
  const groups = await reader.read(changes)
  await writer.append(changes.some(bringsAllEvents) ? await withoutPresent(db, groups) : groups)
  return groups.some(({ entries }) => entries.length > 0)
}

/** The same groups without the entries that are already in the log. */
async function withoutPresent(db: Db, groups: readonly EntryGroup[]): Promise<EntryGroup[]> {
  const missing = new Set(
    await findMissing(
      db,
      groups.flatMap(({ entries }) => entries),
    ),
  )
  await dropEntryIndex(db)
  return groups.map((group) => ({ ...group, entries: group.entries.filter((entry) => missing.has(entry)) }))
}
