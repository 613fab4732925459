// One subgraph in a process of its own: MongoDB, the subgraph with its background work, and its web server.

import type { SubgraphName } from '../../subgraphs/shared/subgraph.ts'
import { connectWatched } from '../../subgraphs/platform/mongo/client.ts'
import { openSchemaVersion } from '../../subgraphs/platform/mongo/schema-version.ts'
import { openAuditLog } from '../../subgraphs/shared/audit-log.ts'
import { openRefusalLog } from '../../subgraphs/shared/refusal-log.ts'
import { openRegistry } from '../../subgraphs/shared/registry.ts'
import { secretBox, type Config } from '../config/config.ts'
import { createReadiness } from '../http/health.ts'
import { logHealthJson, watchLogHealth } from '../http/log-health.ts'
import type { MetricsSources } from '../http/metrics.ts'
import { startSubgraphServer } from '../http/subgraph-server.ts'
import { createTelemetry } from '../telemetry/telemetry.ts'
import { closeLater, whenMongoAnswers, type Foundation } from './foundation.ts'
import type { Hub, HubOptions } from './hub.ts'
import { migrations } from './migrations.ts'
import { readRatesFile } from './rates-file.ts'
import { connectToProcesses, openCallTokens } from './remote-subgraphs.ts'
import { startSubgraph } from './subgraphs.ts'
import { openTracing } from './tracing.ts'

/**
 * Starts the subgraph `name` and resolves when it is ready. When a part cannot start, closes the others and
 * throws the error of that part.
 */
export async function startSubgraphProcess(
  name: SubgraphName,
  config: Config,
  options: HubOptions,
): Promise<Hub> {
  const { logger, mongod: startingMongod, now = () => new Date() } = options
  await using started = new AsyncDisposableStack()
  closeLater(started, await openTracing(config, name, logger))
  const mongod = await startingMongod
  const readiness = createReadiness()
  const telemetry = createTelemetry()
  const { url, outdated } = await whenMongoAnswers(logger, async () => {
    await using attempt = new AsyncDisposableStack()
    const opened = await open(
      name,
      { config, logger, now, telemetry, started: attempt },
      mongod.uri,
      readiness,
    )
    started.use(attempt.move())
    return opened
  })
  readiness.phase = 'ready'
  const closing = started.move()
  return {
    url,
    mongo: mongod.source,
    broken: outdated,
    close() {
      readiness.phase = 'draining'
      return closing.disposeAsync()
    },
  }
}

async function open(
  name: SubgraphName,
  base: Omit<Foundation, 'db' | 'registry' | 'refusals'>,
  uri: string,
  readiness: ReturnType<typeof createReadiness>,
): Promise<{ readonly url: string; readonly outdated: Promise<Error> }> {
  const { config, logger, now, telemetry, started } = base
  const mongo = closeLater(started, await connectWatched(uri, logger))
  const db = mongo.db(config.MONGODB_DATABASE)
  const { outdated } = closeLater(started, await openSchemaVersion(db, { migrations, logger }))
  const registry = closeLater(started, await openRegistry(db, logger, secretBox(config)))
  const refusals = closeLater(started, openRefusalLog(await openAuditLog(db), now, logger))
  const foundation: Foundation = { ...base, db, registry, refusals }
  const tokens = await openCallTokens(foundation)
  const connection = connectToProcesses('merchant', config, tokens, logger)
  const merchants = closeLater(started, telemetry.observe(connection))
  const startTable =
    name === 'transaction' && config.RATES_FILE !== undefined
      ? await readRatesFile(config.RATES_FILE, now())
      : null
  const { subgraph, logReader } = await startSubgraph(name, foundation, merchants, startTable)
  readiness.checks.set('mongodb', () => (mongo.isAway() ? 'MongoDB has no primary that answers' : null))
  let log: MetricsSources['log'] = null
  if (logReader) {
    const logHealth = closeLater(started, await watchLogHealth(db, logReader, now))
    readiness.checks.set('log', () => logHealth.whyNotReady())
    readiness.details.set('log', () => logHealthJson(logHealth.latest()))
    log = { health: logHealth, reader: logReader }
  }
  const metrics = { mongo, log }
  const server = await startSubgraphServer({
    config,
    subgraph,
    tokens,
    telemetry,
    metrics,
    readiness,
    logger,
  })
  return { url: closeLater(started, server).url, outdated }
}
