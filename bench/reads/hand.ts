// A service written by hand for these requests: Fastify, with one driver call per request and step.

import fastify from 'fastify'
import { MongoClient, type Document } from 'mongodb'

interface Body {
  readonly variables: { readonly id: string; readonly wallet: string }
}

const client = new MongoClient(process.argv[2]!, { readConcern: { level: 'majority' }, maxPoolSize: 100 })
const db = client.db(process.argv[3])
const [payments, merchants, participants] = ['payments', 'merchants', 'participants'].map((name) =>
  db.collection<Document & { _id: string }>(name),
) as [Docs, Docs, Docs]
type Docs = ReturnType<typeof db.collection<Document & { _id: string }>>

const app = fastify()

app.post<{ Body: Body }>('/merchant', async ({ body }) => {
  const merchant = await merchants.findOne({ _id: body.variables.id })
  if (!merchant) return { data: { merchant: null } }
  const { _id, name, localName, city, status, scenario, entryModes } = merchant
  return { data: { merchant: { id: _id, name, localName, city, status, scenario, entryModes } } }
})

app.post<{ Body: Body }>('/payment', async ({ body }) => {
  const payment = await payments.findOne({ _id: body.variables.id })
  return { data: { transaction: payment && shownPayment(payment) } }
})

app.post<{ Body: Body }>('/page', async ({ body }) => {
  const found = await payments.find({ wallet: body.variables.wallet }).sort({ _id: -1 }).limit(20).toArray()
  const [shops, institutions] = await Promise.all([
    merchants.find({ _id: { $in: [...new Set(found.map(({ merchant }) => merchant as string))] } }).toArray(),
    participants
      .find({
        _id: { $in: [...new Set(found.flatMap(({ wallet, acquirer }) => [wallet, acquirer] as string[]))] },
      })
      .toArray(),
  ])
  const shopById = new Map(shops.map((shop) => [shop._id, shop]))
  const institutionById = new Map(institutions.map((institution) => [institution._id, institution]))
  const edges = found.map((payment) => {
    const shop = shopById.get(payment.merchant)!
    const acquirer = institutionById.get(payment.acquirer)!
    const wallet = institutionById.get(payment.wallet)!
    return {
      node: {
        ...shownPayment(payment),
        merchant: { id: shop._id, name: shop.name, city: shop.city },
        acquirer: { id: acquirer._id, name: acquirer.name },
        wallet: { id: wallet._id, name: wallet.name },
      },
    }
  })
  return { data: { transactions: { edges } } }
})

const digits: Readonly<Record<string, number>> = {
  JPY: 0,
  KRW: 0,
  VND: 0,
  CLP: 0,
  KWD: 3,
  BHD: 3,
  JOD: 3,
  OMR: 3,
}

function shownPayment({ _id, status, createdAt, merchantAmount }: Document): object {
  const { minor, currency } = merchantAmount as { minor: number; currency: string }
  const amount = (minor / 10 ** (digits[currency] ?? 2)).toFixed(digits[currency] ?? 2)
  return {
    id: _id,
    status,
    createdAt: (createdAt as Date).toISOString(),
    merchantAmount: { amount, currency },
  }
}

await client.connect()
console.log(await app.listen({ host: '127.0.0.1', port: 0 }))
process.once('SIGTERM', () => process.exit(0))
