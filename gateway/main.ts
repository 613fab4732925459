// `npm start`: reads the settings, starts a hub, prints its URL, and closes it on a signal. With `gateway
// --supergraph FILE` it starts a gateway for the supergraph of a file instead.

import { enableCompileCache } from 'node:module'
import { fileURLToPath } from 'node:url'

// Enabled before anything else is loaded: with the code that V8 compiled in the last run, loading takes half
// as long.
enableCompileCache(fileURLToPath(new URL('../node_modules/.cache/crossgate', import.meta.url)))
const { startFailure } = await import('./app/start-failure.ts')

try {
  const { readCommand } = await import('./app/command.ts')
  const command = readCommand(process.argv.slice(2))
  const { mongoOptions, readConfig } = await import('./config/config.ts')
  const config = readConfig()
  const { createLogger } = await import('./app/logger.ts')
  const logger = createLogger(config)
  const { shutDownOnSignal } = await import('./app/shutdown.ts')
  const { releaseMemoryAfter } = await import('./app/release-memory.ts')

  if (command.kind === 'gateway') {
    const { startStandalone } = await import('./app/standalone.ts')
    const starting = startStandalone(command.supergraph, config, logger)
    const close = () => starting.then((gateway) => gateway.close())
    shutDownOnSignal({ close, withinMs: config.SHUTDOWN_MS, logger })
    const { url } = await starting
    logger.info(`Crossgate serves ${command.supergraph} at ${url}/graphql`)
  } else {
    // MongoDB takes a second to open its data. Meanwhile the other modules are loaded.
    const { startMongo } = await import('./mongod/start.ts')
    const mongod = startMongo({ ...mongoOptions(config), logger })
    mongod.catch(() => {})
    const { startHub } = await import('./app/hub.ts')
    const starting = startHub(config, { logger, mongod })
    const close = () => starting.then((hub) => hub.close())
    const shutdown = shutDownOnSignal({ close, withinMs: config.SHUTDOWN_MS, logger })

    const hub = await starting
    if (config.MODE === 'demo') console.log((await import('./app/banner.ts')).banner(config, hub))
    else logger.info(`Crossgate is ready at ${hub.url}`)
    hub.broken.then(shutdown.fail, shutdown.fail)
    // By then the projections have consumed the data set that the first start loads.
    releaseMemoryAfter(30_000)
  }
  releaseMemoryAfter(1_000)
} catch (error) {
  console.error(startFailure(error))
  process.exit(1)
}
