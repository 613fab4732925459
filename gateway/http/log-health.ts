// How far the log and its readers have come, for `/readyz` and `/metrics`. It is read in the background, so
// that both respond at once, also while MongoDB does not.

import type { Db } from 'mongodb'
import { lagAt, lagsOf, type Lag } from '../../subgraphs/log/lag.ts'
import { type LogReader } from '../../subgraphs/log/reader.ts'
import { readTip } from '../../subgraphs/log/store.ts'
import { readBacklog, sequencerAdvancedAt, type Backlog } from '../../subgraphs/transaction/index.ts'

export interface LogHealth {
  /** Position of the latest entry. */
  readonly tip: bigint
  /** When the sequencer has last advanced without writing an entry; null before its first time. */
  readonly advancedAt: Date | null
  /**
   * `live` is this process's own reader, which serves subscriptions; the others are projections with a
   * checkpoint.
   */
  readonly readers: readonly Lag[]
  readonly backlog: Backlog
}

async function readLogHealth(db: Db, logReader: Pick<LogReader, 'tip'>, now: () => Date): Promise<LogHealth> {
  // This process's position is read before the tip of the log: in the other order, it could seem to lag.
  const position = logReader.tip()
  const [tip, advancedAt, live, projections, backlog] = await Promise.all([
    readTip(db),
    sequencerAdvancedAt(db),
    lagAt(db, 'live', position, now()),
    lagsOf(db, now()),
    readBacklog(db, now()),
  ])
  return { tip, advancedAt, readers: [live, ...projections], backlog }
}

/** The form of `/readyz`. */
export const logHealthJson = ({ tip, isWritten, readers }: LogProgress): object => ({
  tip: Number(tip),
  written: isWritten,
  readers: Object.fromEntries(
    readers.map(({ projection, position, entries, ms }) => [
      projection,
      { position: Number(position), behind: entries, behindMs: ms },
    ]),
  ),
})

/** The log as it was last read. */
export interface LogProgress extends LogHealth {
  /** False when the log has not advanced for 15 s: its writer advances it every 5 s, also without events. */
  readonly isWritten: boolean
}

/** How long the log may stand. */
const unwrittenMs = 15_000
/** How long this process may stay at one position behind the tip. */
const stuckMs = 30_000
/** How long the state of the log may be unknown. */
const unreadMs = 10_000
const readEveryMs = 2_000

export interface LogHealthWatch {
  latest(): LogProgress
  /**
   * Why events do not reach this process's subscribers, null when they do: the log has not advanced for 15 s,
   * this process has been stuck behind its tip for 30 s, or its state is unknown for 10 s. The lag of a
   * projection is reported and makes no hub unready: payments do not depend on it, and no other hub would do
   * better.
   */
  whyNotReady(): string | null
  close(): void
}

/** Reads the state of the log now, and then every two seconds. Rejects when the first read fails. */
export async function watchLogHealth(
  db: Db,
  logReader: Pick<LogReader, 'tip'>,
  now: () => Date,
): Promise<LogHealthWatch> {
  const read = () => readLogHealth(db, logReader, now)
  const watch = new ProgressWatch(await read(), () => performance.now())
  let timer: NodeJS.Timeout
  let isClosed = false
  const readSoon = (): void => {
    timer = setTimeout(() => {
      // `whyNotReady` reports an outage; its cause is logged where it fails a request.
      read()
        .then((health) => watch.take(health))
        .catch(() => {})
        .finally(() => isClosed || readSoon())
    }, readEveryMs).unref()
  }
  const close = (): void => {
    isClosed = true
    clearTimeout(timer)
  }
  readSoon()
  return { latest: () => watch.latest(), whyNotReady: () => watch.whyNotReady(), close }
}

/** Finds out from the states of the log, as they are read, if it advances. `clock` gives milliseconds. */
export class ProgressWatch {
  readonly #clock: () => number
  #health: LogHealth
  #readAt: number
  #writtenAt: number
  #movedAt: number

  constructor(health: LogHealth, clock: () => number) {
    this.#clock = clock
    this.#health = health
    this.#readAt = this.#writtenAt = this.#movedAt = clock()
  }

  take(health: LogHealth): void {
    const before = this.#health
    const now = this.#clock()
    const hasAdvanced =
      health.tip !== before.tip || health.advancedAt?.getTime() !== before.advancedAt?.getTime()
    if (hasAdvanced) this.#writtenAt = now
    const live = liveOf(health)
    if (!live || live.entries === 0 || live.position !== liveOf(before)?.position) this.#movedAt = now
    this.#readAt = now
    this.#health = health
  }

  latest(): LogProgress {
    // Judged by when it was read: while MongoDB is away, nothing is known of the log.
    return { ...this.#health, isWritten: this.#readAt - this.#writtenAt < unwrittenMs }
  }

  whyNotReady(): string | null {
    const now = this.#clock()
    if (now - this.#readAt >= unreadMs)
      return `the state of the log has not been read for ${seconds(now - this.#readAt)} s`
    if (this.#readAt - this.#writtenAt >= unwrittenMs)
      return `the log has not advanced for ${seconds(now - this.#writtenAt)} s`
    if (this.#readAt - this.#movedAt >= stuckMs)
      return `this hub has read no entry of the log for ${seconds(now - this.#movedAt)} s`
    return null
  }
}

const liveOf = ({ readers }: LogHealth): Lag | undefined =>
  readers.find(({ projection }) => projection === 'live')

const seconds = (ms: number): number => Math.round(ms / 1000)
