// Closes settlement dates. The batch is defined first, in one MongoDB transaction with the idempotency key of
// the call: from then on its bookings are fixed. Then it is completed: totals, files, and the status of its
// transactions. A batch that one process leaves incomplete is completed by the next one.

import type { ClientSession, Db } from 'mongodb'
import type { SettlementBatchId } from '../../../schema/values/id.ts'
import { isRefusal, type Refusal } from '../../../schema/values/problems.ts'
import { readTip } from '../../log/store.ts'
import { pause } from '../../platform/async/promise.ts'
import type { Logger } from '../../platform/logger.ts'
import { holdLease, type LeaseHolder } from '../../platform/mongo/lease.ts'
import type { AuditLog, ParticipantAuthor } from '../../shared/audit-log.ts'
import type { IdempotentWriter } from '../../shared/idempotent-writer.ts'
import type { Registry } from '../../shared/registry.ts'
import { batchId, checkCutOffPassed, defineBatch, type SettlementBatch } from './batch.ts'
import { settlementBatchesOf, settlementBatchOf } from './batch-store.ts'
import { completeBatch } from './complete-batch.ts'

export interface CloseInput {
  readonly idempotencyKey: string
  readonly settlementDate: string
}

export interface BatchCloser {
  /**
   * Closes a date; a date that is closed already gives its batch. Resolves when the batch is CLOSED, or after
   * `waitMs` while a large batch is still being completed.
   */
  closeDate(closer: ParticipantAuthor, input: CloseInput): Promise<SettlementBatch | Refusal>
  /** Completes every batch that is not complete. */
  completeAll(): Promise<void>
  /** Stops completing batches; another process completes them later. */
  close(): Promise<void>
}

export interface BatchCloserDependencies {
  readonly db: Db
  readonly idempotentWriter: IdempotentWriter
  readonly audit: Pick<AuditLog, 'record'>
  readonly registry: Pick<Registry, 'corridors'>
  readonly now: () => Date
  readonly logger: Pick<Logger, 'error'>
  /** How long a call waits for its batch to be CLOSED. */
  readonly waitMs?: number
}

export function openBatchCloser(dependencies: BatchCloserDependencies): BatchCloser {
  const { db } = dependencies
  const completions = new Completions(db)
  return {
    closeDate: (closer, input) => closeDate(dependencies, completions, closer, input),
    completeAll: () => completeAll(db, completions),
    close: () => completions.close(),
  }
}

/**
 * Completes the batches that other processes have left incomplete: under a lease, at the start and every half
 * minute.
 */
export const startBatchCompletion = (
  { db, logger }: { readonly db: Db; readonly logger: Pick<Logger, 'error' | 'info'> },
  batchCloser: Pick<BatchCloser, 'completeAll'>,
): LeaseHolder =>
  holdLease({ db, logger, name: 'settlement' }, async ({ signal }) => {
    while (!signal.aborted) {
      await batchCloser.completeAll()
      await pause(completionIntervalMs, signal)
    }
  })

const completionIntervalMs = 30_000

async function closeDate(
  dependencies: BatchCloserDependencies,
  completions: Completions,
  closer: ParticipantAuthor,
  input: CloseInput,
): Promise<SettlementBatch | Refusal> {
  const { db, idempotentWriter, registry, now, logger, waitMs = 10_000 } = dependencies
  const { idempotencyKey, settlementDate } = input
  const zones = [...registry.corridors.values()].map(({ settlementZone }) => settlementZone)
  // Checked before the key is stored, so an early caller can retry with the same key.
  const refusal = checkCutOffPassed(settlementDate, zones, now())
  if (refusal) return refusal
  const defined = await idempotentWriter.once(
    {
      participant: closer.actor,
      operation: 'closeSettlement',
      idempotencyKey,
      command: { settlementDate },
      at: now(),
    },
    (session) => storeDefinition(dependencies, closer, settlementDate, session),
  )
  if (isRefusal(defined)) return defined
  const id = defined.done
  const completed = completions.complete(id)
  completed.catch((error: unknown) => {
    if (!completions.isClosed)
      logger.error({ err: error, batch: id }, 'a settlement batch could not be completed')
  })
  const leaving = new AbortController()
  await Promise.race([completed.finally(() => leaving.abort()), pause(waitMs, leaving.signal)])
  return settlementBatchOf((await settlementBatchesOf(db).findOne({ _id: id }))!)
}

/** Stores the definition of the date’s batch where there is none, and gives the id of the batch. */
async function storeDefinition(
  { db, audit, now }: BatchCloserDependencies,
  closer: ParticipantAuthor,
  date: string,
  session: ClientSession,
): Promise<SettlementBatchId> {
  const batches = settlementBatchesOf(db)
  const present = await batches.findOne({ _id: batchId(date) }, { session, projection: { _id: 1 } })
  if (present) return present._id
  const at = now()
  const last = await batches.findOne({}, { session, sort: { number: -1 } })
  // Read outside the session, whose snapshot may precede the cut-off. This tip is never before `last.upTo`,
  // which was the tip before the session read `last`.
  const tip = await readTip(db)
  const batch = defineBatch(date, last, tip, at)
  // Two calls that close different dates at once use the same number. One of them fails, and runs again.
  await batches.insertOne({ ...batch, status: 'CLOSING', marked: false }, { session })
  const { number, settlementDate, upTo, after } = batch
  await audit.record(
    {
      ...closer,
      at,
      action: 'closeSettlement',
      target: `settlement:${date}`,
      before: null,
      after: { number, settlementDate, upTo, after },
    },
    session,
  )
  return batch._id
}

async function completeAll(db: Db, completions: Completions): Promise<void> {
  const incomplete = settlementBatchesOf(db).find({ marked: false }, { sort: { number: 1 } })
  for (const { _id } of await incomplete.toArray()) await completions.complete(_id)
}

/** The completions under way in this process: one at a time for each batch. */
class Completions {
  readonly #db: Db
  readonly #running = new Map<SettlementBatchId, Promise<void>>()
  readonly #closing = new AbortController()

  constructor(db: Db) {
    this.#db = db
  }

  get isClosed(): boolean {
    return this.#closing.signal.aborted
  }

  complete(id: SettlementBatchId): Promise<void> {
    const running = this.#running.get(id)
    if (running) return running
    const run = completeBatch(this.#db, id, this.#closing.signal).finally(() => this.#running.delete(id))
    this.#running.set(id, run)
    return run
  }

  async close(): Promise<void> {
    this.#closing.abort(new Error('the hub is stopping'))
    await Promise.allSettled(this.#running.values())
  }
}
