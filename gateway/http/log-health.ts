// How far everybody who reads the log is behind it, for `/readyz` and `/metrics`; and when that is so bad that work should go to
// another hub.

import type { Db } from 'mongodb'
import { isLeaseHeld } from '../../subgraphs/platform/mongo/lease.ts'
import { type LogReader } from '../../subgraphs/log/reader.ts'
import { readTip } from '../../subgraphs/log/store.ts'
import { lagAt, lagsOf, type Lag } from '../../subgraphs/log/lag.ts'
import type { Check } from './health.ts'

export interface LogHealth {
  /** Position of the log's latest entry. */
  readonly tip: bigint
  /** Some process gives events their positions. */
  readonly isWritten: boolean
  /** `live` is this process's own, which serves subscriptions; the others keep their place in MongoDB. */
  readonly readers: readonly Lag[]
}

export async function readLogHealth(
  db: Db,
  logReader: Pick<LogReader, 'tip'>,
  now: () => Date,
): Promise<LogHealth> {
  // First what this process has read, then the log: the other way round it could seem to be behind.
  const position = logReader.tip()
  const [tip, isWritten, live, kept] = await Promise.all([
    readTip(db),
    isLeaseHeld(db, 'sequencer'),
    lagAt(db, 'live', position, now()),
    lagsOf(db, now()),
  ])
  return { tip, isWritten, readers: [live, ...kept] }
}

/** As `/readyz` shows it. */
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

/** So long nobody may write the log: three times what it takes another process to take over. */
const unwrittenMs = 15_000
/** So long this process may stand still behind the log. */
const stuckMs = 30_000

/**
 * Not ready when payments' events no longer reach who follows them here: nobody has written the log for 15 s, or this process has
 * stood still behind it for 30 s. A reader that keeps its place in MongoDB and is behind makes no hub unready: none would be
 * better, and payments do not need it; its lag is shown. `clock` gives milliseconds.
 */
export function logCheck(
  look: () => Promise<Pick<LogHealth, 'isWritten' | 'readers'>>,
  clock: () => number = () => performance.now(),
): Check {
  let writtenAt = clock()
  let movedAt = clock()
  let stoodAt = -1n
  return async () => {
    const { isWritten, readers } = await look()
    const now = clock()
    const live = readers.find(({ projection }) => projection === 'live')
    if (isWritten) writtenAt = now
    if (!live || live.entries === 0 || live.position !== stoodAt) movedAt = now
    stoodAt = live?.position ?? -1n
    if (now - writtenAt >= unwrittenMs) return `nobody has written the log for ${seconds(now - writtenAt)} s`
    if (now - movedAt >= stuckMs) return `this hub has not followed the log for ${seconds(now - movedAt)} s`
    return null
  }
}

const seconds = (ms: number): number => Math.round(ms / 1000)
