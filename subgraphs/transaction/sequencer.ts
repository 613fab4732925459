// Writes the log: follows the changes of `payments` and gives each event the next position.
//
// One process at a time does this, under a lease; but the log's order does not hang on that. Positions are unique, so
// two writers cannot both write position n; (transaction, sequence) is unique, so no event is written twice; and a batch is
// written in order, so it leaves no gap when it stops half way. Whoever collides reads where the log has come to, drops
// what is there already, and goes on. A holder that was paused and wakes after another has taken over can therefore at
// worst write the next right entry.

import type { FastifyBaseLogger } from 'fastify'
import { MongoServerError, type ClientSession, type Collection, type Db } from 'mongodb'
import { HistoryLostError, openChanges, type Changes } from '../changes.ts'
import { holdLease, isLeaseHeld, type Lease, type LeaseHolder } from '../lease.ts'
import { logOf, makeLogIndexes, readTip, type LogEntry, type LoggedPayment, type LogReader } from '../log.ts'
import { Recent } from '../recent.ts'
import type { Payment, PaymentEvent } from './payment.ts'

/** An event that has no position yet. */
type Unplaced = Omit<LogEntry, '_id'>

/** What an entry is made of: projected from a payment. */
type Logged = Pick<Payment, (typeof loggedFields)[number]>

interface Change {
  readonly operationType: 'insert' | 'update' | 'replace'
  readonly documentKey: { readonly _id: string }
  readonly fullDocument?: Logged
  readonly updateDescription?: { readonly updatedFields: Readonly<Record<string, unknown>> }
}

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
  const writer = await openLog(options, lease)
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
    await follow(changes, states, writer, lease)
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
export async function fillLog(options: SequencerOptions): Promise<void> {
  const { db } = options
  if (await isLeaseHeld(db, leaseName)) return
  const changes = await openPayments(db, null)
  try {
    const { token } = await changes.next()
    await fillGaps(db, await openLog(options, { isHeld: () => true }), changes.session)
    await saveToken(statesOf(db), token)
  } finally {
    await changes.close()
  }
}

async function follow(
  changes: Changes<Change>,
  states: Collection<SequencerState>,
  writer: LogWriter,
  lease: Held,
): Promise<void> {
  let savedAtMs = Number.NEGATIVE_INFINITY
  while (!lease.signal.aborted) {
    const batch = await changes.next()
    await writer.write(await writer.unplaced(batch.changes))
    const everyMs = batch.changes.length > 0 ? saveBusyMs : saveQuietMs
    if (performance.now() - savedAtMs < everyMs) continue
    await saveToken(states, batch.token)
    savedAtMs = performance.now()
  }
}

const statesOf = (db: Db): Collection<SequencerState> => db.collection<SequencerState>('logState')

async function saveToken(states: Collection<SequencerState>, token: unknown): Promise<void> {
  await states.updateOne({ _id: 'sequencer' }, { $set: { token } }, { upsert: true })
}

/** The token may lag behind the log: what is read twice is found to be there. So it need not be saved with every batch. */
const saveBusyMs = 500
/** Other collections move the oplog on too: the token must not grow old while payments are quiet. */
const saveQuietMs = 10_000

const loggedFields = [
  '_id',
  'createdAt',
  'wallet',
  'acquirer',
  'merchant',
  'merchantCountry',
  'walletCountry',
  'corridor',
  'project',
  'direction',
  'mcc',
  'entryMode',
  'reporting',
  'events',
] as const

const projectionOf = (prefix: string): Record<string, 1> =>
  Object.fromEntries(loggedFields.map((field) => [`${prefix}${field}`, 1]))

const openPayments = (db: Db, resumeAfter: unknown): Promise<Changes<Change>> =>
  openChanges<Change>(db, {
    collection: 'payments',
    resumeAfter,
    pipeline: [
      { $match: { operationType: { $in: ['insert', 'update', 'replace'] } } },
      {
        $project: {
          operationType: 1,
          documentKey: 1,
          'updateDescription.updatedFields': 1,
          ...projectionOf('fullDocument.'),
        },
      },
    ],
  })

function ifHistoryLost(error: unknown): null {
  if (error instanceof HistoryLostError) return null
  throw error
}

interface LogWriter {
  /** The events in `changes`, in order. */
  unplaced(changes: readonly Change[]): Promise<Unplaced[]>
  /** Those that the log lacks. */
  missing(events: readonly Unplaced[]): Promise<Unplaced[]>
  /** Gives `events` the next positions; those that are in the log already are dropped. */
  write(events: readonly Unplaced[]): Promise<void>
}

async function openLog({ db, onWritten }: SequencerOptions, lease: Pick<Held, 'isHeld'>): Promise<LogWriter> {
  const entries = logOf(db)
  const payments = db.collection<Logged>('payments')
  const known = new Recent<string, LoggedPayment>(knownMax)
  // What makes two writers harmless.
  await makeLogIndexes(db)
  let tip = await readTip(db)

  const remember = (payment: Logged): LoggedPayment => {
    const facts = loggedPayment(payment)
    known.set(payment._id, facts)
    return facts
  }

  /** Facts of payments that were not inserted in these changes or lately. */
  const learn = async (changes: readonly Change[]) => {
    const inserted = new Set(changes.filter(({ fullDocument }) => fullDocument).map(idOf))
    const ids = changes.map(idOf).filter((id) => !known.has(id) && !inserted.has(id))
    if (ids.length === 0) return
    const found = payments.find({ _id: { $in: ids } }, { projection: projectionOf('') })
    for await (const payment of found) remember(payment)
  }

  const missing = async (events: readonly Unplaced[]): Promise<Unplaced[]> => {
    const ids = [...new Set(events.map(({ transaction }) => transaction))]
    const projection = { _id: 0, transaction: 1, sequence: 1 }
    const present = await entries.find({ transaction: { $in: ids } }, { projection }).toArray()
    const names = new Set(present.map(nameOf))
    return events.filter((event) => !names.has(nameOf(event)))
  }

  return {
    missing,
    async unplaced(changes) {
      await learn(changes)
      return changes.flatMap((change) => {
        const facts = change.fullDocument ? remember(change.fullDocument) : known.get(idOf(change))
        if (!facts) throw new Error(`payment ${idOf(change)} changed and is not there`)
        return eventsIn(change).map((event) => unplaced(idOf(change), event, facts))
      })
    },
    async write(events) {
      let pending = events
      while (pending.length > 0) {
        if (!lease.isHeld()) throw new Error('the lease of the log’s writer is lost')
        const placed = pending.map((event, n) => ({ _id: tip + BigInt(n + 1), ...event }))
        try {
          await entries.insertMany(placed, { ordered: true })
          tip += BigInt(placed.length)
          onWritten?.(placed)
          return
        } catch (error) {
          if (!(error instanceof MongoServerError && error.code === 11_000)) throw error
          pending = await missing(pending)
          tip = await readTip(db)
        }
      }
    },
  }
}

/** Facts of so many payments are kept, so that their next change needs no read. */
const knownMax = 20_000

const idOf = (change: Change): string => change.documentKey._id
const nameOf = ({ transaction, sequence }: Pick<LogEntry, 'transaction' | 'sequence'>): string =>
  `${transaction}/${sequence}`

/** The events that a change brings: all of them for a new document, the pushed ones (`events.2`) for an update. */
function eventsIn({ fullDocument, updateDescription }: Change): readonly PaymentEvent[] {
  if (fullDocument) return fullDocument.events
  const updated = updateDescription!.updatedFields
  if (Array.isArray(updated['events'])) return updated['events'] as PaymentEvent[]
  return Object.entries(updated)
    .filter(([field]) => /^events\.\d+$/.test(field))
    .map(([, event]) => event as PaymentEvent)
    .toSorted((a, b) => a.sequence - b.sequence)
}

const loggedPayment = (payment: Logged): LoggedPayment => ({
  createdAt: payment.createdAt,
  wallet: payment.wallet,
  acquirer: payment.acquirer,
  merchant: payment.merchant,
  merchantCountry: payment.merchantCountry,
  walletCountry: payment.walletCountry,
  corridor: payment.corridor,
  project: payment.project,
  direction: payment.direction,
  mcc: payment.mcc,
  entryMode: payment.entryMode,
  reportingMinor: payment.reporting.minor,
  authorizeMs: null,
})

function unplaced(transaction: string, event: PaymentEvent, facts: LoggedPayment): Unplaced {
  const { sequence, kind, from, to, at, reason } = event
  const isAnswer = kind === 'APPROVED' || kind === 'REFUSED'
  const payment = isAnswer ? { ...facts, authorizeMs: at.getTime() - facts.createdAt.getTime() } : facts
  return { transaction, sequence, kind, from, to, at, reason, payment }
}

/**
 * Writes every event that the log lacks, in the order in which they happened. Reads all payments, in order of creation,
 * and holds back what happened after the last one read was created: so memory is bounded by what was under way at one time.
 */
async function fillGaps(db: Db, writer: LogWriter, session: ClientSession): Promise<void> {
  const isEmpty = (await readTip(db)) === 0n
  const found = db
    .collection<Logged>('payments')
    .find({}, { projection: projectionOf(''), sort: { _id: 1 }, session })
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
    const facts = loggedPayment(payment)
    chunk.push(...payment.events.map((event) => unplaced(payment._id, event, facts)))
    if (chunk.length >= fillBatch) await flush(payment.createdAt)
  }
  await flush(null)
  await writing
}

const fillBatch = 5000

function inOrderOfTime(a: Unplaced, b: Unplaced): number {
  const byTime = a.at.getTime() - b.at.getTime()
  if (byTime !== 0) return byTime
  return a.transaction === b.transaction ? a.sequence - b.sequence : a.transaction < b.transaction ? -1 : 1
}
