// A payment service written by hand that promises what the hub promises: a quote is paid once, a key has
// one effect and reports a conflict, a customer stays within the limit of the day, and each step is in a
// log, one after the other. It does so as the manual of MongoDB suggests: one transaction for each step,
// with an event in an outbox, and a consumer that numbers the events. ANSWER_MS=30-80 also answers each
// payment, as the hub's simulator does.

import fastify from 'fastify'
import { MongoClient, MongoServerError, type ClientSession, type Document } from 'mongodb'
import { createHash, randomUUID } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'

const [uri = '', database = ''] = process.argv.slice(2)
const [answerFrom, answerTo] = (process.env.ANSWER_MS ?? '').split('-').map(Number)
const dailyLimit = 5_000_000
const client = await MongoClient.connect(uri, {
  writeConcern: { w: 'majority', journal: true },
  maxPoolSize: 100,
  ignoreUndefined: true,
})
type Stored = Document & { _id: string }
const db = client.db(database)
const name = `promised${process.pid}`
const payments = db.collection<Stored>(`${name}Payments`)
const customerDays = db.collection<Stored & { used: number }>(`${name}Days`)
const outbox = db.collection(`${name}Outbox`)
const log = db.collection<{ _id: number; event: Document }>(`${name}Log`)
const template = (await db.collection<Stored>('benchTemplate').findOne())!
await payments.createIndexes([
  { key: { wallet: 1, key: 1 }, unique: true },
  { key: { quote: 1 }, unique: true },
  { key: { wallet: 1, reference: 1 }, unique: true },
  { key: { wallet: 1, _id: -1 } },
  { key: { acquirer: 1, _id: -1 } },
])
await Promise.all(
  [outbox, log, customerDays].map(({ collectionName }) => db.createCollection(collectionName)),
)

interface Input {
  readonly idempotencyKey: string
  readonly reference: string
  readonly quote: string
  readonly customer: string
}

const duplicateKey = 11_000

/** The payment of a key that was used before; null when it was not. */
async function replayed({ idempotencyKey }: Input, hash: string): Promise<object | null> {
  const found = await payments.findOne({ wallet: template.wallet as string, key: idempotencyKey })
  if (!found) return null
  return found.hash === hash
    ? { replayed: true, payment: { id: found._id, status: found.status as string } }
    : { code: 'IDEMPOTENCY_CONFLICT', message: 'the key was used with another input' }
}

async function submit(input: Input): Promise<object> {
  const hash = createHash('sha256').update(JSON.stringify(input)).digest('base64')
  const before = await replayed(input, hash)
  if (before) return before
  const id = randomUUID()
  const day = `${input.customer} ${new Date().toISOString().slice(0, 10)}`
  const amount = 8_850
  const within = async (session: ClientSession): Promise<object> => {
    const { matchedCount } = await customerDays.updateOne(
      { _id: day, used: { $lte: dailyLimit - amount } },
      { $inc: { used: amount } },
      { session },
    )
    if (matchedCount === 0) await customerDays.insertOne({ _id: day, used: amount }, { session })
    const { reference, quote, idempotencyKey: key } = input
    const rest: Partial<typeof template> = { ...template }
    delete rest.events
    delete rest.keys
    delete rest.customerDay
    await payments.insertOne({ ...rest, _id: id, reference, quote, key, hash, status: 'ROUTED' }, { session })
    await outbox.insertOne({ payment: id, status: 'ROUTED', at: new Date() }, { session })
    return { replayed: false, payment: { id, status: 'ROUTED' } }
  }
  try {
    const receipt = await client.withSession((session) => session.withTransaction(() => within(session)))
    if (answerTo !== undefined) void answer(id)
    return receipt
  } catch (error) {
    if (!(error instanceof MongoServerError) || error.code !== duplicateKey) throw error
    const { keyPattern } = error as { keyPattern?: object }
    if (keyPattern && '_id' in keyPattern) return { code: 'LIMIT_EXCEEDED', message: 'the limit of the day' }
    return (await replayed(input, hash)) ?? { code: 'QUOTE_USED', message: 'the quote or reference was used' }
  }
}

/** The answer of the acquirer, and the completion after it. */
async function answer(id: string): Promise<void> {
  await pause(answerFrom! + Math.random() * (answerTo! - answerFrom!))
  for (const status of ['APPROVED', 'COMPLETED']) {
    await client.withSession((session) =>
      session.withTransaction(async () => {
        await payments.updateOne({ _id: id }, { $set: { status, updatedAt: new Date() } }, { session })
        await outbox.insertOne({ payment: id, status, at: new Date() }, { session })
      }),
    )
  }
}

/** Moves events from the outbox to the log, in order and in groups. */
async function follow(): Promise<void> {
  for (let position = 0; ;) {
    const events = await outbox.find().sort({ _id: 1 }).limit(1_000).toArray()
    if (events.length === 0) {
      await pause(5)
      continue
    }
    const first = position
    await client.withSession((session) =>
      session.withTransaction(async () => {
        position = first
        await log.insertMany(
          events.map((event) => ({ _id: ++position, event })),
          { session },
        )
        await outbox.deleteMany({ _id: { $in: events.map(({ _id }) => _id) } }, { session })
      }),
    )
  }
}

const app = fastify()
app.post<{ Body: { readonly variables: { readonly input: Input } } }>('/', async ({ body }) => ({
  data: { submitPayment: await submit(body.variables.input) },
}))
void follow()
console.log(await app.listen({ host: '127.0.0.1', port: 0 }))
process.once('SIGTERM', () => process.exit(0))
