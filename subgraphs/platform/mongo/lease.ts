// Leases: the right of one process at a time to run a role. The holder renews its lease in MongoDB; when it
// stops renewing, another process takes over.

import { randomUUID } from 'node:crypto'
import type { Binary, ClientSession, Collection, Db } from 'mongodb'
import { pause } from '../async/promise.ts'
import type { Logger } from '../logger.ts'
import { isOutage } from './errors.ts'

export interface Lease {
  /**
   * Number of holders before this one, plus 1. A paused process can lose the lease and wake up again, so what
   * a holder writes is fenced by its epoch, or by the content of what it writes.
   */
  readonly epoch: number
  /** Aborted when the lease is lost or released: the work must stop. */
  readonly signal: AbortSignal
  /**
   * For the MongoDB transactions of the work. MongoDB keeps the transaction of a killed process open for a
   * minute, and its documents locked. So the next holder ends the session of the previous one.
   */
  readonly session: ClientSession
  /** False as soon as another process may have taken over, which can be before `signal` is aborted. */
  isHeld(): boolean
}

export interface LeaseOptions {
  readonly db: Db
  readonly name: string
  readonly logger: Pick<Logger, 'error' | 'info'>
  /** The lease expires this long after its last renewal, of which there are four in that time. */
  readonly ttlMs?: number
  /** How often a process without the lease tries to take it. */
  readonly retryMs?: number
}

export interface LeaseHolder {
  isHolding(): boolean
  /** Ends the work, waits for it, and releases the lease. */
  close(): Promise<void>
}

/**
 * Runs `work` whenever this process holds the lease `name`, until closed. Starts `work` again when it ends or
 * throws.
 */
export function holdLease(options: LeaseOptions, work: (lease: Lease) => Promise<void>): LeaseHolder {
  const { name, logger, retryMs = 400 } = options
  const closing = new AbortController()
  const holder = randomUUID()
  let held: HeldLease | null = null

  const run = async (): Promise<void> => {
    while (!closing.signal.aborted) {
      try {
        held = await takeLease(options, holder, closing.signal)
        if (held) await workUnder(held, work)
      } catch (error) {
        if (closing.signal.aborted) continue
        // Work that ends because its lease has passed to another process has not failed.
        if (error instanceof LostLeaseError)
          logger.info({ err: error.cause, lease: name }, 'the work under a lost lease has ended')
        else if (!isOutage(error)) logger.error({ err: error, lease: name }, 'work under a lease failed')
        else if (held) logger.info({ lease: name }, 'an outage interrupted the work under a lease')
      }
      held = null
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

class LostLeaseError extends Error {}

async function workUnder(lease: HeldLease, work: (lease: Lease) => Promise<void>): Promise<void> {
  try {
    await work(lease)
  } catch (cause) {
    throw lease.isHeld() ? cause : new LostLeaseError('the lease was lost', { cause })
  } finally {
    // A lease that cannot be released expires, or is taken again.
    await lease.release().catch(() => {})
  }
}

/** True while some process holds the lease `name`. */
export async function isLeaseHeld(db: Db, name: string): Promise<boolean> {
  const held = { _id: name, $expr: { $gt: ['$expiresAt', '$$NOW'] } }
  return (await leasesOf(db).countDocuments(held)) > 0
}

interface LeaseDocument {
  readonly _id: string
  readonly holder: string
  readonly epoch: number
  /** By MongoDB's clock, so the clocks of processes need not agree. */
  readonly expiresAt: Date
  /** The session of the holder. */
  readonly session: Binary
  /** The session of an earlier holder, until what it has left open is aborted. */
  readonly previousSession?: Binary
}

const leasesOf = (db: Db): Collection<LeaseDocument> => db.collection<LeaseDocument>('leases')

const afterNow = (ms: number) => ({ $add: ['$$NOW', ms] })

/**
 * Takes the lease when it is free, or when this holder had it before and could not release it; null when
 * another process holds it.
 */
async function takeLease(
  options: LeaseOptions,
  holder: string,
  closing: AbortSignal,
): Promise<HeldLease | null> {
  const { db, name, logger, ttlMs = 4000 } = options
  const requestedAtMs = performance.now()
  const hasExpired = { $lte: [{ $ifNull: ['$expiresAt', new Date(0)] }, '$$NOW'] }
  const isFree = { $or: [hasExpired, { $eq: ['$holder', holder] }] }
  const epoch = { $add: [{ $ifNull: ['$epoch', 0] }, 1] }
  const session = db.client.startSession()
  const taken = {
    _id: name,
    holder,
    epoch,
    expiresAt: afterNow(ttlMs),
    session: session.id!.id,
    // A holder that failed before it could abort this has opened nothing itself.
    previousSession: { $ifNull: ['$previousSession', '$session'] },
  }
  const stored = await leasesOf(db).findOneAndUpdate(
    { _id: name },
    [{ $replaceWith: { $cond: [isFree, taken, '$$ROOT'] } }],
    { upsert: true, returnDocument: 'after' },
  )
  if (stored?.holder !== holder) {
    await session.endSession()
    return null
  }
  logger.info({ lease: name, epoch: stored.epoch }, 'took a lease')
  if (stored.previousSession) {
    await endTransactions(db, stored.previousSession)
    await leasesOf(db).updateOne({ _id: name, holder }, [{ $unset: 'previousSession' }])
  }
  return new HeldLease({ db, logger, session, ttlMs }, stored, requestedAtMs, closing)
}

/** Aborts what a process that did not release its lease has left open. */
async function endTransactions(db: Db, session: Binary): Promise<void> {
  await db.command({ killSessions: [{ id: session }] })
}

interface HeldLeaseOptions extends Pick<LeaseOptions, 'db' | 'logger'> {
  readonly session: ClientSession
  readonly ttlMs: number
}

/** A lease of this process. Renews itself until it is lost or released. */
class HeldLease implements Lease {
  readonly epoch: number
  readonly signal: AbortSignal
  readonly session: ClientSession
  readonly #db: Db
  readonly #leases: Collection<LeaseDocument>
  readonly #key: Pick<LeaseDocument, '_id' | 'holder' | 'epoch'>
  readonly #ttlMs: number
  readonly #lost = new AbortController()
  readonly #renewing: Promise<void>
  /** By this process's clock, counted from before each request: never later than the expiry in MongoDB. */
  #heldUntilMs: number

  constructor(
    { db, logger, session, ttlMs }: HeldLeaseOptions,
    { _id, holder, epoch }: LeaseDocument,
    takenAtMs: number,
    closing: AbortSignal,
  ) {
    this.epoch = epoch
    this.session = session
    this.signal = AbortSignal.any([closing, this.#lost.signal])
    this.#db = db
    this.#leases = leasesOf(db)
    this.#key = { _id, holder, epoch }
    this.#ttlMs = ttlMs
    this.#heldUntilMs = takenAtMs + ttlMs
    this.#renewing = this.#keep(logger)
  }

  isHeld(): boolean {
    return !this.signal.aborted && performance.now() < this.#heldUntilMs
  }

  /** Stops the renewal and lets the lease expire now. */
  async release(): Promise<void> {
    this.#lost.abort()
    await this.#renewing
    // Where the command that aborts a MongoDB transaction was lost, it is still open.
    await endTransactions(this.#db, this.session.id!.id)
    const { matchedCount } = await this.#leases.updateOne(this.#key, [
      { $set: { expiresAt: '$$NOW' } },
      { $unset: 'session' },
    ])
    // The client uses a session again once it has ended. One that the next holder may abort must not be.
    if (matchedCount > 0) await this.session.endSession()
  }

  async #keep(logger: Pick<Logger, 'info'>): Promise<void> {
    const reason = await this.#renewUntilLost()
    if (reason) logger.info({ lease: this.#key._id, reason }, 'lost a lease')
    this.#lost.abort()
  }

  /** Resolves with the reason; null when the lease was released. */
  async #renewUntilLost(): Promise<'taken' | 'MongoDB did not renew it' | null> {
    for (let failures = 0; ;) {
      await pause(this.#ttlMs / 4, this.signal)
      if (this.signal.aborted) return null
      const requestedAtMs = performance.now()
      try {
        // Renewed also after its expiry, if no other process has taken it: this one may have stood still.
        const renewal = [{ $set: { expiresAt: afterNow(this.#ttlMs) } }]
        if ((await this.#leases.updateOne(this.#key, renewal)).matchedCount === 0) return 'taken'
        this.#heldUntilMs = requestedAtMs + this.#ttlMs
        failures = 0
      } catch {
        // The first failure after a standstill may be due to it.
        if (++failures > 1 && performance.now() > this.#heldUntilMs) return 'MongoDB did not renew it'
      }
    }
  }
}
