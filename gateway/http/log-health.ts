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

/** The reader of this process, which is no projection. */
const ownReader = 'live'

async function readLogHealth(db: Db, logReader: Pick<LogReader, 'tip'>, now: () => Date): Promise<LogHealth> {
  // This process's position is read before the tip of the log: in the other order, it could seem to lag.
  const position = logReader.tip()
  const [tip, advancedAt, live, projections, backlog] = await Promise.all([
    readTip(db),
    sequencerAdvancedAt(db),
    lagAt(db, ownReader, position, now()),
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
    readers.map(({ projection, position, entries, ms, isStuck }) => [
      projection,
      { position: Number(position), behind: entries, behindMs: ms, stuck: isStuck },
    ]),
  ),
})

/** The log as it was last read. */
export interface LogProgress extends LogHealth {
  /** False when the log has not advanced for 15 s: its writer advances it every 5 s, also without events. */
  readonly isWritten: boolean
  readonly readers: readonly ReaderProgress[]
}

interface ReaderProgress extends Lag {
  /** True when it has stayed at one position behind the tip for 30 s. */
  readonly isStuck: boolean
}

/** How long the log may stand. */
const unwrittenMs = 15_000
/** How long a reader may stay at one position behind the tip. */
const stuckMs = 30_000
/** How long the state of the log may be unknown. */
const unreadMs = 10_000
const readEveryMs = 2_000

export interface LogHealthWatch {
  latest(): LogProgress
  /**
   * Why events do not reach this process's subscribers, null when they do: the log has not advanced for 15 s,
   * this process has been stuck behind its tip for 30 s, or its state is unknown for 10 s. A projection that
   * is behind or stuck is reported and makes no hub unready: payments do not depend on it, and no other hub
   * would do better.
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
  readonly #startedAt: number
  #health: LogHealth
  #readAt: number
  #writtenAt: number
  /** By the name of the reader. */
  #movedAt = new Map<string, number>()

  constructor(health: LogHealth, clock: () => number) {
    this.#clock = clock
    this.#health = health
    this.#startedAt = this.#readAt = this.#writtenAt = clock()
  }

  take(health: LogHealth): void {
    const before = this.#health
    const now = this.#clock()
    const hasAdvanced =
      health.tip !== before.tip || health.advancedAt?.getTime() !== before.advancedAt?.getTime()
    if (hasAdvanced) this.#writtenAt = now
    const positions = new Map(before.readers.map(({ projection, position }) => [projection, position]))
    this.#movedAt = new Map(
      health.readers.map(({ projection, position, entries }) => {
        const hasStayed = entries > 0 && position === positions.get(projection)
        return [projection, hasStayed ? this.#lastMoveOf(projection) : now]
      }),
    )
    this.#readAt = now
    this.#health = health
  }

  latest(): LogProgress {
    // Judged by when it was read: while MongoDB is away, nothing is known of the log.
    const readers = this.#health.readers.map((reader) => ({
      ...reader,
      isStuck: this.#readAt - this.#lastMoveOf(reader.projection) >= stuckMs,
    }))
    return { ...this.#health, readers, isWritten: this.#readAt - this.#writtenAt < unwrittenMs }
  }

  #lastMoveOf(reader: string): number {
    return this.#movedAt.get(reader) ?? this.#startedAt
  }

  whyNotReady(): string | null {
    const now = this.#clock()
    if (now - this.#readAt >= unreadMs)
      return `the state of the log has not been read for ${seconds(now - this.#readAt)} s`
    if (this.#readAt - this.#writtenAt >= unwrittenMs)
      return `the log has not advanced for ${seconds(now - this.#writtenAt)} s`
    const movedAt = this.#lastMoveOf(ownReader)
    if (this.#readAt - movedAt >= stuckMs)
      return `this hub has read no entry of the log for ${seconds(now - movedAt)} s`
    return null
  }
}

const seconds = (ms: number): number => Math.round(ms / 1000)
