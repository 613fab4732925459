// At a release: node test/released/make.ts. Writes the database that a hub of this release leaves after
// payments of each kind to test/released/VERSION.bson.gz, and the schema for clients to
// schema/released/VERSION.graphql. Later releases are tested from both.

import { once } from 'node:events'
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { pino } from 'pino'
import type { Db } from 'mongodb'
import { startHub } from '../../gateway/app/hub.ts'
import { writeDump } from '../../gateway/cli/dump.ts'
import { mongoOptions, readConfig } from '../../gateway/config/config.ts'
import { startMongo } from '../../gateway/mongod/start.ts'
import { verify } from '../../gateway/verify/verify.ts'
import { connect } from '../../subgraphs/platform/mongo/client.ts'
import { binaryDir } from '../harness/places.ts'
import { HubClient } from '../hub/client.ts'

const root = new URL('../../', import.meta.url).pathname
const { version } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as { version: string }
const dump = path.join(root, `test/released/${version}.bson.gz`)
const schema = path.join(root, `schema/released/${version}.graphql`)

const dataDir = mkdtempSync(path.join(tmpdir(), 'crossgate-release-'))
const config = readConfig({
  PORT: '0',
  DATA_DIR: dataDir,
  SCALE: '0.0001',
  TRAFFIC: '0',
  OFFERS: 'off',
})
const logger = pino({ level: 'warn' })
const mongod = await startMongo({ ...mongoOptions(config), binaryDir, logger })
const mongo = await connect(mongod.uri)
const written = mongo.db(config.MONGODB_DATABASE)
const receiver = createServer((_, response) => response.end()).listen(0, '127.0.0.1')
await once(receiver, 'listening')
try {
  const hub = await startHub(config, {
    logger,
    mongod: Promise.resolve({ ...mongod, close: () => Promise.resolve() }),
  })
  await makeHistory(hub.url, `http://127.0.0.1:${(receiver.address() as AddressInfo).port}`, written)
  await hub.close()
  const failed = (await verify(mongod.uri, written.databaseName)).filter((check) => check.failed > 0)
  if (failed.length > 0) throw new Error(`the checks of npm run verify fail: ${JSON.stringify(failed)}`)
  await writeDump(mongo.client, written, dump)
  mkdirSync(path.dirname(schema), { recursive: true })
  copyFileSync(path.join(root, 'schema/generated/api.graphql'), schema)
  console.log(`${path.relative(root, dump)}: ${Math.round(statSync(dump).size / 1000)} kB`)
  console.log(path.relative(root, schema))
} finally {
  receiver.close()
  await mongo.close()
  await mongod.close()
  rmSync(dataDir, { recursive: true, force: true })
}

/** Payments that end in each way, a refund, a webhook and a settled date; then nothing is pending. */
async function makeHistory(url: string, webhookUrl: string, db: Db): Promise<void> {
  const wallet = new HubClient(url, 'demo-wallet')
  const acquirer = new HubClient(url, 'demo-acquirer')
  const operator = new HubClient(url, 'demo-operator')
  const { data } = await wallet.query(
    '{ merchants(where: { acquirers: ["acquirer-cn-01"], entryModes: [IN_APP] }, first: 1) { edges { node { id } } } }',
  )
  const pay = async (reference: string): Promise<string> => {
    const input = {
      idempotencyKey: reference,
      reference,
      merchant: data.merchants.edges[0].node.id,
      amount: { amount: '20.00', currency: 'CNY' },
      customer: 'a customer',
    }
    const paid = await wallet.ask('SubmitPayment', { input })
    return paid.data.submitPayment.payment.id
  }
  await acquirer.ask('CreateWebhook', { input: { idempotencyKey: 'w', url: webhookUrl, events: ['*'] } })
  await pay('completed')
  const refunded = await pay('refunded')
  const cancelled = await pay('cancelled')
  await pay('SIM-AM04')
  await isQuiet(db)
  await acquirer.ask('RefundPayment', {
    input: { idempotencyKey: 'r', payment: refunded, amount: { amount: '5.00', currency: 'CNY' } },
  })
  await wallet.ask('CancelPayment', { input: { idempotencyKey: 'c', payment: cancelled } })
  const [date] = await db
    .collection('bookings')
    .distinct('settlementDate', { settlementDate: { $lt: new Date().toISOString().slice(0, 8) } })
  await operator.ask('CloseSettlement', { input: { idempotencyKey: 's', settlementDate: date } })
  await isQuiet(db)
  await Promise.all([wallet, acquirer, operator].map((client) => client.close()))
}

/** Resolves when no payment waits, each projection has read the whole log, and each delivery has arrived. */
async function isQuiet(db: Db): Promise<void> {
  for (;;) {
    const [waiting, undelivered, latest, places] = await Promise.all([
      db.collection('payments').countDocuments({ due: { $exists: true } }),
      db.collection('webhookDeliveries').countDocuments({ state: { $ne: 'DELIVERED' } }),
      db.collection('log').findOne({}, { sort: { _id: -1 } }),
      db.collection('places').find().toArray(),
    ])
    const haveRead = places.every(({ position }) => position === latest!['last'])
    if (waiting === 0 && undelivered === 0 && haveRead) return
    await new Promise(setImmediate)
  }
}
