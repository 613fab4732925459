// A service written by hand that accepts payments: Fastify, with one `insertOne` per request, durable before
// the response. It inserts a document like the hub's, with the same indexes, and checks nothing.

import fastify from 'fastify'
import { MongoClient, type Document } from 'mongodb'
import { randomUUID } from 'node:crypto'

const [uri = '', database = ''] = process.argv.slice(2)
const client = await MongoClient.connect(uri, {
  writeConcern: { w: 'majority', journal: true },
  maxPoolSize: 100,
  ignoreUndefined: true,
  useBigInt64: true,
})
const db = client.db(database)
const template = (await db.collection('benchTemplate').findOne())!
const taken = db.collection<Document & { _id: string }>('paymentsByHand')
const indexes = await db.collection('payments').indexes()
await taken.createIndexes(
  indexes.filter(({ name }) => name !== '_id_').map(({ v: _, ...index }) => index as never),
)

interface Body {
  readonly variables: {
    readonly input: Readonly<Record<'idempotencyKey' | 'reference' | 'quote' | 'customer', string>>
  }
}

const app = fastify()
app.post<{ Body: Body }>('/', async ({ body }) => {
  const { idempotencyKey, reference, quote, customer } = body.variables.input
  const id = randomUUID()
  const [key] = template.keys as [Document]
  const customerDay = { ...(template.customerDay as Document), id: customer }
  const keys = [{ ...key, id: idempotencyKey }]
  await taken.insertOne({ ...template, _id: id, reference, quote, customerDay, keys })
  return { data: { submitPayment: { replayed: false, payment: { id, status: 'ROUTED' } } } }
})
console.log(await app.listen({ host: '127.0.0.1', port: 0 }))
process.once('SIGTERM', () => process.exit(0))
