// The transaction subgraph: payments, from quote to completion, and the log of everything that happens to them.

import { subscribe, type DocumentNode, type ExecutionResult } from 'graphql'
import { startLogReader, type LogReader } from '../log.ts'
import { startRetention } from '../log-retention.ts'
import { startSubgraph, type RequestContext, type Subgraph, type SubgraphDependencies } from '../subgraph.ts'
import { createCashier } from './cashier.ts'
import { createCursors } from './cursor.ts'
import { createLive } from './live.ts'
import type { Screening } from './payment.ts'
import { builtInRates, type RateProvider } from './rates.ts'
import { createResolvers } from './resolvers.ts'
import { startSequencer } from './sequencer.ts'
import { startSimulator, type SimulatorOptions } from './simulator.ts'
import { createStore } from './store.ts'
import { createViewing } from './viewing.ts'

export { importPayments, type PastPayment } from './history.ts'
export { builtInRates, type RateProvider } from './rates.ts'
export type { Screening } from './payment.ts'
export type { SimulatorOptions } from './simulator.ts'

export interface TransactionSettings {
  /** Signs the cursors of the log: the same in every process over one database. */
  readonly cursorSecret: string
  readonly rates?: RateProvider
  /** Looks at each payment before it is sent; by default nothing is declined. */
  readonly screen?: Screening
  /** Null: nobody answers for participants whose connection is SIMULATOR. */
  readonly simulator?: SimulatorOptions | null
  /** False: another process writes the log. */
  readonly sequencer?: boolean
  /** How often a stream of events in which nothing happens says how far it has come. */
  readonly checkpointMs?: number
  /** Days for which the log is kept; for ever when left out. */
  readonly logRetentionDays?: number
}

export interface TransactionSubgraph extends Subgraph {
  /** The log as this process follows it. */
  readonly reader: LogReader
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
  const { rates = builtInRates, screen = () => null, simulator = {}, sequencer = true } = dependencies
  const store = await createStore(db)
  const reader = await startLogReader({ db, log })
  const live = createLive(reader, dependencies)
  const cursors = createCursors(cursorSecret)
  const cashier = createCashier({ store, reference, directory, now, rates, screen, log })
  const viewing = createViewing({ store, reference, reader, live, cursors })
  const working: { close(): Promise<void> }[] = []
  if (sequencer) working.push(startSequencer({ db, log, reader }))
  const { logRetentionDays: days } = dependencies
  if (sequencer && days !== undefined) working.push(startRetention({ db, log, now, days }))
  if (simulator) working.push(startSimulator({ db, reference, reader, store, cashier, log }, simulator))
  const resolvers = createResolvers({ cashier, viewing, cursors, reference, directory, now })
  const subgraph = await startSubgraph('transaction', resolvers, async () => {
    live.close()
    await Promise.all(working.map((one) => one.close()))
    await reader.close()
  })
  const { schema } = subgraph.app.graphql
  return {
    ...subgraph,
    reader,
    subscribe: async (document, contextValue, variableValues, operationName) =>
      subscribe({ schema, document, contextValue, variableValues, operationName }),
  }
}
