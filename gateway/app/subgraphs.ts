// Opens the subgraphs: all of them in this process, or one in a process of its own.

import { analyticsProjections, openAnalyticsSubgraph } from '../../subgraphs/analytics/index.ts'
import { startLogReader, type LogReader } from '../../subgraphs/log/reader.ts'
import { startRetention } from '../../subgraphs/log/retention.ts'
import { openMerchantSubgraph } from '../../subgraphs/merchant/index.ts'
import { openParticipantSubgraph } from '../../subgraphs/participant/index.ts'
import type { JoiningPort } from '../../subgraphs/shared/joined-subgraphs.ts'
import type { Subgraph, SubgraphDependencies, SubgraphName } from '../../subgraphs/shared/subgraph.ts'
import type { Viewer } from '../../subgraphs/shared/viewer.ts'
import {
  openTransactionSubgraph,
  transactionProjections,
  type OpenFile,
  type RateTable,
  type TransactionSubgraph,
} from '../../subgraphs/transaction/index.ts'
import { outletOptions, secretBox, webhookReach, type Config } from '../config/config.ts'
import { createKeyStore } from '../identity/key-store.ts'
import { sharedSecret } from '../identity/secret.ts'
import type { ExchangeServices } from '../http/exchange.ts'
import { openGraphChecker } from '../joining/graph-checker.ts'
import type { GraphKeeper } from '../joining/graph-keeper.ts'
import { openCheckedJoining, type Joining } from '../joining/joining.ts'
import { readOwnGraph } from '../joining/own-graph.ts'
import { fetchSdl } from '../joining/remote-sdl.ts'
import { createInProcessConnection, type SubgraphConnection } from '../supergraph/index.ts'
import { closeLater, type Foundation } from './foundation.ts'
import { createMerchantDirectory } from './merchant-directory.ts'

/** What the gateway needs of the subgraphs, wherever they run. */
export interface ConnectedSubgraphs {
  /** By name. */
  readonly subgraphs: ReadonlyMap<string, SubgraphConnection>
  readonly openSettlementFile: (viewer: Viewer, name: string) => Promise<OpenFile | null>
  readonly exchange: ExchangeServices['exchange']
  readonly logReader: LogReader
}

/** Opens all subgraphs in this process. */
export async function startSubgraphs(
  foundation: Foundation,
  startTable: RateTable | null,
  joining: JoiningPort,
): Promise<ConnectedSubgraphs> {
  const { started, telemetry } = foundation
  const connectTo = ({ name, app }: Subgraph): SubgraphConnection =>
    telemetry.observe(createInProcessConnection(name, app))
  const merchant = closeLater(started, await openMerchant(foundation))
  const connection = connectTo(merchant)
  const { dependencies, logReader } = await followLog(foundation, connection)
  const transaction = closeLater(started, await openTransaction(foundation, dependencies, startTable))
  const participant = closeLater(started, await openParticipant(foundation, dependencies, joining))
  const analytics = closeLater(started, await openAnalytics(foundation, dependencies))
  const subgraphs = new Map([
    [merchant.name, connection],
    [participant.name, connectTo(participant)],
    [transaction.name, connectTo(transaction)],
    [analytics.name, connectTo(analytics)],
  ])
  const { bulkImport, exportMerchants } = merchant
  const { openSettlementFile, exportTransactions } = transaction
  const exchange = { bulkImport, exportMerchants, exportTransactions }
  return { subgraphs, openSettlementFile, exchange, logReader }
}

/** Opens one subgraph. `merchants` leads to the merchant subgraph, wherever it runs. */
export async function startSubgraph(
  name: SubgraphName,
  foundation: Foundation,
  merchants: SubgraphConnection,
  startTable: RateTable | null,
): Promise<{ readonly subgraph: Subgraph | TransactionSubgraph; readonly logReader: LogReader | null }> {
  const { started } = foundation
  if (name === 'merchant')
    return { subgraph: closeLater(started, await openMerchant(foundation)), logReader: null }
  if (name === 'participant') {
    const dependencies = { ...foundation, directory: createMerchantDirectory(merchants) }
    const joining = await openRemoteJoining(foundation)
    return {
      subgraph: closeLater(started, await openParticipant(foundation, dependencies, joining)),
      logReader: null,
    }
  }
  const { dependencies, logReader } = await followLog(foundation, merchants)
  const opened =
    name === 'transaction'
      ? await openTransaction(foundation, dependencies, startTable)
      : await openAnalytics(foundation, dependencies)
  return { subgraph: closeLater(started, opened), logReader }
}

/** What the participant process needs to join subgraphs; gateways take them on by themselves. */
async function openRemoteJoining({ config, db, logger, started }: Foundation): Promise<JoiningPort> {
  const checker = closeLater(started, openGraphChecker(await readOwnGraph()))
  const joining = closeLater(started, await openCheckedJoining({ config, db, checker, logger }))
  return joiningPort(config, checker, joining)
}

/** What the mutations of the operator need. */
export const joiningPort = (
  config: Config,
  graph: Pick<GraphKeeper, 'check'>,
  joining: Pick<Joining, 'refresh'>,
): JoiningPort => ({
  fetchSdl: (endpoint, path) => fetchSdl(webhookReach(config), { ...endpoint, headers: {} }, path),
  check: (subgraph) => graph.check(subgraph),
  refresh: () => joining.refresh(),
})

type Dependencies = SubgraphDependencies & Pick<Foundation, 'registry'>

/** Starts the one reader of the log that the subgraphs of a process share. */
async function followLog(
  { db, registry, refusals, now, logger, started }: Foundation,
  merchants: SubgraphConnection,
): Promise<{ readonly dependencies: Dependencies; readonly logReader: LogReader }> {
  const logReader = closeLater(started, await startLogReader({ db, logger }))
  const directory = createMerchantDirectory(merchants)
  return { dependencies: { db, registry, refusals, directory, now, logger, logReader }, logReader }
}

const openMerchant = ({ db, registry, refusals, now, logger }: Foundation) =>
  openMerchantSubgraph({ db, registry, refusals, now, logger })

const openParticipant = ({ config, db }: Foundation, dependencies: Dependencies, joining: JoiningPort) =>
  openParticipantSubgraph({
    ...dependencies,
    isProduction: config.MODE === 'production',
    reach: webhookReach(config),
    secretBox: secretBox(config),
    joining,
    apiKeys: createKeyStore(db),
  })

const cursorSecretOf = async ({ config, db }: Foundation): Promise<string> =>
  config.CURSOR_SECRET ?? sharedSecret(db, 'cursor', secretBox(config))

const openAnalytics = async (foundation: Foundation, dependencies: Dependencies): Promise<Subgraph> =>
  openAnalyticsSubgraph({ ...dependencies, cursorSecret: await cursorSecretOf(foundation) })

/** Opens the transaction subgraph, and the retention of its log. */
async function openTransaction(
  foundation: Foundation,
  dependencies: Dependencies,
  startTable: RateTable | null,
): Promise<TransactionSubgraph> {
  const { config, db, logger, now, started } = foundation
  const transaction = await openTransactionSubgraph({
    ...dependencies,
    cursorSecret: await cursorSecretOf(foundation),
    startTable,
    hasBuiltInRates: config.MODE === 'demo',
    simulator: config.MODE === 'demo' ? {} : null,
    checkpointMs: config.CHECKPOINT_MS,
    webhookReach: webhookReach(config),
    secretBox: secretBox(config),
    outlet: outletOptions(config),
  })
  const projections = [...analyticsProjections, ...transactionProjections]
  closeLater(started, startRetention({ db, logger, now, days: config.LOG_RETENTION_DAYS, projections }))
  return transaction
}
