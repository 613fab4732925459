// Gives events their positions in the log.
//
// The log's order does not hang on there being one writer. Positions are unique, so two writers cannot both write position n;
// (transaction, sequence) is unique, so no event is written twice; and a batch is written in order, so it leaves no gap when
// it stops half way. Whoever collides reads where the log has come to, drops what is there already, and goes on. A writer
// that was paused and wakes after another has taken over can therefore at worst write the next right entry.

import type { Db } from 'mongodb'
import { duplicateKey, insertAll } from '../bulk.ts'
import type { Lease } from '../lease.ts'
import { logOf, makeLogIndexes, readTip, type LogEntry } from '../log.ts'
import type { Unplaced } from './logged.ts'

export interface LogWriter {
  /** Those of `events` that the log lacks. */
  missing(events: readonly Unplaced[]): Promise<Unplaced[]>
  /** Gives `events` the next positions; those that are in the log already are dropped. Throws once the lease is lost. */
  write(events: readonly Unplaced[]): Promise<void>
}

/** `onWritten` is told of each batch that was written. */
export async function openLog(
  db: Db,
  lease: Pick<Lease, 'isHeld'>,
  onWritten: (entries: readonly LogEntry[]) => void = () => {},
): Promise<LogWriter> {
  const log = logOf(db)
  await makeLogIndexes(db)
  let tip = await readTip(db)

  const missing = async (events: readonly Unplaced[]): Promise<Unplaced[]> => {
    const ids = [...new Set(events.map(({ transaction }) => transaction))]
    const projection = { _id: 0, transaction: 1, sequence: 1 }
    const present = await log.find({ transaction: { $in: ids } }, { projection }).toArray()
    const names = new Set(present.map(nameOf))
    return events.filter((event) => !names.has(nameOf(event)))
  }

  return {
    missing,
    async write(events) {
      let pending = events
      while (pending.length > 0) {
        if (!lease.isHeld()) throw new Error('the lease of the log’s writer is lost')
        const placed = pending.map((event, n) => ({ _id: tip + BigInt(n + 1), ...event }))
        const [error] = await insertAll(log, placed, { ordered: true })
        if (!error) {
          tip += BigInt(placed.length)
          onWritten(placed)
          return
        }
        if (error.code !== duplicateKey) throw new Error('the log cannot be written', { cause: error })
        pending = await missing(pending)
        tip = await readTip(db)
      }
    },
  }
}

const nameOf = ({ transaction, sequence }: Pick<LogEntry, 'transaction' | 'sequence'>): string =>
  `${transaction}/${sequence}`
