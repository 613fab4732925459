// Writes the log: follows the changes of `payments` and gives each event the next position.
//
// One process at a time does this, under a lease. That it is one is a matter of speed; see log-writer.ts for why two do no
// harm. From where to go on is written with each batch, so nothing is read twice.

import { setTimeout as pause } from 'node:timers/promises'
import type { ClientSession, Db } from 'mongodb'
import { HistoryLostError, type ChangeStream } from '../../platform/mongo/change-stream.ts'
import { holdLease, isLeaseHeld, type Lease, type LeaseHolder } from '../../platform/mongo/lease.ts'
import { trimmedBefore } from '../../log/retention.ts'
import type { LogReader } from '../../log/reader.ts'
import type { LogEntry } from '../../log/entry.ts'
import { firstPaymentId } from '../store/stored-refusal.ts'
import {
  createLogWriter,
  endMissing,
  latestBatch,
  LogMovedError,
  missing,
  type LogWriter,
  type Step,
} from './log-writer.ts'
import { entriesOf, inOrderOfTime, projectionOf, type Logged, type Unplaced } from './entries-of-payment.ts'
import { eventReader, isWhole, openPayments, type PaymentChange } from './payment-changes.ts'
import type { Logger } from '../../platform/logger.ts'

/**
 * How far changes were read that brought no events. The oplog moves on with every collection, so the token of the latest batch
 * would grow too old while payments are quiet.
 */
interface SequencerState {
  readonly _id: 'sequencer'
  /** Everything that changed before this is in the log, as long as that ends at `position`. */
  readonly token: unknown
  readonly position: bigint
}

export interface SequencerOptions {
  readonly db: Db
  readonly logger: Pick<Logger, 'error' | 'info'>
  /** Told of each batch once it is written. */
  readonly onWritten?: (entries: readonly LogEntry[]) => void
}

/** Keeps the log going while this process holds the lease, and feeds the process's own reader meanwhile. */
export function startSequencer(
  options: Omit<SequencerOptions, 'onWritten'> & { readonly logReader: LogReader },
): LeaseHolder {
  const { db, logger, logReader } = options
  return holdLease({ db, logger, name: leaseName }, async (lease) => {
    const feed = logReader.openFeed()
    try {
      await writeLog({ db, logger, onWritten: feed.offer }, lease)
    } finally {
      feed.close()
    }
  })
}

const leaseName = 'sequencer'

/** What the writer needs of a lease; without its protection writing is slower, but no less right. */
type Held = Pick<Lease, 'signal' | 'isHeld'>

/** Writes the log until `lease` ends. */
export async function writeLog(options: SequencerOptions, lease: Held): Promise<void> {
  const { db, logger, onWritten } = options
  let mayResume = true
  while (!lease.signal.aborted) {
    const latest = await latestBatch(db)
    const writer = createLogWriter(db, latest?.last ?? 0n, lease, onWritten)
    const token = mayResume ? await placeAfter(db, latest) : null
    const resumed = token === null ? null : await openPayments(db, token).catch(ifHistoryLost)
    const changes = resumed ?? (await openPayments(db, null))
    const stop = () => void changes.close()
    lease.signal.addEventListener('abort', stop, { once: true })
    try {
      if (!resumed) {
        logger.info({}, 'nowhere in the change stream to go on from: looking for events that the log lacks')
        await catchUp(db, writer, changes)
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

/** Brings the log up to date once, for payments that were written in bulk. Whoever holds the lease will do it, if anybody does. */
export async function fillLog(db: Db): Promise<void> {
  if (await isLeaseHeld(db, leaseName)) return
  const changes = await openPayments(db, null)
  try {
    const tip = (await latestBatch(db))?.last ?? 0n
    await catchUp(db, createLogWriter(db, tip, { isHeld: () => true }), changes)
  } finally {
    await changes.close()
  }
}

async function follow(
  db: Db,
  changes: ChangeStream<PaymentChange>,
  writer: LogWriter,
  lease: Held,
): Promise<void> {
  const stepsIn = eventReader(db)
  /** True when the changes brought events. */
  const append = async (found: readonly PaymentChange[]): Promise<boolean> => {
    const steps = await stepsIn(found)
    await writer.append(found.some(isWhole) ? await lacking(db, steps) : steps)
    return steps.some(({ events }) => events.length > 0)
  }
  let savedAtMs = Number.NEGATIVE_INFINITY
  // MongoDB gathers the next batch while this one is written; what goes wrong with it is told by the wait for it.
  const read = () => {
    const reading = changes.next()
    reading.catch(() => {})
    return reading
  }
  let reading = read()
  while (!lease.signal.aborted) {
    const batch = await reading
    const { length } = batch.changes
    const writing = append(batch.changes)
    // What comes in small batches one upon the other costs more for the batches than for what is in them.
    if (length > 1 && length < gatherBelow) await Promise.all([writing, pause(gatherMs)])
    reading = read()
    if ((await writing) || performance.now() - savedAtMs < saveMs) continue
    await savePlace(db, batch.token, writer)
    savedAtMs = performance.now()
  }
}

const gatherBelow = 100
const gatherMs = 5

const saveMs = 10_000

/** The same steps without the events that are in the log already. */
async function lacking(db: Db, steps: readonly Step[]): Promise<Step[]> {
  const events = new Set(await missing(db, eventsOf(steps)))
  await endMissing(db)
  return steps.map((step) => ({ ...step, events: step.events.filter((event) => events.has(event)) }))
}

/** From where to go on after the latest batch; null where that is not known. */
async function placeAfter(db: Db, latest: Awaited<ReturnType<typeof latestBatch>>): Promise<unknown> {
  const saved = await statesOf(db).findOne({ _id: 'sequencer' })
  return saved?.position === (latest?.last ?? 0n) ? saved.token : (latest?.token ?? null)
}

async function savePlace(db: Db, token: unknown, writer: LogWriter): Promise<void> {
  await statesOf(db).updateOne(
    { _id: 'sequencer' },
    { $set: { token, position: writer.tip() } },
    { upsert: true },
  )
}

const statesOf = (db: Db) => db.collection<SequencerState>('logState')

function ifHistoryLost(error: unknown): null {
  if (error instanceof HistoryLostError) return null
  throw error
}

/**
 * Writes every event that the log lacks, then those that `changes` tells of which happened meanwhile: from there on what it tells
 * of is new.
 */
async function catchUp(db: Db, writer: LogWriter, changes: ChangeStream<PaymentChange>): Promise<void> {
  const stepsIn = eventReader(db)
  // What is written before a place is saved has no token: whoever goes on after half of this begins it again.
  const append = async (found: readonly PaymentChange[]) => {
    const events = eventsOf(await stepsIn(found))
    await writer.append(apart(await missing(db, events)))
  }
  const early = await changes.next()
  await fillGaps(db, writer, changes.session)
  const filledAt = changes.session.operationTime!
  await append(early.changes)
  for (;;) {
    const batch = await changes.next(1)
    await append(batch.changes)
    if (batch.changes.at(-1)?.clusterTime.lessThanOrEqual(filledAt)) continue
    await savePlace(db, batch.token, writer)
    return endMissing(db)
  }
}

/**
 * Writes every event that the log lacks, in the order in which they happened. Reads all payments, in order of creation,
 * and holds back what happened after the last one read was created: so memory is bounded by what was under way at one time.
 */
async function fillGaps(db: Db, writer: LogWriter, session: ClientSession): Promise<void> {
  const isEmpty = writer.tip() === 0n
  const trimmed = await trimmedBefore(db)
  const isKept = ({ at }: Unplaced) => trimmed === null || at >= trimmed
  const found = db
    .collection<Logged>('payments')
    .find({ _id: { $gte: firstPaymentId } }, { projection: projectionOf(''), sort: { _id: 1 }, session })
  let held: Unplaced[] = []
  let chunk: Unplaced[] = []
  let writing = Promise.resolve()

  const write = async (ready: readonly Unplaced[]) => {
    for (let start = 0; start < ready.length; start += fillBatch) {
      await writer.append(apart(ready.slice(start, start + fillBatch)))
    }
  }
  const flush = async (horizon: Date | null) => {
    held.push(...(isEmpty ? chunk : await missing(db, chunk)))
    held.sort(inOrderOfTime)
    const cut = horizon ? held.findIndex(({ at }) => at > horizon) : -1
    const ready = cut < 0 ? held : held.slice(0, cut)
    held = cut < 0 ? [] : held.slice(cut)
    chunk = []
    await writing
    // Reading goes on meanwhile; what goes wrong is told by the next wait.
    writing = write(ready)
    writing.catch(() => {})
  }
  for await (const payment of found) {
    chunk.push(...entriesOf(payment).filter(isKept))
    if (chunk.length >= fillBatch) await flush(payment.createdAt)
  }
  await flush(null)
  await writing
}

const fillBatch = 5000

const eventsOf = (steps: readonly Step[]): Unplaced[] => steps.flatMap(({ events }) => [...events])

/** Steps that may be cut anywhere, because nobody goes on after one of them. */
const apart = (events: readonly Unplaced[]): Step[] => events.map((event) => ({ events: [event] }))
