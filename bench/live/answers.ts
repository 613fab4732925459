// Measures the time from the response to a payment until its event arrives at subscribers. Payments go over
// HTTP and events over WebSockets, from and to one process, at the hub as `npm start` runs it. The peers
// insert one document and publish.
//
// An event may arrive before the response. The time is then negative, and is used as it is.

import { setTimeout as wait } from 'node:timers/promises'
import { createKeyStore } from '../../gateway/identity/key-store.ts'
import type { ParticipantId } from '../../schema/values/id.ts'
import { quotes, submission, type Payer } from '../payer.ts'
import { startProgramme, type Programme } from '../programme.ts'
import { row, type Row } from '../report.ts'
import type { Payment, Report } from './clients.ts'
import { Clients, drained, Server } from './rig.ts'
import { eventDocument } from './world.ts'

/** Deliveries per second that all servers can sustain. */
const calm = 5_000
const brisk = 50_000
const measureMs = 8_000
/** Sockets of each participant, when there are several participants. */
const each = 200

const run = Date.now().toString(36)

export async function measureAnswers(sockets: number): Promise<Row[]> {
  const programme = await startProgramme({ database: 'bench_answers', fresh: true })
  try {
    const rows = await atTheHub(programme, sockets)
    for (const [name, label, perSecond] of [
      ['plain', 'plain ws without GraphQL, the event rendered once by hand', brisk],
      ['pubsub', 'mercurius subscriptions', calm],
      ['graphqlWs', 'graphql-ws, executed per subscriber', calm],
    ] as const) {
      const server = await Server.start(name, programme.uri, 'bench_answers')
      const subscribers = new Subscribers(`${server.url}/graphql`, eventDocument(''))
      await subscribers.add(sockets, 'Bearer bench')
      await subscribers.settle(() => byHand(1))
      const pace = { reach: sockets, perSecond }
      rows.push(...rowsOf(label, 'all', pace, await subscribers.measure(byHand, pace)))
      await Promise.all([server.close(), subscribers.close()])
    }
    return rows
  } finally {
    await programme.close()
  }
}

async function atTheHub(programme: Programme, sockets: number): Promise<Row[]> {
  const url = `${programme.url}/graphql`
  // Each payment has several events in the log; one of them goes to the sockets.
  const document = eventDocument('(where: { kinds: [SUBMITTED] })')
  const { payers, keys } = await market(programme, sockets / each)
  const rows: Row[] = []

  const together = new Subscribers(url, document)
  await together.add(sockets, 'Bearer demo-operator')
  const one = (count: number) => atHub(payers.slice(0, 1), count)
  await together.settle(() => one(1))
  for (const perSecond of [brisk, calm]) {
    const pace = { reach: sockets, perSecond }
    const goal = perSecond === brisk ? '< 50' : null
    rows.push(...rowsOf('hub', 'all', pace, await together.measure(one, pace), goal))
  }
  await together.close()

  const apart = new Subscribers(url, document)
  for (const key of keys) await apart.add(each, `Bearer ${key}`)
  const many = (count: number) => atHub(payers, count)
  await apart.settle(() => many(keys.length))
  const pace = { reach: 2 * each, perSecond: brisk }
  const audience = `the payment’s two participants’ ${2 * each} of ${sockets}`
  rows.push(...rowsOf('hub', audience, pace, await apart.measure(many, pace), '< 50'))
  await apart.close()
  return rows
}

interface Pace {
  /** Sockets that receive the event of a payment. */
  readonly reach: number
  /** Deliveries per second. */
  readonly perSecond: number
}

function rowsOf(
  label: string,
  audience: string,
  { reach, perSecond }: Pace,
  { p50, p99, fromSending }: Report,
  goal: string | null = null,
): Row[] {
  const to = audience === 'all' ? `all ${reach} sockets` : `${audience} sockets`
  const title = `${perSecond.toLocaleString('en')} deliveries/s, an event to ${to}`
  return [
    row(`${title}, from submitPayment’s answer to arrival: ${label}, p50`, p50, 'ms'),
    row(`${title}, from submitPayment’s answer to arrival: ${label}, p99`, p99, 'ms', null, goal),
    row(`${title}, from sending submitPayment to arrival: ${label}, p50`, fromSending.p50, 'ms'),
    row(`${title}, from sending submitPayment to arrival: ${label}, p99`, fromSending.p99, 'ms'),
  ]
}

/**
 * Returns `size` wallets and mainland acquirers, each with a key; the wallets pay at merchants of the
 * acquirers.
 */
async function market({ db, url }: Programme, size: number) {
  const shops = await db
    .collection<{ _id: string; acquirer: ParticipantId }>('merchants')
    .find({ country: 'CN', status: 'ACTIVE', entryModes: 'IN_APP' })
    .project<{ _id: string; acquirer: ParticipantId }>({ acquirer: 1 })
    .toArray()
  const byAcquirer = Map.groupBy(shops, ({ acquirer }) => acquirer)
  const acquirers = [...byAcquirer.keys()].toSorted().slice(0, Math.floor(size / 2))
  const corridors = await db
    .collection<{ _id: string; walletCountry: string }>('corridors')
    .find({ merchantCountry: 'CN', status: 'OPEN', entryModes: 'IN_APP', direction: 'INBOUND' })
    .toArray()
  const wallets = await db
    .collection<{ _id: ParticipantId; settlementCurrency: string }>('participants')
    .find({
      roles: 'WALLET',
      status: 'LIVE',
      country: { $in: corridors.map(({ walletCountry }) => walletCountry) },
    })
    .sort({ _id: 1 })
    .limit(size - acquirers.length)
    .toArray()
  if (wallets.length + acquirers.length < size)
    throw new Error(`the data set has fewer than ${size} participants that can pay`)
  const issue = (participant: ParticipantId) =>
    createKeyStore(db).issue(
      { participant, label: 'bench', scopes: ['payments:write', 'payments:read'] },
      new Date(),
    )
  const keys: string[] = []
  const payers: Payer[] = []
  for (const [n, { _id, settlementCurrency }] of wallets.entries()) {
    const key = await issue(_id)
    keys.push(key)
    const merchants = byAcquirer.get(acquirers[n % acquirers.length]!)!.map((shop) => shop._id)
    payers.push({
      url: `${url}/graphql`,
      authorization: `Bearer ${key}`,
      currency: settlementCurrency,
      merchants,
    })
  }
  for (const acquirer of acquirers) keys.push(await issue(acquirer))
  // The hub reads new keys after a short delay.
  await wait(1_000)
  return { payers, keys }
}

let numbers = 0

/** Makes `count` payments of the payers in turn, each for a quote requested before. */
async function atHub(payers: readonly Payer[], count: number): Promise<Payment[]> {
  const payments: Payment[] = []
  const quoted = await Promise.all(
    payers.map((payer, n) => quotes(payer, Math.ceil((count - n) / payers.length), 1)),
  )
  for (let n = 0; n < count; n++) {
    const { authorization } = payers[n % payers.length]!
    const body = submission(quoted[n % payers.length]!.pop()!, `bench ${run} ${++numbers}`)
    payments.push({ authorization, body })
  }
  return payments
}

/** Makes `count` payments for servers without quotes. */
const byHand = async (count: number): Promise<Payment[]> =>
  Array.from({ length: count }, () => ({
    authorization: 'Bearer bench',
    body: JSON.stringify({
      query: 'mutation($reference: String!) { submitPayment(reference: $reference) { id status } }',
      variables: { reference: `bench ${run} ${++numbers}` },
    }),
  }))

/** A process that pays, and whose sockets subscribe to its payments. */
class Subscribers {
  readonly #url: string
  readonly #document: string
  readonly #clients = new Clients()
  #count = 0

  constructor(url: string, document: string) {
    this.#url = url
    this.#document = document
  }

  async add(count: number, authorization: string): Promise<void> {
    await this.#clients.request({
      do: 'open',
      url: this.#url,
      count,
      document: this.#document,
      authorization,
    })
    this.#count += count
  }

  /** Pays until every socket has received an event, because a subscription is not acknowledged. */
  async settle(make: () => Promise<Payment[]>): Promise<void> {
    for (let n = 0; n < 50; n++) {
      await this.#clients.request({ do: 'pay', url: this.#url, payments: await make(), everyMs: 20 })
      await wait(500)
      if ((await this.#clients.request({ do: 'count' })).reached === this.#count) return
    }
    throw new Error('some sockets receive no events')
  }

  /** Makes payments, and waits until all their events have arrived. */
  async measure(make: (count: number) => Promise<Payment[]>, { reach, perSecond }: Pace): Promise<Report> {
    const everyMs = (reach / perSecond) * 1000
    const count = Math.max(10, Math.round(measureMs / everyMs))
    const pay = (payments: readonly Payment[]) =>
      this.#clients.request({ do: 'pay', url: this.#url, payments, everyMs })
    const payments = await make(count)
    await pay(await make(Math.ceil(count / 5)))
    await wait(1_000)
    await this.#clients.request({ do: 'reset' })
    await pay(payments)
    await drained(this.#clients, count * reach)
    return this.#clients.report()
  }

  close(): Promise<void> {
    return this.#clients.close()
  }
}
