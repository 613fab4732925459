// The transaction subgraph: payments, from quote to completion, and the log of everything that happens to
// them.

import { subscribe, type DocumentNode, type ExecutionResult } from 'graphql'
import type { Refusal } from '../../schema/values/problems.ts'
import { startProjection } from '../log/projection.ts'
import { startLogReader, type LogReader } from '../log/reader.ts'
import { openAuditLog, type AuditLog } from '../shared/audit-log.ts'
import { createCursors } from '../shared/cursor.ts'
import { createIdempotentWriter, type IdempotentWriter } from '../shared/idempotent-writer.ts'
import type { Reach } from '../shared/reachable-address.ts'
import { plainSecrets, type SecretBox } from '../shared/secret-box.ts'
import { openSubgraph, type Subgraph, type SubgraphDependencies } from '../shared/subgraph.ts'
import type { RequestContext, Viewer } from '../shared/viewer.ts'
import { startSimulator, type SimulatorOptions } from './counterparty/simulator.ts'
import { startWebhookConnector } from './counterparty/webhook-connector.ts'
import { openEventStreams } from './live/event-streams.ts'
import { startSequencer } from './log/sequencer.ts'
import type { Screening } from './payment/submit.ts'
import { openRateBook, type RateBook } from './price/rate-book.ts'
import type { RateTable } from './price/rate-table.ts'
import { builtInTable, type RateProvider } from './price/rates.ts'
import { transactionRows } from './query/export-transactions.ts'
import { createTransactionQueries } from './query/transaction-queries.ts'
import { createResolvers } from './resolvers.ts'
import { createMessageBroker } from './outlet/broker.ts'
import type { OutletOptions } from './outlet/connection.ts'
import { startOutlet } from './outlet/outlet.ts'
import { createPaymentService } from './service/payment-service.ts'
import { createPresentedCodeService } from './service/presented-code-service.ts'
import { startTimeoutWorker } from './service/timeout-worker.ts'
import { openBatchCloser, startBatchCompletion } from './settlement/batch-closer.ts'
import { createSettlementIndexes } from './settlement/batch-store.ts'
import { bookingsProjection } from './settlement/bookings.ts'
import { positionsProjection } from './settlement/positions.ts'
import { createSettlementQueries, type OpenFile } from './settlement/settlement-queries.ts'
import { paymentsOf } from './store/payment-indexes.ts'
import { createPaymentStore } from './store/payment-store.ts'
import { openWebhooks } from './webhooks/webhooks.ts'

export type { SimulatorOptions } from './counterparty/simulator.ts'
export { replyOf, requestBody, type RequestedPayment } from './counterparty/webhook-request.ts'
export type { RequestKind } from './payment/counterparty-request.ts'
export { sequencerAdvancedAt } from './log/sequencer-state.ts'
export { outletProjectionName } from './outlet/outlet.ts'
export { outcomes } from './payment/lifecycle.ts'
export type { Screening } from './payment/submit.ts'
export { readRateTable, type RateTable } from './price/rate-table.ts'
export { builtInRates, type RateProvider } from './price/rates.ts'
export { eraseCustomer } from './service/erase-customer.ts'
export { transactionProjections } from './projections.ts'
export { reportingFen, type PastPayment } from './service/import-payments.ts'
export { resealEndpoints } from './webhooks/endpoint-store.ts'
export type { OpenFile } from './settlement/settlement-queries.ts'
export { readBacklog, type Backlog } from './webhooks/backlog.ts'
export { eventBody } from './webhooks/body.ts'
export { signatureHeaders } from './webhooks/signature.ts'

export interface TransactionSettings {
  /** Signs the cursors of the log: equal in every process over one database. */
  readonly cursorSecret: string
  /** Replaces the rate tables that the operator sets. */
  readonly rates?: RateProvider
  /** False: nothing can be priced before a table of rates is set; by default the built-in one is in force. */
  readonly hasBuiltInRates?: boolean
  /** Put in force at the start if it is newer than the table in force. */
  readonly startTable?: RateTable | null
  /** Screens each payment before it is sent; by default declines none. */
  readonly screen?: Screening
  /** Null: this process does not answer for participants whose connection is SIMULATOR. */
  readonly simulator?: SimulatorOptions | null
  /** Addresses that webhooks may be sent to; by default those of the public internet. */
  readonly webhookReach?: Reach
  /** Encrypts the secrets of endpoints; by default they are stored as they are. */
  readonly secretBox?: SecretBox
  /** False: another process appends to the log. */
  readonly sequencer?: boolean
  /** Milliseconds between the positions that a stream reports while no event matches. */
  readonly checkpointMs?: number
  /** False: another process moves payments that are due. */
  readonly deadlines?: boolean
  /** Where the log is published for data teams; left out or null: nowhere. */
  readonly outlet?: OutletOptions | null
}

export interface TransactionSubgraph extends Subgraph {
  /** The log as this process reads it. */
  readonly logReader: LogReader
  /** Opens the settlement file `name`; null when `viewer` may not read it or it does not exist. */
  openSettlementFile(viewer: Viewer, name: string): Promise<OpenFile | null>
  /** The transactions that the caller may read after the payment `after`, as lines of a file. */
  exportTransactions(
    context: RequestContext,
    format: 'ndjson' | 'csv',
    after: string | null,
  ): AsyncIterable<string> | Refusal
  /** Runs a subscription: returns a stream of results, or the errors that prevented it. */
  subscribe(
    document: DocumentNode,
    context: RequestContext,
    variables?: Record<string, unknown>,
    operationName?: string,
  ): Promise<AsyncIterable<ExecutionResult> | ExecutionResult>
}

type Dependencies = SubgraphDependencies & TransactionSettings

/**
 * Opens the subgraph with its workers and projections; settings switch off those that another process runs.
 */
export async function openTransactionSubgraph(dependencies: Dependencies): Promise<TransactionSubgraph> {
  await using opened = new AsyncDisposableStack()
  const parts = await openParts(dependencies, opened)
  startWorkers(dependencies, parts, opened)
  const subgraph = await openSubgraph('transaction', createResolvers(parts), {
    refusals: dependencies.refusals,
    closeOwn: () => closing.disposeAsync(),
  })
  const closing = opened.move()
  const { schema } = subgraph.app.graphql
  return {
    ...subgraph,
    logReader: parts.logReader,
    openSettlementFile: parts.settlementQueries.open,
    exportTransactions: (context, format, after) =>
      transactionRows(
        { payments: paymentsOf(dependencies.db), registry: dependencies.registry },
        context,
        format,
        after,
      ),
    subscribe: async (document, contextValue, variableValues, operationName) =>
      subscribe({ schema, document, contextValue, variableValues, operationName }),
  }
}

type Parts = Awaited<ReturnType<typeof openParts>>

/** Opens everything that resolvers and workers need. */
async function openParts(dependencies: Dependencies, opened: AsyncDisposableStack) {
  const { db, registry, directory, now, logger, cursorSecret } = dependencies
  const { screen = () => null, webhookReach: reach = 'PUBLIC' } = dependencies
  const audit = await openAuditLog(db)
  const idempotentWriter = await createIdempotentWriter(db)
  const { rates, rateBook } = await openRates(dependencies, audit, idempotentWriter, opened)
  const store = await createPaymentStore(db)
  const logReader = dependencies.logReader ?? closeLater(opened, await startLogReader({ db, logger }))
  const eventStreams = openEventStreams(logReader, dependencies)
  const cursors = createCursors(cursorSecret)
  const paymentService = createPaymentService({
    store,
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
  const payments = store.byId
  const { webhookService, httpSender } = closeLater(
    opened,
    await openWebhooks({
      db,
      logReader,
      registry,
      payments,
      cursors,
      now,
      logger,
      reach,
      audit,
      box: dependencies.secretBox ?? plainSecrets,
    }),
  )
  await createSettlementIndexes(db)
  const batchCloser = openBatchCloser({ db, idempotentWriter, audit, registry, now, logger })
  const settlementQueries = createSettlementQueries({ db, batchCloser, registry, now })
  return {
    registry,
    directory,
    now,
    audit,
    rates,
    rateBook,
    store,
    logReader,
    eventStreams,
    cursors,
    paymentService,
    presentedCodeService,
    transactionQueries,
    webhookService,
    httpSender,
    batchCloser,
    settlementQueries,
  }
}

/** The provider of the settings, or else the tables that the operator sets. */
async function openRates(
  { db, logger, now, rates, startTable = null, hasBuiltInRates = true }: Dependencies,
  audit: AuditLog,
  idempotentWriter: IdempotentWriter,
  opened: AsyncDisposableStack,
): Promise<{ readonly rates: RateProvider; readonly rateBook: RateBook | null }> {
  if (rates) return { rates, rateBook: null }
  const builtIn = hasBuiltInRates ? builtInTable : null
  const rateBook = closeLater(
    opened,
    await openRateBook({ db, logger, now, audit, idempotentWriter, builtIn }),
  )
  if (startTable) await rateBook.adopt(startTable)
  return { rates: rateBook.provider, rateBook }
}

/**
 * Starts projections and workers. They close in reverse order, after the streams of clients and the batch
 * closer.
 */
function startWorkers(dependencies: Dependencies, parts: Parts, opened: AsyncDisposableStack): void {
  const { db, registry, now, logger } = dependencies
  const { sequencer = true, deadlines = true, simulator = {}, outlet = null } = dependencies
  const { store, paymentService, logReader, httpSender, eventStreams, batchCloser } = parts
  for (const projection of [positionsProjection, bookingsProjection(registry)]) {
    closeLater(opened, startProjection({ db, logReader, logger }, projection))
  }
  if (outlet) {
    const broker = createMessageBroker(outlet, { logger })
    closeLater(opened, startOutlet({ db, logReader, logger }, broker, `/crossgate/${db.databaseName}`))
  }
  closeLater(opened, startBatchCompletion({ db, logger }, batchCloser))
  const dispatcher = { db, registry, logReader, store, paymentService, logger }
  closeLater(opened, startWebhookConnector({ ...dispatcher, httpSender, now }))
  if (deadlines) closeLater(opened, startTimeoutWorker({ store, paymentService, now, logger }))
  if (sequencer) closeLater(opened, startSequencer({ db, logger, logReader }))
  if (simulator) closeLater(opened, startSimulator(dispatcher, simulator))
  opened.defer(() => batchCloser.close())
  opened.defer(() => eventStreams.close())
}

/** Closes `part` when the stack is disposed, before everything that was added earlier. */
const closeLater = <Part extends { close(): Promise<void> }>(
  opened: AsyncDisposableStack,
  part: Part,
): Part => opened.adopt(part, (closable) => closable.close())
