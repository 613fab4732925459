// Work that one process at a time must do: it holds a lease in MongoDB and renews it; when it stops doing so, another
// process takes over.

import { randomUUID } from 'node:crypto'
import type { Db } from 'mongodb'
import { pause } from '../async/promise.ts'
import type { Logger } from '../logger.ts'

export interface Lease {
  /** Counts up with every holder. What a holder writes is fenced by it, or by what it writes: a process can be paused, lose the lease and wake. */
  readonly epoch: number
  /** Aborted when the lease is lost or given up: stop. */
  readonly signal: AbortSignal
  /** False from the moment at which another process may have taken over, also before `signal` says so. */
  isHeld(): boolean
}

export interface LeaseOptions {
  readonly db: Db
  readonly name: string
  readonly logger: Pick<Logger, 'error' | 'info'>
  /** Another process takes over so long after the last renewal. */
  readonly ttlMs?: number
  /** How often those that wait try. */
  readonly retryMs?: number
}

export interface LeaseHolder {
  isHolding(): boolean
  /** Ends the work, waits for it, and gives the lease to whoever waits. */
  close(): Promise<void>
}

interface LeaseDocument {
  readonly _id: string
  readonly holder: string
  readonly epoch: number
  /** By MongoDB's clock, so that the processes' own need not agree. */
  readonly expiresAt: Date
}

/** Runs `work` whenever this process holds the lease `name`, until closed. When `work` ends or throws, it is begun anew. */
export function holdLease(options: LeaseOptions, work: (lease: Lease) => Promise<void>): LeaseHolder {
  const { db, name, logger, ttlMs = 2000, retryMs = 400 } = options
  const leases = db.collection<LeaseDocument>('leases')
  const closing = new AbortController()
  let held: Lease | null = null
  const extended = { $add: ['$$NOW', ttlMs] }

  /** The lease if it was free; null when somebody holds it. */
  const take = async (): Promise<LeaseDocument | null> => {
    const holder = randomUUID()
    const isFree = { $lte: [{ $ifNull: ['$expiresAt', new Date(0)] }, '$$NOW'] }
    const mine = { _id: name, holder, epoch: { $add: [{ $ifNull: ['$epoch', 0] }, 1] }, expiresAt: extended }
    const now = await leases.findOneAndUpdate(
      { _id: name },
      [{ $replaceWith: { $cond: [isFree, mine, '$$ROOT'] } }],
      { upsert: true, returnDocument: 'after' },
    )
    return now?.holder === holder ? now : null
  }

  const hold = async ({ holder, epoch }: LeaseDocument, takenAtMs: number): Promise<void> => {
    const lost = new AbortController()
    const signal = AbortSignal.any([closing.signal, lost.signal])
    let heldUntilMs = takenAtMs + ttlMs
    const isHeld = () => !signal.aborted && performance.now() < heldUntilMs
    const mine = { _id: name, holder, epoch }

    const renew = async () => {
      while (isHeld()) {
        await pause(ttlMs / 3, signal)
        const askedAtMs = performance.now()
        const { matchedCount } = await leases.updateOne(mine, [{ $set: { expiresAt: extended } }])
        if (matchedCount === 0) break
        heldUntilMs = askedAtMs + ttlMs
      }
      lost.abort()
    }
    const renewing = renew().catch((error: unknown) => {
      logger.error({ err: error, lease: name }, 'a lease could not be renewed')
      lost.abort()
    })

    held = { epoch, signal, isHeld }
    logger.info({ lease: name, epoch }, 'took a lease')
    try {
      await work(held)
    } finally {
      held = null
      lost.abort()
      await renewing
      await leases.updateOne(mine, [{ $set: { expiresAt: '$$NOW' } }])
    }
  }

  const run = async () => {
    while (!closing.signal.aborted) {
      try {
        const askedAtMs = performance.now()
        const taken = await take()
        if (taken) await hold(taken, askedAtMs)
      } catch (error) {
        if (!closing.signal.aborted) logger.error({ err: error, lease: name }, 'work under a lease failed')
      }
      await pause(retryMs, closing.signal)
    }
  }
  const running = run()

  return {
    isHolding: () => held?.isHeld() ?? false,
    close: async () => {
      closing.abort()
      await running
    },
  }
}

/** True while some process holds the lease `name`. */
export async function isLeaseHeld(db: Db, name: string): Promise<boolean> {
  const leases = db.collection<LeaseDocument>('leases')
  return (await leases.countDocuments({ _id: name, $expr: { $gt: ['$expiresAt', '$$NOW'] } })) > 0
}
