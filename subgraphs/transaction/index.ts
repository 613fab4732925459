// The transaction subgraph: payments, from quote to completion, and the log of everything that happens to them.

import { subscribe, type DocumentNode, type ExecutionResult } from 'graphql'
import { openAuditLog } from '../shared/audit-log.ts'
import { createKeyedWriter } from '../shared/idempotent-writer.ts'
import { startLogReader, type LogReader } from '../log/reader.ts'
import { startProjection } from '../log/projection.ts'
import { startSubgraph, type Subgraph, type SubgraphDependencies } from '../shared/subgraph.ts'
import { createCashier } from './service/payment-service.ts'
import { createCursors } from './log/cursor.ts'
import { customerDays, givingBack, limitsReader } from './store/daily-limits.ts'
import { startDeadlines } from './service/timeout-worker.ts'
import { createLive } from './live/event-streams.ts'
import { positionsProjection, positionsReader } from './settlement/positions.ts'
import { createPresenter } from './service/presented-code-service.ts'
import { openRateBook } from './price/rate-book.ts'
import type { RateTable } from './price/rate-table.ts'
import type { RateProvider } from './price/rates.ts'
import { createResolvers } from './resolvers.ts'
import { startSequencer } from './log/sequencer.ts'
import { bookingsProjection, bookingsReader } from './settlement/bookings.ts'
import { createBooks, type OpenFile } from './settlement/settlement-queries.ts'
import { createClosing, makeSettlementIndexes, startFinisher } from './settlement/batch-closer.ts'
import { startSimulator, type SimulatorOptions } from './counterparty/simulator.ts'
import { createStore } from './store/payment-store.ts'
import type { Screening } from './payment/submit.ts'
import { createViewing } from './query/transaction-queries.ts'
import type { Reach } from '../shared/reachable-address.ts'
import { startWebhookCarrier } from './counterparty/webhook-connector.ts'
import { outboxName } from './webhooks/delivery-projection.ts'
import type { RequestContext, Viewer } from '../shared/viewer.ts'
import { openWebhooks } from './webhooks/webhooks.ts'

export { importPayments, type PastPayment } from './service/import-payments.ts'
export { readRateTable, type RateTable } from './price/rate-table.ts'
export { builtInRates, type RateProvider } from './price/rates.ts'
export type { Screening } from './payment/submit.ts'
export { outcomes } from './payment/lifecycle.ts'
export type { OpenFile } from './settlement/settlement-queries.ts'
export type { SimulatorOptions } from './counterparty/simulator.ts'

/** Readers of the log that are run here. */
export const transactionReaders: readonly string[] = [
  positionsReader,
  bookingsReader,
  limitsReader,
  outboxName,
]

export interface TransactionSettings {
  /** Signs the cursors of the log: the same in every process over one database. */
  readonly cursorSecret: string
  /** In place of the tables that the operator sets. */
  readonly rates?: RateProvider
  /** Is put in force at the start, if it is newer than what is. */
  readonly startTable?: RateTable | null
  /** Looks at each payment before it is sent; by default nothing is declined. */
  readonly screen?: Screening
  /** Null: nobody answers for participants whose connection is SIMULATOR. */
  readonly simulator?: SimulatorOptions | null
  /** Which addresses webhooks may be sent to; by default those of the public internet. */
  readonly webhookReach?: Reach
  /** False: another process writes the log. */
  readonly sequencer?: boolean
  /** How often a stream of events in which nothing happens says how far it has come. */
  readonly checkpointMs?: number
  /** False: another process acts on payments whose time has come. */
  readonly deadlines?: boolean
}

export interface TransactionSubgraph extends Subgraph {
  /** The log as this process follows it. */
  readonly reader: LogReader
  /** The settlement file called `name`; null when there is none that `viewer` may read. */
  openSettlementFile(viewer: Viewer, name: string): Promise<OpenFile | null>
  /** Runs a subscription: a stream of results, or the errors for which there is none. */
  subscribe(
    document: DocumentNode,
    context: RequestContext,
    variables?: Record<string, unknown>,
    operationName?: string,
  ): Promise<AsyncIterable<ExecutionResult> | ExecutionResult>
}

/** Starts the subgraph with its part of the log, and with the simulator, unless settings say otherwise. */
export async function transactionSubgraph(
  dependencies: SubgraphDependencies & TransactionSettings,
): Promise<TransactionSubgraph> {
  const { db, reference, directory, now, log, cursorSecret } = dependencies
  const {
    startTable = null,
    screen = () => null,
    simulator = {},
    sequencer = true,
    deadlines = true,
    webhookReach = 'PUBLIC',
  } = dependencies
  const audit = await openAuditLog(db)
  const keyed = await createKeyedWriter(db)
  const rateBook = dependencies.rates ? null : await openRateBook({ db, log, now, audit, keyed })
  if (rateBook && startTable) await rateBook.adopt(startTable)
  const rates = dependencies.rates ?? rateBook!.provider
  const store = await createStore(db)
  const own = dependencies.reader ? null : await startLogReader({ db, log })
  const reader = dependencies.reader ?? own!
  const live = createLive(reader, dependencies)
  const cursors = createCursors(cursorSecret)
  const days = await customerDays(db, now)
  const cashier = createCashier({ store, days, reference, directory, now, rates, screen, log })
  const presenter = createPresenter({ store, reference, now })
  const viewing = createViewing({ store, cashier, reference, reader, live, cursors })
  const webhooks = await openWebhooks({
    db,
    reader,
    reference,
    payments: store.byId,
    cursors,
    now,
    log,
    reach: webhookReach,
  })
  await makeSettlementIndexes(db)
  const closing = createClosing({ db, keyed, audit, reference, now, log })
  const books = createBooks(db, closing)
  const working: { close(): Promise<void> }[] = [
    webhooks,
    startProjection({ db, reader, log }, givingBack(db)),
    startProjection({ db, reader, log }, positionsProjection),
    startProjection({ db, reader, log }, bookingsProjection(reference)),
    startFinisher({ db, log }, closing),
    startWebhookCarrier({ db, reference, reader, store, cashier, sender: webhooks.sender, now, log }),
  ]
  if (deadlines) working.push(startDeadlines({ store, cashier, now, log }))
  if (sequencer) working.push(startSequencer({ db, log, reader }))
  if (simulator) working.push(startSimulator({ db, reference, reader, store, cashier, log }, simulator))
  const resolvers = createResolvers({
    cashier,
    presenter,
    viewing,
    cursors,
    webhooks: webhooks.desk,
    books,
    reference,
    directory,
    now,
    audit,
    rates,
    rateBook,
  })
  const subgraph = await startSubgraph('transaction', resolvers, async () => {
    live.close()
    await closing.stop()
    // In the order against that of their starting: who sends for the others ends last.
    for (const one of working.toReversed()) await one.close()
    await own?.close()
    await rateBook?.close()
  })
  const { schema } = subgraph.app.graphql
  return {
    ...subgraph,
    reader,
    openSettlementFile: books.open,
    subscribe: async (document, contextValue, variableValues, operationName) =>
      subscribe({ schema, document, contextValue, variableValues, operationName }),
  }
}
