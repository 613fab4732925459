// Writes the log: follows the changes of `payments` and gives each event the next position.
//
// One process at a time does this, under a lease. That it is one is a matter of speed; see log-writer.ts for why two do no
// harm.

import { setTimeout as pause } from 'node:timers/promises'
import type { FastifyBaseLogger } from 'fastify'
import type { ClientSession, Collection, Db } from 'mongodb'
import { HistoryLostError, type Changes } from '../changes.ts'
import { holdLease, isLeaseHeld, type Lease, type LeaseHolder } from '../lease.ts'
import { trimmedBefore } from '../log-retention.ts'
import { readTip, type LogEntry, type LogReader } from '../log.ts'
import { firstPaymentId } from './kept-refusal.ts'
import { openLog, type LogWriter } from './log-writer.ts'
import { entriesOf, inOrderOfTime, projectionOf, type Logged, type Unplaced } from './logged.ts'
import { eventReader, openPayments, type PaymentChange } from './payment-changes.ts'

interface SequencerState {
  readonly _id: 'sequencer'
  /** Everything that changed before this is in the log. */
  readonly token: unknown
}

export interface SequencerOptions {
  readonly db: Db
  readonly log: Pick<FastifyBaseLogger, 'error' | 'info'>
  /** Told of each batch once it is written. */
  readonly onWritten?: (entries: readonly LogEntry[]) => void
}

/** Keeps the log going while this process holds the lease, and feeds the process's own reader meanwhile. */
export function startSequencer(
  options: Omit<SequencerOptions, 'onWritten'> & { readonly reader: LogReader },
): LeaseHolder {
  const { db, log, reader } = options
  return holdLease({ db, log, name: leaseName }, async (lease) => {
    const feed = reader.feed()
    try {
      await writeLog({ db, log, onWritten: feed.offer }, lease)
    } finally {
      feed.end()
    }
  })
}

const leaseName = 'sequencer'

/** What the writer needs of a lease; without its protection writing is slower, but no less right. */
type Held = Pick<Lease, 'signal' | 'isHeld'>

/** Writes the log until `lease` ends. */
export async function writeLog(options: SequencerOptions, lease: Held): Promise<void> {
  const { db, log } = options
  const states = statesOf(db)
  const writer = await openLog(db, lease, options.onWritten)
  const saved = await states.findOne({ _id: 'sequencer' })
  const resumed = saved && (await openPayments(db, saved.token).catch(ifHistoryLost))
  const changes = resumed ?? (await openPayments(db, null))
  const stop = () => void changes.close()
  lease.signal.addEventListener('abort', stop, { once: true })
  try {
    if (!resumed) {
      log.info({}, 'nowhere in the change stream to go on from: looking for events that the log lacks')
      await fillGaps(db, writer, changes.session)
    }
    await follow(changes, eventReader(db), writer, states, lease)
  } catch (error) {
    if (lease.signal.aborted) return
    if (error instanceof HistoryLostError) await states.deleteOne({ _id: 'sequencer' })
    throw error
  } finally {
    lease.signal.removeEventListener('abort', stop)
    await changes.close()
  }
}

/** Brings the log up to date once, for payments that were written in bulk. Whoever holds the lease will do it, if anybody does. */
export async function fillLog(db: Db): Promise<void> {
  if (await isLeaseHeld(db, leaseName)) return
  const changes = await openPayments(db, null)
  try {
    const { token } = await changes.next()
    await fillGaps(db, await openLog(db, { isHeld: () => true }), changes.session)
    await saveToken(statesOf(db), token)
  } finally {
    await changes.close()
  }
}

async function follow(
  changes: Changes<PaymentChange>,
  eventsIn: ReturnType<typeof eventReader>,
  writer: LogWriter,
  states: Collection<SequencerState>,
  lease: Held,
): Promise<void> {
  let savedAtMs = Number.NEGATIVE_INFINITY
  let reading = changes.next()
  while (!lease.signal.aborted) {
    const batch = await reading
    const { length } = batch.changes
    const writing = eventsIn(batch.changes).then((events) => writer.write(events))
    // What comes in small batches one upon the other costs more for the batches than for what is in them.
    if (length > 1 && length < gatherBelow) await Promise.all([writing, pause(gatherMs)])
    // MongoDB gathers the next batch while this one is written; what goes wrong with it is told by the next wait.
    reading = changes.next()
    reading.catch(() => {})
    await writing
    const everyMs = length > 0 ? saveBusyMs : saveQuietMs
    if (performance.now() - savedAtMs < everyMs) continue
    await saveToken(states, batch.token)
    savedAtMs = performance.now()
  }
}

const statesOf = (db: Db): Collection<SequencerState> => db.collection<SequencerState>('logState')

async function saveToken(states: Collection<SequencerState>, token: unknown): Promise<void> {
  await states.updateOne({ _id: 'sequencer' }, { $set: { token } }, { upsert: true })
}

const gatherBelow = 100
const gatherMs = 5

/** The token may lag behind the log: what is read twice is found to be there. So it need not be saved with every batch. */
const saveBusyMs = 500
/** Other collections move the oplog on too: the token must not grow old while payments are quiet. */
const saveQuietMs = 10_000

function ifHistoryLost(error: unknown): null {
  if (error instanceof HistoryLostError) return null
  throw error
}

/**
 * Writes every event that the log lacks, in the order in which they happened. Reads all payments, in order of creation,
 * and holds back what happened after the last one read was created: so memory is bounded by what was under way at one time.
 */
async function fillGaps(db: Db, writer: LogWriter, session: ClientSession): Promise<void> {
  const isEmpty = (await readTip(db)) === 0n
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
      await writer.write(ready.slice(start, start + fillBatch))
    }
  }
  const flush = async (horizon: Date | null) => {
    held.push(...(isEmpty ? chunk : await writer.missing(chunk)))
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
