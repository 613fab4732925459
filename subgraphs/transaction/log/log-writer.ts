// Gives events their positions in the log.
//
// The log's order does not hang on there being one writer: a batch is at the position after the one before it, positions are
// unique, and each batch says up to where its writer had read. So of two writers that go on from the same batch one appends, and
// the other finds out and begins again behind it. One that was paused and wakes after another has taken over appends nothing.
import type { LogBatch, LogEntry } from '../../log/entry.ts'
import { batchOf, logOf, makeLogIndexes } from '../../log/store.ts'
import type { Db } from 'mongodb'
import { duplicateKeyCode, insertAll } from '../../platform/mongo/bulk-write.ts'
import type { Lease } from '../../platform/mongo/lease.ts'
import type { Unplaced } from './entries-of-payment.ts'

/** Events that belong together, because a writer that goes on after them must not see part of them again. */
export interface Step {
  readonly events: readonly Unplaced[]
  /** From where to go on after it; left out where that is not known. */
  readonly token?: unknown
}

export interface LogWriter {
  /** Position of the latest entry. */
  tip(): bigint
  /** Gives the events the next positions. Throws LogMovedError when somebody else has appended meanwhile. */
  append(steps: readonly Step[]): Promise<void>
}

/** Somebody else has appended to the log: what this writer knows of it is old. */
export class LogMovedError extends Error {
  override readonly name = 'LogMovedError'
}

/** What the log ends with, for a writer that goes on from there. */
export async function latestBatch(db: Db): Promise<Pick<LogBatch, 'last' | 'token'> | null> {
  await makeLogIndexes(db)
  return logOf(db).findOne({}, { sort: { _id: -1 }, projection: { last: 1, token: 1 } })
}

/** Appends after position `tip` while `lease` is held; `onWritten` is told of what was appended. */
export function createLogWriter(
  db: Db,
  tip: bigint,
  lease: Pick<Lease, 'isHeld'>,
  onWritten: (entries: readonly LogEntry[]) => void = () => {},
): LogWriter {
  return {
    tip: () => tip,
    async append(steps) {
      if (!lease.isHeld()) throw new Error('the lease of the log’s writer is lost')
      const batches = cut(steps, tip)
      if (batches.length === 0) return
      const [error] = await insertAll(logOf(db), batches, { ordered: true })
      if (error?.code === duplicateKeyCode) throw new LogMovedError('somebody else has appended to the log')
      if (error) throw new Error('the log cannot be written', { cause: error })
      tip = batches.at(-1)!.last
      onWritten(batches.flatMap(({ entries }) => entries))
    },
  }
}

/** Those of `events` that the log lacks. */
export async function missing(db: Db, events: readonly Unplaced[]): Promise<Unplaced[]> {
  if (events.length === 0) return []
  await logOf(db).createIndex(eventIndex, { name: eventIndexName })
  const ids = [...new Set(events.map(({ transaction }) => transaction))]
  const projection = { _id: 0, 'entries.transaction': 1, 'entries.sequence': 1 }
  const present = new Set<string>()
  for await (const { entries } of logOf(db).find({ 'entries.transaction': { $in: ids } }, { projection })) {
    for (const entry of entries) present.add(nameOf(entry))
  }
  return events.filter((event) => !present.has(nameOf(event)))
}

/** Nobody asks what the log lacks any more: an index costs something with each entry. */
export async function endMissing(db: Db): Promise<void> {
  const indexes = await logOf(db).indexes()
  if (indexes.some(({ name }) => name === eventIndexName)) await logOf(db).dropIndex(eventIndexName)
}

const eventIndex = { 'entries.transaction': 1 } as const
const eventIndexName = 'event'

function cut(steps: readonly Step[], after: bigint): LogBatch[] {
  const batches: LogBatch[] = []
  let entries: LogEntry[] = []
  let position = after
  for (const [n, { events, token }] of steps.entries()) {
    for (const event of events) entries.push({ _id: ++position, ...event })
    if (entries.length < entriesMax && n < steps.length - 1) continue
    if (entries.length > 0) batches.push(batchOf(entries, token))
    entries = []
  }
  return batches
}

/** A batch is closed when it has so many entries: enough to make it cheap, few enough to read one for the sake of its last. */
const entriesMax = 250

const nameOf = ({ transaction, sequence }: Pick<LogEntry, 'transaction' | 'sequence'>): string =>
  `${transaction}/${sequence}`
