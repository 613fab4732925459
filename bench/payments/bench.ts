// Payments over HTTP on a real MongoDB, durable before the response: the hub, compared with a route written
// by hand that only inserts a document, and with a service written by hand that promises what the hub
// promises.

import type { Db } from 'mongodb'
import { bodies, post, type PostResult } from '../http-client.ts'
import { median, quantile } from '../measure.ts'
import { quotes, submission, type Payer } from '../payer.ts'
import { processorUsOf } from '../processor.ts'
import { startProgramme, type Programme } from '../programme.ts'
import { report, row, type Row } from '../report.ts'

const inFlight = 64
const rounds = Number(process.env.ROUNDS ?? 7)
const perRound = Number(process.env.PER_ROUND ?? 4_000)
/** The number of stored payments at the end of `growth`. */
const storedMax = Number(process.env.STORED ?? 2_000_000)

const acquirer = 'acquirer-cn-01'
let numbers = 0
const run = Date.now().toString(36)
/** Each payment has a customer of its own, so that no limit of a day is reached. */
const keyed = (quoted: string): string => {
  const number = `bench ${run} ${++numbers}`
  return submission(quoted, number, number)
}

const headers = { authorization: 'Bearer demo-wallet' }

/** Submits payments for new quotes of the hub. */
const submitPayments = async (hub: Payer, count: number): Promise<PostResult> =>
  submitQuoted(await quotes(hub, count, inFlight), hub.url)

/** Submits a payment for each of these quotes. */
function submitQuoted(quoted: readonly string[], url: string): Promise<PostResult> {
  const next = bodies(quoted.length, (n) => keyed(quoted[n]!))
  return post({ url, headers, connections: inFlight, next, check: checkAccepted })
}

const checkAccepted = (body: string) => {
  if (!body.includes('"status"')) throw new Error(body)
}

export async function bench(): Promise<void> {
  const programme = await startProgramme({ database: 'bench_payments', fresh: true })
  const rows: Row[] = []
  try {
    const { db, url } = programme
    const shops = await db
      .collection<{ _id: string }>('merchants')
      .find({ acquirer, status: 'ACTIVE', entryModes: 'IN_APP' })
      .limit(500)
      .toArray()
    const merchants = shops.map(({ _id }) => _id)
    const hub = { ...headers, url: `${url}/graphql`, currency: 'SGD', merchants }
    await db
      .collection<{ _id: string }>('corridors')
      .updateOne({ _id: 'SG-CN' }, { $set: { authorizationTimeoutMs: 60_000 }, $inc: { version: 1 } })

    await connectAs(db, 'STREAM')
    await submitPayments(hub, 500)
    await keepTemplate(db)
    rows.push(...(await beside(hub, 'no answers', {}, programme)))
    await deletePending(db)
    await connectAs(db, 'SIMULATOR')
    rows.push(...(await beside(hub, 'simulator answers', { ANSWER_MS: '30-80' }, programme)))
    await settle(db)
    rows.push(...(await life(hub, db)), ...(await replays(hub, db)), ...(await growth(hub, db)))
    report('payments', rows)
  } finally {
    await programme.close()
  }
}

const peers = [
  { name: 'a bare insertOne', file: 'hand.ts', goal: '≥ 2' },
  { name: 'the same promises by transactions', file: 'same-promises.ts', goal: '≥ 4' },
] as const

/** The processes that take part in a payment. */
const parts = ['the service', 'MongoDB', 'the client'] as const

/** One round of a contender. */
interface Measured extends PostResult {
  /** Processor time of each of `parts`, in µs a payment, until the log has all of its entries. */
  readonly processorUs: readonly number[]
}

/** The hub beside its peers; `environment` is what the peers are started with. */
async function beside(
  hub: Payer,
  when: string,
  environment: Readonly<Record<string, string>>,
  { db, serve, pid }: Programme,
): Promise<Row[]> {
  const servers = await Promise.all(
    peers.map(({ name, file }) => serve(name, new URL(file, import.meta.url), environment)),
  )
  const mongod = Number(((await db.admin().serverStatus()) as { pid: bigint | number }).pid)
  const contenders = [{ url: hub.url, pid }, ...servers]
  const measured = contenders.map(() => [] as Measured[])
  for (let round = -1; round < rounds; round += 1) {
    for (const [index, contender] of contenders.entries()) {
      const quoted = await quotes(hub, perRound, inFlight)
      const processors = [contender.pid, mongod, process.pid]
      const before = processors.map(processorUsOf)
      const answers = await submitQuoted(quoted, contender.url)
      await settle(db)
      const processorUs = processors.map((one, n) => (processorUsOf(one) - before[n]!) / perRound)
      if (round >= 0) measured[index]!.push({ ...answers, processorUs })
    }
  }
  await Promise.all(servers.map((server) => server.close()))
  const rate = (all: readonly PostResult[]) => median(all.map(({ perSecond }) => perSecond))
  const at = (share: number, all: readonly PostResult[]) =>
    median(all.map(({ latencies }) => quantile(latencies, share)))
  const [ours, ...theirs] = measured as [Measured[], ...Measured[][]]
  const title = `submitPayment, ${inFlight} in flight, ${when}`
  const p99 = at(0.99, ours)
  const processorRows = (name: string, all: readonly Measured[]): Row[] =>
    parts.map((part, n) =>
      row(
        `${title}: ${name}, processor time of ${part}`,
        median(all.map(({ processorUs }) => processorUs[n]!)),
        'µs',
      ),
    )
  return [
    row(`${title}: hub`, rate(ours), 'payments/s'),
    row(`${title}: hub, p50`, at(0.5, ours), 'ms'),
    row(`${title}: hub, p99`, p99, 'ms'),
    ...processorRows('hub', ours),
    ...peers.flatMap(({ name: peer, goal }, index) => {
      const their = theirs[index]!
      const ratio = median(ours.map(({ perSecond }, n) => perSecond / their[n]!.perSecond))
      const theirP99 = at(0.99, their)
      return [
        row(`${title}: Fastify, ${peer}`, rate(their), 'payments/s', { ratio, peer }, goal),
        row(`${title}: ${peer}, p99`, theirP99, 'ms', { ratio: p99 / theirP99, peer }, '≤ 1'),
        ...processorRows(peer, their),
      ]
    }),
  ]
}

/** Keeps a pending payment for the peers, which store documents of the same form. */
async function keepTemplate(db: Db): Promise<void> {
  const template = await db.collection('payments').findOne({ status: 'ROUTED' })
  if (!template) throw new Error('no payment is pending, although nothing answers')
  await db.collection('benchTemplate').insertOne(template)
}

/**
 * Waits until no more entries are appended to the log: every payment is answered, and all events are in the
 * log.
 */
async function settle(db: Db): Promise<void> {
  for (let last = -1; ;) {
    const now = await db.collection('log').estimatedDocumentCount()
    if (now === last) return
    last = now
    await new Promise((resolve) => setTimeout(resolve, 300))
  }
}

/** Deletes pending payments, whose time-outs would affect the next measurement. */
async function deletePending(db: Db): Promise<void> {
  await settle(db)
  await db.collection('payments').deleteMany({ due: { $exists: true } })
}

/**
 * Connects the acquirer by its own stream or by the simulator, and waits until the hub has read the change.
 */
async function connectAs(db: Db, connection: 'STREAM' | 'SIMULATOR'): Promise<void> {
  await db
    .collection<{ _id: string }>('participants')
    .updateOne({ _id: acquirer }, { $set: { connection }, $inc: { version: 1 } })
  await new Promise((resolve) => setTimeout(resolve, 1_000))
}

/** The number of all requests that MongoDB has received, including this one. */
const callsTo = async (db: Db): Promise<number> =>
  ((await db.admin().serverStatus()) as { network: { numRequests: number } }).network.numRequests

async function life(hub: Payer, db: Db): Promise<Row[]> {
  const payments = db.collection('payments')
  const count = perRound * 3
  const before = numbers
  const quoted = await quotes(hub, count, inFlight)
  const callsBefore = await callsTo(db)
  const start = performance.now()
  const next = bodies(count, (n) => keyed(quoted[n]!))
  await post({ url: hub.url, headers, connections: inFlight, next, check: checkAccepted })
  while ((await payments.countDocuments({ due: { $exists: true } })) > 0)
    await new Promise((resolve) => setTimeout(resolve, 50))
  const seconds = (performance.now() - start) / 1000
  await settle(db)
  const calls = (await callsTo(db)) - callsBefore
  const done = await payments
    .find({ reference: { $in: Array.from({ length: count }, (_, n) => `bench ${run} ${before + n + 1}`) } })
    .project({ createdAt: 1, updatedAt: 1, status: 1 })
    .toArray()
  if (done.length !== count || done.some(({ status }) => status !== 'COMPLETED'))
    throw new Error(`${done.length} payments of ${count}, not all COMPLETED`)
  const lives = done.map(
    ({ createdAt, updatedAt }) => (updatedAt as Date).getTime() - (createdAt as Date).getTime(),
  )
  return [
    row('whole life to COMPLETED through the simulator', count / seconds, 'payments/s'),
    row('whole life, the simulator’s 30–80 ms included, p50', quantile(lives, 0.5), 'ms'),
    row('whole life, the simulator’s 30–80 ms included, p99', quantile(lives, 0.99), 'ms'),
    row('calls to MongoDB a payment, log and readers included', calls / count, 'calls', null, '< 1'),
  ]
}

async function replays(hub: Payer, db: Db): Promise<Row[]> {
  const took: number[] = []
  const calls: number[] = []
  for (let round = 0; round < 15; round += 1) {
    const [quoted] = await quotes(hub, 1, inFlight)
    const body = keyed(quoted!)
    const before = await callsTo(db)
    const start = performance.now()
    await post({ url: hub.url, headers, connections: 64, next: bodies(64, () => body), check: checkAccepted })
    took.push(performance.now() - start)
    calls.push((await callsTo(db)) - before - 1)
    await settle(db)
  }
  return [
    row('64 parallel uses of one key', median(took), 'ms'),
    row('64 parallel uses of one key, calls to MongoDB', median(calls), 'calls'),
  ]
}

async function growth(hub: Payer, db: Db): Promise<Row[]> {
  const payments = db.collection('payments')
  const few = await payments.estimatedDocumentCount()
  const rate = async () => {
    const rates: number[] = []
    for (let round = 0; round < rounds; round += 1) {
      rates.push((await submitPayments(hub, perRound)).perSecond)
      await settle(db)
    }
    return median(rates)
  }
  const rateFew = await rate()
  await fill(db, storedMax)
  await submitPayments(hub, perRound)
  await settle(db)
  const rateMany = await rate()
  return [
    row(`submitPayment with ${few} payments stored`, rateFew, 'payments/s'),
    row(
      `submitPayment with ${await payments.estimatedDocumentCount()} payments stored`,
      rateMany,
      'payments/s',
      { ratio: rateFew / rateMany, peer: 'few stored' },
      '≤ 1.2',
    ),
  ]
}

/**
 * Stores copies of final payments until there are `count`. Their events are in another field, because the
 * sequencer would otherwise write them to the log during the measurement.
 */
async function fill(db: Db, count: number): Promise<void> {
  const payments = db.collection<{ _id: string }>('payments')
  const templates = await payments.find({ status: 'COMPLETED' }).limit(200).toArray()
  let stored = await payments.estimatedDocumentCount()
  while (stored < count) {
    const group = Array.from({ length: Math.min(5_000, count - stored) }, (_, n) => {
      const template = templates[n % templates.length]! as { keys?: { id: string }[]; events?: unknown }
      const number = stored + n
      const id = `0100${(number >>> 16).toString(16).padStart(4, '0')}-${(number & 0xffff).toString(16).padStart(4, '0')}-7000-8000-000000000000`
      const { events, ...rest } = template
      return {
        ...rest,
        events: [],
        storedEvents: events,
        _id: id,
        reference: `filled ${number}`,
        rrn: `9${String(number).padStart(11, '0')}`,
        keys: [{ ...template.keys![0], id: `filled ${number}` }],
        customerDay: { id: `filled ${number}`, number: 1, minor: 1n },
      }
    })
    for (const payment of group) delete (payment as { quote?: string }).quote
    await payments.insertMany(group, { ordered: false, writeConcern: { w: 1, journal: false } })
    stored += group.length
  }
}
