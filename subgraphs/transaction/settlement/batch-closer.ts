// Closes settlement dates. First the batch is fixed, in one MongoDB transaction with the key that asked for it: from then on it is
// known which entries are in it. Then they are gathered: totals, files, and a mark on each payment. Whoever gathers a batch,
// however often, gets the same; so what a process leaves unfinished, the next one finishes.

import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { Decimal128, type ClientSession, type Collection, type Db } from 'mongodb'
import { isRefusal, type Refusal } from '../../../schema/values/problems.ts'
import type { AuditLog } from '../../shared/audit-log.ts'
import type { IdempotentWriter } from '../../shared/idempotent-writer.ts'
import { holdLease } from '../../platform/mongo/lease.ts'
import type { Registry } from '../../shared/registry.ts'
import type { Payment } from '../payment/payment.ts'
import {
  batchId,
  checkPassed,
  lateOf,
  nextCut,
  ownOf,
  BatchTally,
  type SettlementBatch,
  type Cut,
  type Net,
  type Totals,
} from './batch.ts'
import { bookingsProjectionName, readBooked, type BookedTransaction, type BookedRange } from './bookings.ts'
import { csvHeader, csvLine } from './csv.ts'
import { dropAttempts, filesOf, writeFiles, type FileSet } from './files.ts'
import { readTip } from '../../log/store.ts'
import { resultsOf, publishedOf } from '../../log/checkpoint.ts'
import { pacs002 } from './pacs002.ts'
import { pacs008, TransferTally } from './pacs008.ts'
import { declineRowOf, rowFields, rowOf, type DeclineRow, type Row, type RowFacts } from './row.ts'
import type { Logger } from '../../platform/logger.ts'
import type { ParticipantId, SettlementBatchId } from '../../../schema/values/id.ts'

/** A document of the collection `settlementBatches`. `marked` is false while some of its payments may still say PENDING. */
type StoredBatch = Cut & { readonly marked: boolean } & (
    | { readonly status: 'CLOSING' }
    | (Omit<Totals, 'net'> & {
        readonly status: 'CLOSED'
        /** Names its files. */
        readonly attempt: string
        /** Sums are beyond what 64 bits hold. */
        readonly net: readonly (Omit<Net, 'minor'> & { readonly minor: Decimal128 })[]
      })
  )

export function settlementBatchOf(stored: StoredBatch): SettlementBatch {
  if (stored.status === 'CLOSING') return stored
  const net = stored.net.map(({ minor, ...names }) => ({ ...names, minor: BigInt(minor.toString()) }))
  return { ...stored, net }
}

export interface CloseInput {
  readonly idempotencyKey: string
  readonly settlementDate: string
}

/** Who asks, who may do so. */
export interface Caller {
  readonly participant: ParticipantId
  readonly requestId: string
}

export interface BatchCloser {
  /**
   * Closes a date for `caller`. A date that is closed gives its batch. Resolves when the batch is CLOSED, or
   * after some seconds, when much is to be gathered: that goes on.
   */
  close(caller: Caller, input: CloseInput): Promise<SettlementBatch | Refusal>
  /** Gathers every batch that is not finished. */
  finishAll(): Promise<void>
  /** Leaves what is being gathered to whoever comes next. */
  stop(): Promise<void>
}

export interface BatchCloserDependencies {
  readonly db: Db
  readonly idempotentWriter: IdempotentWriter
  readonly audit: Pick<AuditLog, 'record'>
  readonly registry: Pick<Registry, 'corridors'>
  readonly now: () => Date
  readonly logger: Pick<Logger, 'error'>
  /** How long a call waits for its batch to be gathered. */
  readonly patienceMs?: number
}

export const settlementBatchesOf = (db: Db): Collection<StoredBatch> =>
  db.collection<StoredBatch>('settlementBatches')

export async function makeSettlementIndexes(db: Db): Promise<void> {
  await settlementBatchesOf(db).createIndexes([
    { name: 'number', key: { number: 1 }, unique: true },
    { name: 'part', key: { 'parts.participant': 1, number: -1 } },
    { name: 'unfinished', key: { marked: 1 }, partialFilterExpression: { marked: false } },
  ])
  await filesOf(db).createIndex({ batch: 1, owner: 1, format: 1 }, { name: 'batch' })
}

export function createBatchCloser(dependencies: BatchCloserDependencies): BatchCloser {
  const { db, idempotentWriter, audit, registry, now, logger, patienceMs = 10_000 } = dependencies
  const batches = settlementBatchesOf(db)
  const gathering = new Map<string, Promise<void>>()
  const stopping = new AbortController()

  /** The id of the date's batch, which is there from then on. */
  const fix = async (
    { participant, requestId }: Caller,
    date: string,
    session: ClientSession,
  ): Promise<string> => {
    const known = await batches.findOne({ _id: batchId(date) }, { session, projection: { _id: 1 } })
    if (known) return known._id
    const at = now()
    const last = await batches.findOne({}, { session, sort: { number: -1 } })
    // Not in the session, whose snapshot may be from before the cut-off. It lies after `last.upTo` all the same: that was
    // the log's latest position before this was read.
    const tip = await readTip(db)
    // Two that close different dates at once write the same number: then one of them does all this again.
    const cut = nextCut(date, last, tip, at)
    await batches.insertOne({ ...cut, status: 'CLOSING', marked: false }, { session })
    const { number, settlementDate, upTo, after } = cut
    await audit.record(
      {
        at,
        actor: participant,
        action: 'closeSettlement',
        target: `settlement:${date}`,
        before: null,
        after: { number, settlementDate, upTo, after },
        requestId,
      },
      session,
    )
    return cut._id
  }

  /** Gathers a batch, once at a time in this process. That two processes do is harmless. */
  const finish = (id: string): Promise<void> => {
    const running = gathering.get(id)
    if (running) return running
    const run = gather(db, id, stopping.signal).finally(() => gathering.delete(id))
    gathering.set(id, run)
    return run
  }

  return {
    async close(caller, input) {
      const { participant } = caller
      const zones = [...registry.corridors.values()].map(({ settlementZone }) => settlementZone)
      // Before the key is used: who comes too early comes again with the same one.
      const refusal = checkPassed(input.settlementDate, zones, now())
      if (refusal) return refusal
      const call = { participant, operation: 'closeSettlement', input, at: now() } as const
      const fixed = await idempotentWriter.once(
        { ...call, idempotencyKey: input.idempotencyKey },
        (session) => fix(caller, input.settlementDate, session),
      )
      if (isRefusal(fixed)) return fixed
      const leaving = new AbortController()
      const finished = finish(fixed.done)
      finished.catch((error: unknown) => {
        if (!stopping.signal.aborted)
          logger.error({ err: error, batch: fixed.done }, 'gathering a batch failed')
      })
      await Promise.race([
        finished.finally(() => leaving.abort()),
        sleep(patienceMs, undefined, { signal: leaving.signal }).catch(() => {}),
      ])
      return settlementBatchOf((await batches.findOne({ _id: fixed.done }))!)
    },
    async finishAll() {
      const unfinished = await batches.find({ marked: false }, { sort: { number: 1 } }).toArray()
      for (const { _id } of unfinished) await finish(_id)
    },
    async stop() {
      stopping.abort(new Error('the hub is stopping'))
      await Promise.allSettled(gathering.values())
    },
  }
}

/** Finishes what others have left, under a lease, from the start on and every half minute. */
export const startBatchFinisher = (
  { db, logger }: { readonly db: Db; readonly logger: Pick<Logger, 'error' | 'info'> },
  batchCloser: Pick<BatchCloser, 'finishAll'>,
) =>
  holdLease({ db, logger, name: 'settlement' }, async ({ signal }) => {
    while (!signal.aborted) {
      await batchCloser.finishAll()
      await sleep(lookMs, undefined, { signal }).catch(() => {})
    }
  })

const lookMs = 30_000

/** Brings a batch that is fixed to its end: totals and files, then the marks. Doing it again changes nothing. */
async function gather(db: Db, id: string, signal: AbortSignal): Promise<void> {
  const batch = await settlementBatchesOf(db).findOne({ _id: id })
  if (!batch || batch.marked) return
  const earlier = await settlementBatchesOf(db)
    .find({ number: { $lt: batch.number } }, { projection: { settlementDate: 1 } })
    .toArray()
  const closedBefore = earlier.map(({ settlementDate }) => settlementDate)
  const members = await openMembers(db, batch, closedBefore, signal)
  if (batch.status === 'CLOSING') await closeBatch(db, batch, members)
  await mark(db, id, members)
  await settlementBatchesOf(db).updateOne({ _id: id, status: 'CLOSED' }, { $set: { marked: true } })
}

/** The entries of a batch: its own date's, then those that came late for earlier ones, each in the log's order. */
interface Members {
  readonly booked: (...kinds: BookedTransaction['kind'][]) => AsyncIterable<BookedTransaction>
  /** Payments that both completed and were taken back in it. */
  readonly cancelledOut: ReadonlySet<string>
  readonly rows: () => AsyncIterable<Row>
  readonly declines: () => AsyncIterable<DeclineRow>
}

async function openMembers(
  db: Db,
  cut: Cut,
  closedBefore: readonly string[],
  signal: AbortSignal,
): Promise<Members> {
  const epoch = await untilNoted(db, cut.upTo, signal)
  const results = resultsOf(db, epoch)
  const parts: BookedRange[] = [ownOf(cut), ...(closedBefore.length > 0 ? [lateOf(cut, closedBefore)] : [])]

  async function* booked(...kinds: BookedTransaction['kind'][]): AsyncIterable<BookedTransaction> {
    for (const part of parts) {
      for await (const one of readBooked(results, part, { kind: { $in: kinds } })) {
        signal.throwIfAborted()
        yield one
      }
    }
  }
  const takenBack: string[] = []
  for await (const { payment } of booked('CANCELLATION')) takenBack.push(payment)
  const cancelledOut = new Set<string>()
  for (const ids of chunksOf(takenBack)) {
    for (const part of parts) {
      const completed = readBooked(results, part, { kind: 'PAYMENT', transaction: { $in: ids } })
      for await (const { payment } of completed) cancelledOut.add(payment)
    }
  }
  const joined = <Made>(
    entries: AsyncIterable<BookedTransaction>,
    make: (booked: BookedTransaction, facts: RowFacts) => Made,
  ) => withFacts(db, entries, make)
  return {
    booked,
    cancelledOut,
    rows: () => joined(booked(...moving), (one, facts) => rowOf(one, facts, cancelledOut)),
    declines: () => joined(booked('DECLINE'), declineRowOf),
  }
}

const moving = ['PAYMENT', 'REFUND', 'CANCELLATION'] as const

/** Waits until everything up to `position` is noted; gives the epoch that it is noted in. */
async function untilNoted(db: Db, position: bigint, signal: AbortSignal): Promise<number> {
  for (let waitMs = 10; ; waitMs = Math.min(2 * waitMs, 1000)) {
    const shown = await publishedOf(db, bookingsProjectionName)
    if (shown.position >= position) return shown.epoch
    await sleep(waitMs, undefined, { signal })
  }
}

async function* withFacts<Made>(
  db: Db,
  entries: AsyncIterable<BookedTransaction>,
  make: (booked: BookedTransaction, facts: RowFacts) => Made,
): AsyncIterable<Made> {
  const payments = db.collection<Payment>('payments')
  for await (const group of groupsOf(entries)) {
    const ids = group.map(({ payment }) => payment)
    const found = await payments
      .find<RowFacts>({ _id: { $in: ids } }, { projection: { ...rowFields } })
      .toArray()
    const facts = new Map(found.map((payment) => [payment._id, payment]))
    for (const booked of group) {
      const its = facts.get(booked.payment)
      if (!its) throw new Error(`payment ${booked.payment} is booked and is not there`)
      yield make(booked, its)
    }
  }
}

async function closeBatch(db: Db, cut: Cut, members: Members): Promise<void> {
  const attempt = randomUUID()
  const tally = new BatchTally(members.cancelledOut)
  for await (const booked of members.booked(...moving)) tally.add(booked)
  const totals = tally.totals()
  await writeAll(writeFiles(db, cut._id, attempt), cut, totals, members)
  await settlementBatchesOf(db).updateOne(
    { _id: cut._id, status: 'CLOSING' },
    { $set: { status: 'CLOSED', attempt, ...totals, net: totals.net.map(storedNet) } },
  )
  // Somebody else may have been faster.
  const closed = await settlementBatchesOf(db).findOne({ _id: cut._id })
  if (closed?.status === 'CLOSED') await dropAttempts(db, cut._id, closed.attempt)
}

const storedNet = ({ minor, ...names }: Net) => ({
  ...names,
  minor: Decimal128.fromString(minor.toString()),
})

/** One file of everything for the operator, in each format, and for each participant one of its own rows. */
async function writeAll(files: FileSet, cut: Cut, { parts }: Totals, members: Members): Promise<void> {
  const write = async (format: 'PACS_008' | 'PACS_002', texts: AsyncIterable<string>) => {
    for await (const text of texts) await files.write(null, format, text)
  }
  for (const { participant } of parts) await files.write(participant, 'CSV', csvHeader)
  await files.write(null, 'CSV', csvHeader)
  const transfers = new TransferTally()
  for await (const row of members.rows()) {
    transfers.add(row)
    const line = csvLine(row)
    for (const owner of new Set([null, row.wallet, row.acquirer])) await files.write(owner, 'CSV', line)
  }
  const { _id: id, fixedAt: createdAt, settlementDate } = cut
  const head = { id, createdAt, settlementDate }
  await write('PACS_008', pacs008(head, transfers, members.rows()))
  await write('PACS_002', pacs002({ ...head, id: `${id}-status` }, id, members.declines()))
  await files.finish()
}

/** Says on each payment and refund of a batch that it is settled. */
async function mark(db: Db, batch: SettlementBatchId, { booked }: Members): Promise<void> {
  const payments = db.collection<Payment>('payments')
  for await (const group of groupsOf(booked('PAYMENT'))) {
    const ids = group.map(({ payment }) => payment)
    await payments.updateMany(
      { _id: { $in: ids }, settlement: 'PENDING' },
      {
        $set: { settlement: 'SETTLED', batch } as never,
      },
    )
  }
  for await (const group of groupsOf(booked('REFUND'))) {
    const ids = group.map(({ transaction }) => transaction)
    await payments.updateMany(
      { 'refunds._id': { $in: ids } },
      { $set: { 'refunds.$[one].settlement': 'SETTLED', 'refunds.$[one].batch': batch } as never },
      { arrayFilters: [{ 'one._id': { $in: ids } }] },
    )
  }
}

async function* groupsOf<Item>(items: AsyncIterable<Item>): AsyncIterable<Item[]> {
  let group: Item[] = []
  for await (const item of items) {
    group.push(item)
    if (group.length < groupSize) continue
    yield group
    group = []
  }
  if (group.length > 0) yield group
}

function* chunksOf<Item>(items: readonly Item[]): Iterable<Item[]> {
  for (let start = 0; start < items.length; start += groupSize) yield items.slice(start, start + groupSize)
}

const groupSize = 1000
