// The exchange rates that the operator sets. MongoDB keeps every table; each process prices with the latest
// one, in memory, and follows new ones by a change stream. Before the first one, a demo prices with the
// built-in table, and production prices nothing.

import type { ClientSession, Collection, Db } from 'mongodb'
import { isRefusal, type Refusal } from '../../../schema/values/problems.ts'
import type { Logger } from '../../platform/logger.ts'
import { makeCollection } from '../../platform/mongo/client.ts'
import { isDuplicateKey } from '../../platform/mongo/errors.ts'
import { openMirror } from '../../platform/mongo/mirror.ts'
import type { AuditLog, Author, ParticipantAuthor } from '../../shared/audit-log.ts'
import type { IdempotentWriter } from '../../shared/idempotent-writer.ts'
import { checkFollows, type RateTable } from './rate-table.ts'
import { tableRates, type RateProvider } from './rates.ts'

/** A table that was set. */
export interface VersionedRateTable extends RateTable {
  /** 1 for the first table, 2 for the next. */
  readonly version: number
}

export interface RateRequest {
  readonly by: ParticipantAuthor
  /** The same key and table return the first result again. */
  readonly idempotencyKey?: string | null | undefined
}

export interface RateBook {
  /** Prices with the table in force at the time of each call. */
  readonly provider: RateProvider
  /**
   * Puts `table` in force if it may follow the present one. This process prices with it before the result
   * is returned.
   */
  set(table: RateTable, request: RateRequest): Promise<VersionedRateTable | Refusal>
  /** Puts `table` in force at the hub's start if it is newer than the present one; returns whether it did. */
  adopt(table: RateTable): Promise<boolean>
  close(): Promise<void>
}

export interface RateBookDependencies {
  readonly db: Db
  readonly logger: Pick<Logger, 'warn'>
  readonly now: () => Date
  readonly audit: AuditLog
  readonly idempotentWriter: IdempotentWriter
  /** In force before the first table that is set; null: nothing can be priced until then. */
  readonly builtIn: RateTable | null
}

/** A document of the collection `rates`: `_id` is the version. A stored table never changes. */
interface StoredTable extends RateTable {
  readonly _id: number
  readonly setAt: Date
}

/**
 * What the operations below need: the dependencies, and a `reload` that puts the latest table in force
 * here.
 */
interface OpenRateBook extends RateBookDependencies {
  readonly reload: () => Promise<void>
}

export async function openRateBook(dependencies: RateBookDependencies): Promise<RateBook> {
  const { db, logger, builtIn } = dependencies
  await makeCollection(db, 'rates')
  let inForce = ratesOf(builtIn)
  const mirror = await openMirror({
    db,
    logger,
    content: 'exchange rates',
    collections: ['rates'],
    async read(_names, session) {
      inForce = ratesOf((await latestTable(db, session)) ?? builtIn)
    },
  })
  const book: OpenRateBook = { ...dependencies, reload: () => mirror.refresh() }
  return {
    provider: { midRate: (source, target) => inForce.midRate(source, target) },
    set: (table, request) => setTable(book, table, request),
    adopt: (table) => adoptTable(book, table),
    close: () => mirror.close(),
  }
}

const noRates: RateProvider = { midRate: () => null }

const ratesOf = (table: RateTable | null): RateProvider =>
  table ? tableRates(table.cny, table.asOf, table.markupBasisPoints) : noRates

async function setTable(
  book: OpenRateBook,
  table: RateTable,
  request: RateRequest,
): Promise<VersionedRateTable | Refusal> {
  const { db, now, builtIn, idempotentWriter, reload } = book
  const { by, idempotencyKey = null } = request
  const call = {
    participant: by.actor,
    operation: 'setRates',
    idempotencyKey,
    command: table,
    at: now(),
  } as const
  const outcome = await retryOnTakenVersion(() =>
    idempotentWriter.once(call, async (session) => {
      const present = await latestTable(db, session)
      const obstacle = checkFollows(table, present ?? builtIn, now())
      return obstacle ?? insertTable(book, table, present, by, session)
    }),
  )
  if (isRefusal(outcome)) return outcome
  await reload()
  return outcome.done
}

async function adoptTable(book: OpenRateBook, table: RateTable): Promise<boolean> {
  const { db, builtIn, reload } = book
  const isNewer = await retryOnTakenVersion(() =>
    db.client.withSession((session) =>
      session.withTransaction(async () => {
        const present = await latestTable(db, session)
        const before = present ?? builtIn
        if (before && table.asOf <= before.asOf) return false
        await insertTable(book, table, present, { actor: null, key: null, requestId: 'start' }, session)
        return true
      }),
    ),
  )
  if (isNewer) await reload()
  return isNewer
}

/**
 * Inserts `table` as the version after `present`, with its audit entry. Throws a duplicate key when that is
 * taken.
 */
async function insertTable(
  { db, now, audit }: RateBookDependencies,
  table: RateTable,
  present: StoredTable | null,
  by: Author,
  session: ClientSession,
): Promise<VersionedRateTable> {
  const at = now()
  const version = (present?._id ?? 0) + 1
  await tablesOf(db).insertOne({ _id: version, ...table, setAt: at }, { session })
  const before = present && versioned(present)
  const after: VersionedRateTable = { version, ...table }
  await audit.record({ ...by, at, action: 'setRates', target: 'rates:CNY', before, after }, session)
  return after
}

/**
 * Repeats `attempt` while a concurrent one has taken the same version: the slower one reads the latest
 * table again.
 */
async function retryOnTakenVersion<Result>(attempt: () => Promise<Result>): Promise<Result> {
  for (;;) {
    try {
      return await attempt()
    } catch (error) {
      if (!isDuplicateKey(error)) throw error
    }
  }
}

const latestTable = (db: Db, session: ClientSession): Promise<StoredTable | null> =>
  tablesOf(db).findOne({}, { sort: { _id: -1 }, session })

const tablesOf = (db: Db): Collection<StoredTable> => db.collection<StoredTable>('rates')

const versioned = ({ _id, cny, asOf, markupBasisPoints }: StoredTable): VersionedRateTable => ({
  version: _id,
  cny,
  asOf,
  markupBasisPoints,
})
