// The transaction subgraph: payments, from quote to completion, and the log of everything that happens to them.

import { subscribe, type DocumentNode, type ExecutionResult } from 'graphql'
import { openAuditLog } from '../shared/audit-log.ts'
import { createIdempotentWriter } from '../shared/idempotent-writer.ts'
import { startLogReader, type LogReader } from '../log/reader.ts'
import { startProjection } from '../log/projection.ts'
import { openSubgraph, type Subgraph, type SubgraphDependencies } from '../shared/subgraph.ts'
import { createPaymentService } from './service/payment-service.ts'
import { createCursors } from './log/cursor.ts'
import { createDailyLimits, limitsProjection, limitsProjectionName } from './store/daily-limits.ts'
import { startTimeoutWorker } from './service/timeout-worker.ts'
import { openEventStreams } from './live/event-streams.ts'
import { positionsProjection, positionsProjectionName } from './settlement/positions.ts'
import { createPresentedCodeService } from './service/presented-code-service.ts'
import { openRateBook } from './price/rate-book.ts'
import type { RateTable } from './price/rate-table.ts'
import type { RateProvider } from './price/rates.ts'
import { createResolvers } from './resolvers.ts'
import { startSequencer } from './log/sequencer.ts'
import { bookingsProjection, bookingsProjectionName } from './settlement/bookings.ts'
import { createSettlementQueries, type OpenFile } from './settlement/settlement-queries.ts'
import { openBatchCloser, startBatchCompletion } from './settlement/batch-closer.ts'
import { createSettlementIndexes } from './settlement/batch-store.ts'
import { startSimulator, type SimulatorOptions } from './counterparty/simulator.ts'
import { openPaymentStore } from './store/payment-store.ts'
import type { Screening } from './payment/submit.ts'
import { createTransactionQueries } from './query/transaction-queries.ts'
import type { Reach } from '../shared/reachable-address.ts'
import { startWebhookConnector } from './counterparty/webhook-connector.ts'
import { deliveryProjectionName } from './webhooks/delivery-projection.ts'
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
export const transactionProjections: readonly string[] = [
  positionsProjectionName,
  bookingsProjectionName,
  limitsProjectionName,
  deliveryProjectionName,
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
  readonly logReader: LogReader
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
export async function openTransactionSubgraph(
  dependencies: SubgraphDependencies & TransactionSettings,
): Promise<TransactionSubgraph> {
  const { db, registry, directory, now, logger, cursorSecret } = dependencies
  const {
    startTable = null,
    screen = () => null,
    simulator = {},
    sequencer = true,
    deadlines = true,
    webhookReach = 'PUBLIC',
  } = dependencies
  const audit = await openAuditLog(db)
  const idempotentWriter = await createIdempotentWriter(db)
  const rateBook = dependencies.rates
    ? null
    : await openRateBook({ db, logger, now, audit, idempotentWriter })
  if (rateBook && startTable) await rateBook.adopt(startTable)
  const rates = dependencies.rates ?? rateBook!.provider
  const store = await openPaymentStore(db)
  const own = dependencies.logReader ? null : await startLogReader({ db, logger })
  const logReader = dependencies.logReader ?? own!
  const eventStreams = openEventStreams(logReader, dependencies)
  const cursors = createCursors(cursorSecret)
  const dailyLimits = await createDailyLimits(db, now)
  const paymentService = createPaymentService({
    store,
    dailyLimits,
    registry,
    directory,
    now,
    rates,
    screen,
    logger,
  })
  const presentedCodeService = createPresentedCodeService({ store, registry, now })
  const transactionQueries = createTransactionQueries({
    db,
    store,
    paymentService,
    registry,
    logReader,
    eventStreams,
    cursors,
  })
  const webhooks = await openWebhooks({
    db,
    logReader,
    registry,
    payments: store.byId,
    cursors,
    now,
    logger,
    reach: webhookReach,
  })
  await createSettlementIndexes(db)
  const batchCloser = openBatchCloser({ db, idempotentWriter, audit, registry, now, logger })
  const settlementQueries = createSettlementQueries(db, batchCloser)
  const working: { close(): Promise<void> }[] = [
    webhooks,
    startProjection({ db, logReader, logger }, limitsProjection(db)),
    startProjection({ db, logReader, logger }, positionsProjection),
    startProjection({ db, logReader, logger }, bookingsProjection(registry)),
    startBatchCompletion({ db, logger }, batchCloser),
    startWebhookConnector({
      db,
      registry,
      logReader,
      store,
      paymentService,
      httpSender: webhooks.httpSender,
      now,
      logger,
    }),
  ]
  if (deadlines) working.push(startTimeoutWorker({ store, paymentService, now, logger }))
  if (sequencer) working.push(startSequencer({ db, logger, logReader }))
  if (simulator)
    working.push(startSimulator({ db, registry, logReader, store, paymentService, logger }, simulator))
  const resolvers = createResolvers({
    paymentService,
    presentedCodeService,
    transactionQueries,
    cursors,
    webhooks: webhooks.webhookService,
    settlementQueries,
    registry,
    directory,
    now,
    audit,
    rates,
    rateBook,
  })
  const subgraph = await openSubgraph('transaction', resolvers, async () => {
    eventStreams.close()
    await batchCloser.close()
    // In the order against that of their starting: who sends for the others ends last.
    for (const one of working.toReversed()) await one.close()
    await own?.close()
    await rateBook?.close()
  })
  const { schema } = subgraph.app.graphql
  return {
    ...subgraph,
    logReader,
    openSettlementFile: settlementQueries.open,
    subscribe: async (document, contextValue, variableValues, operationName) =>
      subscribe({ schema, document, contextValue, variableValues, operationName }),
  }
}
