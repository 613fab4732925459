// The process of the offers subgraph. Settings come from the environment: MONGODB_URI, MONGODB_DATABASE,
// OFFERS_HOST, OFFERS_PORT, LOG_LEVEL. A process that a hub has started sends the hub its URL, and ends with
// the hub.

import { pino } from 'pino'
import { connectWatched } from '../platform/mongo/client.ts'
import { startOffersServer } from './index.ts'

const {
  MONGODB_URI,
  MONGODB_DATABASE = 'crossgate',
  OFFERS_HOST = '127.0.0.1',
  OFFERS_PORT = '4010',
  LOG_LEVEL = 'info',
} = process.env
const logger = pino({ level: LOG_LEVEL, base: null })

if (!MONGODB_URI) {
  logger.fatal('MONGODB_URI is not set: the offers subgraph needs the MongoDB of its data')
  process.exit(1)
}
const mongo = await connectWatched(MONGODB_URI, logger)
const server = await startOffersServer({
  db: mongo.db(MONGODB_DATABASE),
  host: OFFERS_HOST,
  port: Number(OFFERS_PORT),
  now: () => new Date(),
  logger,
})
logger.info({ url: server.url }, 'the offers subgraph is ready')
process.send?.({ url: server.url })

let isStopping = false
async function stop(): Promise<void> {
  if (isStopping) return
  isStopping = true
  await server.close()
  await mongo.close()
  process.exit(0)
}
for (const signal of ['SIGINT', 'SIGTERM', 'disconnect'] as const) process.on(signal, () => void stop())
