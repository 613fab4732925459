// The readers of the log as one process: node readers.ts MONGODB_URI DATABASE WHAT, where WHAT is
// "projections", "follower" or "webhooks". Prints a line of JSON when all have reached the end of the log;
// with "webhooks", when it has received SIGTERM.

import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { checkpointsOf } from '../../subgraphs/log/checkpoint.ts'
import { startProjection } from '../../subgraphs/log/projection.ts'
import { startLogReader } from '../../subgraphs/log/reader.ts'
import { connect } from '../../subgraphs/platform/mongo/client.ts'
import { openAuditLog } from '../../subgraphs/shared/audit-log.ts'
import { activityProjection } from '../../subgraphs/analytics/activity-projection.ts'
import { openEventStreams } from '../../subgraphs/transaction/live/event-streams.ts'
import { createCursors } from '../../subgraphs/shared/cursor.ts'
import { bookingsProjection } from '../../subgraphs/transaction/settlement/bookings.ts'
import { positionsProjection } from '../../subgraphs/transaction/settlement/positions.ts'
import { createPaymentStore } from '../../subgraphs/transaction/store/payment-store.ts'
import { deliveryProjectionName } from '../../subgraphs/transaction/webhooks/delivery-projection.ts'
import { openWebhooks, type Webhooks } from '../../subgraphs/transaction/webhooks/webhooks.ts'
import { aRegistry } from '../../test/fixtures/a-programme.ts'

export interface Reading {
  /** Seconds until each reader had read everything, by its name. */
  readonly seconds: Readonly<Record<string, number>>
  /** Peak resident memory in MB, and that before the readers began. */
  readonly peakMb: number
  readonly beforeMb: number
  /** Seconds of processor time of the process. */
  readonly cpuSeconds: number
}

const [uri, database, what] = process.argv.slice(2)
const mongo = await connect(uri!)
const db = mongo.db(database!)
const logger = { info: () => {}, error: (...details: unknown[]) => console.error(...details) }
const logReader = await startLogReader({ db, logger })
const registry = aRegistry()
const beforeMb = peakMb()

switch (what) {
  case 'projections':
    await project()
    break
  case 'follower':
    await follow()
    break
  case 'webhooks':
    await send()
}
await logReader.close()
await mongo.close()

async function project(): Promise<void> {
  const startedAt = performance.now()
  const webhooks = await open({ sends: false })
  const projections = [positionsProjection, bookingsProjection(registry), activityProjection()]
  const holders = projections.map((projection) => startProjection({ db, logReader, logger }, projection))
  const names = [...projections.map(({ name }) => name), deliveryProjectionName]
  const seconds: Record<string, number> = {}
  while (names.some((name) => seconds[name] === undefined)) {
    await sleep(50)
    for (const { _id, position } of await checkpointsOf(db).find().toArray()) {
      if (position >= logReader.tip()) seconds[_id] ??= (performance.now() - startedAt) / 1000
    }
  }
  report(seconds)
  for (const holder of holders) await holder.close()
  await webhooks.close()
}

/** Sends deliveries until the process receives SIGTERM. */
async function send(): Promise<void> {
  const webhooks = await open({ sends: true })
  await once(process, 'SIGTERM')
  report({})
  await webhooks.close()
}

async function open({ sends }: { readonly sends: boolean }): Promise<Webhooks> {
  const { byId: payments } = await createPaymentStore(db)
  const cursors = createCursors('a secret')
  const now = () => new Date()
  const audit = await openAuditLog(db)
  return openWebhooks({
    db,
    audit,
    logReader,
    registry,
    payments,
    cursors,
    now,
    logger,
    reach: 'LOOPBACK',
    sends,
  })
}

/** Reads the log from its beginning, as a subscriber of everything does. */
async function follow(): Promise<void> {
  const streams = openEventStreams(logReader)
  const startedAt = performance.now()
  const filter = { matches: () => true, query: {} }
  for await (const { position } of streams.events(filter, { kind: 'all' }, 0n)) {
    if (position === logReader.tip()) break
  }
  report({ follower: (performance.now() - startedAt) / 1000 })
  streams.close()
}

function report(seconds: Readonly<Record<string, number>>): void {
  console.log(
    JSON.stringify({ seconds, peakMb: peakMb(), beforeMb, cpuSeconds: cpuSeconds() } satisfies Reading),
  )
}

/** `maxRSS` is in kilobytes. */
function peakMb(): number {
  return process.resourceUsage().maxRSS / 1024
}

function cpuSeconds(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1e6
}
