// `npm start`: reads the settings, starts a hub, prints its URL, and closes it on a signal. With an argument,
// starts a part of it: the gateway, one subgraph, or, by `distributed`, each in a process of its own. With
// `gateway --supergraph FILE` it starts a gateway for the supergraph of a file instead.

import { enableCompileCache } from 'node:module'
import { compileCacheDir } from './config/compile-cache.ts'
import type { Load } from './mongod/start.ts'

// Enabled before anything else is loaded.
enableCompileCache(compileCacheDir)
const { startFailure } = await import('./app/start-failure.ts')

// A process that `distributed` has started ends with it, whatever ended that.
process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'))

try {
  const { readCommand } = await import('./app/command.ts')
  const command = readCommand(process.argv.slice(2))
  const { mongoOptions, readConfig, refuseUnsafe } = await import('./config/config.ts')
  const part = command.kind === 'hub' ? command.part : null
  const config = readConfig(undefined, part === 'distributed' ? null : part)
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
    refuseUnsafe(config)
    const starting = (async () => {
      // MongoDB takes a second to open its data. The other modules are loaded meanwhile, and let nothing else
      // run: so its process is there before.
      const { launchMongo } = await import('./mongod/start.ts')
      const hasDemoData = config.MODE === 'demo' && (part === null || part === 'distributed')
      const load: Load = async (single) => (await import('./app/demo.ts')).loadDemo(single, config, logger)
      const options = { ...mongoOptions(config), logger }
      const { running: mongod } = await launchMongo(options, hasDemoData ? load : undefined)
      mongod.catch(() => {})
      const { startProcess } = await import('./app/start.ts')
      return startProcess(part, config, { logger, mongod })
    })()
    const close = () => starting.then((hub) => hub.close())
    const shutdown = shutDownOnSignal({ close, withinMs: config.SHUTDOWN_MS, logger })

    const hub = await starting
    process.send?.(hub.url)
    if (part === 'distributed')
      logger.info(`Crossgate runs in processes of its own: the gateway is at ${hub.url}`)
    else if (part !== null && part !== 'gateway') logger.info(`the ${part} subgraph is ready at ${hub.url}`)
    else if (config.MODE === 'demo') console.log((await import('./app/banner.ts')).banner(config, hub))
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
