// The exchange rates that the operator sets: every table is kept in MongoDB, and each process prices with the latest, in
// memory, as soon as the change stream tells of it. Before the first one, the built-in table stands.

import type { ClientSession, Db } from 'mongodb'
import { isRefusal, type Refusal } from '../../../schema/values/problems.ts'
import type { AuditLog } from '../../shared/audit-log.ts'
import type { IdempotentWriter } from '../../shared/idempotent-writer.ts'
import { openMirror } from '../../platform/mongo/mirror.ts'
import { duplicateKey, isServerError, makeCollection } from '../../platform/mongo/client.ts'
import { checkFollows, type RateTable } from './rate-table.ts'
import { builtInRates, builtInTable, tableRates, type RateProvider } from './rates.ts'
import type { Logger } from '../../platform/logger.ts'
import type { ParticipantId } from '../../../schema/values/id.ts'

/** A table that was set. */
export interface SetTable extends RateTable {
  /** 1 for the first one, 2 for the next. */
  readonly version: number
}

export interface RateRequest {
  /** Id of the participant. */
  readonly by: ParticipantId
  readonly requestId: string
  /** The same key and input again give the first answer again. */
  readonly input: { readonly idempotencyKey?: string | null }
}

export interface RateBook {
  /** Prices with the table that is in force when it is asked. */
  readonly provider: RateProvider
  /** Puts a table in force, when it may follow the present one; this process prices with it before the answer is there. */
  set(table: RateTable, request: RateRequest): Promise<SetTable | Refusal>
  /** Puts a table in force at the hub's start when it is newer than the present one, and says whether it did. */
  adopt(table: RateTable): Promise<boolean>
  close(): Promise<void>
}

export interface RateBookDependencies {
  readonly db: Db
  readonly logger: Pick<Logger, 'warn'>
  readonly now: () => Date
  readonly audit: AuditLog
  readonly idempotentWriter: IdempotentWriter
}

/** How a table lies in the collection `rates`: `_id` is its version. None is ever changed or removed. */
interface StoredTable extends RateTable {
  readonly _id: number
  readonly setAt: Date
}

export async function openRateBook({
  db,
  logger,
  now,
  audit,
  idempotentWriter,
}: RateBookDependencies): Promise<RateBook> {
  await makeCollection(db, 'rates')
  const tables = db.collection<StoredTable>('rates')
  let inForce = builtInRates
  const latest = (session: ClientSession): Promise<StoredTable | null> =>
    tables.findOne({}, { sort: { _id: -1 }, session })
  const mirror = await openMirror({
    db,
    logger,
    content: 'exchange rates',
    collections: ['rates'],
    async read(_names, session) {
      const table = await latest(session)
      inForce = table ? tableRates(table.cny, table.asOf, table.markupBasisPoints) : builtInRates
    },
  })

  const write = async (
    table: RateTable,
    present: StoredTable | null,
    { by, requestId }: { readonly by: ParticipantId | null; readonly requestId: string },
    session: ClientSession,
  ): Promise<SetTable> => {
    const at = now()
    const version = (present?._id ?? 0) + 1
    await tables.insertOne({ _id: version, ...table, setAt: at }, { session })
    const after: SetTable = { version, ...table }
    const before = present && setTable(present)
    await audit.record(
      { at, actor: by, action: 'setRates', target: 'rates:CNY', before, after, requestId },
      session,
    )
    return after
  }

  return {
    provider: { midRate: (source, target) => inForce.midRate(source, target) },
    async set(table, request) {
      const { by, input } = request
      const call = {
        participant: by,
        operation: 'setRates',
        idempotencyKey: input.idempotencyKey,
        input,
        at: now(),
      } as const
      const outcome = await again(() =>
        idempotentWriter.once(call, async (session) => {
          const present = await latest(session)
          const obstacle = checkFollows(table, present ?? builtInTable, now())
          return obstacle ?? write(table, present, request, session)
        }),
      )
      if (isRefusal(outcome)) return outcome
      await mirror.refresh()
      return outcome.done
    },
    async adopt(table) {
      const isNew = await again(() =>
        db.client.withSession((session) =>
          session.withTransaction(async () => {
            const present = await latest(session)
            if (table.asOf <= (present ?? builtInTable).asOf) return false
            await write(table, present, { by: null, requestId: 'start' }, session)
            return true
          }),
        ),
      )
      if (isNew) await mirror.refresh()
      return isNew
    },
    close: () => mirror.close(),
  }
}

const setTable = ({ _id, cny, asOf, markupBasisPoints }: StoredTable): SetTable => ({
  version: _id,
  cny,
  asOf,
  markupBasisPoints,
})

/** Two that set a table at once want the same version: the slower one looks again. */
async function again<Result>(attempt: () => Promise<Result>): Promise<Result> {
  for (;;) {
    try {
      return await attempt()
    } catch (error) {
      if (!isServerError(error, duplicateKey)) throw error
    }
  }
}
