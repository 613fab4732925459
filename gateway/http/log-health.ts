// The lag of every projection behind the log, for `/readyz` and `/metrics`, and when that lag makes the hub
// not ready.

import type { Db } from 'mongodb'
import { lagAt, lagsOf, type Lag } from '../../subgraphs/log/lag.ts'
import { type LogReader } from '../../subgraphs/log/reader.ts'
import { readTip } from '../../subgraphs/log/store.ts'
import { isLeaseHeld } from '../../subgraphs/platform/mongo/lease.ts'
import type { Check } from './health.ts'

export interface LogHealth {
  /** Position of the latest entry. */
  readonly tip: bigint
  /** Some process holds the lease of the sequencer. */
  readonly isWritten: boolean
  /**
   * `live` is this process's own reader, which serves subscriptions; the others are projections with a
   * checkpoint.
   */
  readonly readers: readonly Lag[]
}

export async function readLogHealth(
  db: Db,
  logReader: Pick<LogReader, 'tip'>,
  now: () => Date,
): Promise<LogHealth> {
  // This process's position is read before the tip of the log: in the other order, it could seem to lag.
  const position = logReader.tip()
  const [tip, isWritten, live, projections] = await Promise.all([
    readTip(db),
    isLeaseHeld(db, 'sequencer'),
    lagAt(db, 'live', position, now()),
    lagsOf(db, now()),
  ])
  return { tip, isWritten, readers: [live, ...projections] }
}

/** The form of `/readyz`. */
export const logHealthJson = ({ tip, isWritten, readers }: LogHealth): object => ({
  tip: Number(tip),
  written: isWritten,
  readers: Object.fromEntries(
    readers.map(({ projection, position, entries, ms }) => [
      projection,
      { position: Number(position), behind: entries, behindMs: ms },
    ]),
  ),
})

/** How long the log may be without a sequencer: three times what another process needs to take the lease. */
const unwrittenMs = 15_000
/** How long this process may stay at one position behind the tip. */
const stuckMs = 30_000

/**
 * Not ready when events no longer reach this process's subscribers: the log has had no sequencer for 15 s, or
 * this process has been stuck behind its tip for 30 s. The lag of a projection is reported and makes no hub
 * unready: payments do not depend on it, and no other hub would do better. `clock` gives milliseconds.
 */
export function logCheck(
  read: () => Promise<Pick<LogHealth, 'isWritten' | 'readers'>>,
  clock: () => number = () => performance.now(),
): Check {
  let writtenAt = clock()
  let movedAt = clock()
  let lastPosition = -1n
  return async () => {
    const { isWritten, readers } = await read()
    const now = clock()
    const live = readers.find(({ projection }) => projection === 'live')
    if (isWritten) writtenAt = now
    if (!live || live.entries === 0 || live.position !== lastPosition) movedAt = now
    lastPosition = live?.position ?? -1n
    if (now - writtenAt >= unwrittenMs)
      return `no process has held the lease of the sequencer for ${seconds(now - writtenAt)} s`
    if (now - movedAt >= stuckMs)
      return `this hub has read no entry of the log for ${seconds(now - movedAt)} s`
    return null
  }
}

const seconds = (ms: number): number => Math.round(ms / 1000)
