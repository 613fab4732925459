// Hubs as processes of their own, over a MongoDB that is killed and frozen while requests come in.

import { setTimeout as sleep } from 'node:timers/promises'
import { expect, inject, onTestFinished } from 'vitest'
import { connect } from '../../subgraphs/platform/mongo/client.ts'
import { startReplicaSet, type ReplicaSet } from '../harness/replica-set.ts'
import { hubProcesses, urlOf, type Run } from './child.ts'
import { HubClient, type Answer } from './client.ts'
import { copyDemoData } from './demo-database.ts'

interface Observation {
  readonly name: Kind
  /** By `performance.now()`. */
  readonly sentAt: number
  readonly ms: number
  /** Codes of errors, an HTTP status other than 200, or what was thrown. */
  readonly codes: readonly string[]
}

const kinds = ['livez', 'readyz', 'quote', 'submit', 'payments', 'log', 'merchants', 'search'] as const
type Kind = (typeof kinds)[number]

/** Requests of all kinds, sent at a steady rate, whatever the answers are. */
class Load {
  readonly seen: Observation[] = []
  readonly #clients: { wallet: HubClient; operator: HubClient }
  readonly #url: string
  readonly #merchant: string
  readonly #label: string
  #isOn = true
  #sent = 0
  readonly #running: Promise<void>
  readonly #pending = new Set<Promise<void>>()

  /** Keys and references begin with `label`: hubs of several tests share a database. */
  constructor(url: string, merchant: string, label: string) {
    this.#url = url
    this.#label = label
    this.#merchant = merchant
    this.#clients = {
      wallet: new HubClient(url, 'demo-wallet'),
      operator: new HubClient(url, 'demo-operator'),
    }
    this.#running = this.#run()
  }

  async end(): Promise<readonly Observation[]> {
    this.#isOn = false
    await this.#running
    await Promise.all(this.#pending)
    return this.seen
  }

  /** Resolves with the time at which the first request `name` sent after `from` has succeeded. */
  async firstSuccess(name: Kind, from: number): Promise<number> {
    for (const giveUpAt = performance.now() + 30_000; performance.now() < giveUpAt;) {
      const found = this.seen.find((one) => one.name === name && one.sentAt >= from && one.codes.length === 0)
      if (found) return found.sentAt + found.ms
      await sleep(20)
    }
    const codes = this.seen.filter((one) => one.name === name).map((one) => one.codes.join())
    throw new Error(`no ${name} has succeeded: ${JSON.stringify([...new Set(codes)])}`)
  }

  async #run(): Promise<void> {
    const { wallet, operator } = this.#clients
    while (this.#isOn) {
      const n = ++this.#sent
      const amount = { amount: '12.00', currency: 'CNY' }
      const order = { merchant: this.#merchant, amount, payerCurrency: 'SGD' }
      const keys = { idempotencyKey: `${this.#label} ${n}`, reference: `${this.#label} order ${n}` }
      this.#observe('livez', () => fetch(`${this.#url}/livez`).then(() => ({})))
      this.#observe('readyz', () => fetch(`${this.#url}/readyz`).then(() => ({})))
      this.#observe('quote', () => wallet.ask('QuotePayment', { input: order }))
      this.#observe('submit', () => wallet.ask('SubmitPayment', { input: { ...keys, ...order } }))
      this.#observe('payments', () => operator.ask('Payments', { first: 20 }))
      this.#observe('log', () => operator.query('{ transactionLog(first: 100) { endCursor } }'))
      this.#observe('merchants', () => operator.query('{ merchants(first: 20) { edges { node { id } } } }'))
      this.#observe('search', () =>
        operator.query('{ merchantCoverage(where: { search: "tea" }) { merchants } }'),
      )
      await sleep(200)
    }
  }

  #observe(name: Kind, request: () => Promise<Answer>): void {
    const sentAt = performance.now()
    const observed = request()
      .then(
        ({ errors }) => (errors ?? []).map(({ extensions }) => extensions?.code ?? 'NO_CODE'),
        (error: unknown) => [String(error)],
      )
      .then((codes) => void this.seen.push({ name, sentAt, ms: performance.now() - sentAt, codes }))
    this.#pending.add(observed)
    void observed.finally(() => this.#pending.delete(observed))
  }
}

/** A hub over `set` with a load that has begun to succeed. */
export async function aLoadedHub(set: FilledSet, label: string): Promise<{ load: Load; url: string }> {
  const url = await urlOf(set.hub({ LOG_LEVEL: 'warn' }))
  const { data } = await new HubClient(url, 'demo-acquirer').query(
    '{ merchants(where: { acquirers: ["acquirer-cn-01"], entryModes: [IN_APP] }, first: 1) { edges { node { id } } } }',
  )
  const load = new Load(url, data.merchants.edges[0].node.id, label)
  // Planning a document for the first time takes longer than anything later.
  for (const name of kinds) await load.firstSuccess(name, 0)
  return { load, url }
}

/**
 * What holds in any fault, for the requests since `from`. `backMs` is the time until payments worked again.
 * `/livez` needs nothing: what it takes, the machine and the measuring take.
 */
export function expectTimely(all: readonly Observation[], from: number, backMs: number): void {
  const seen = all.filter(({ sentAt }) => sentAt >= from)
  const longest = (kind: Kind): number =>
    Math.max(...seen.filter(({ name }) => name === kind).map(({ ms }) => Math.round(ms)))
  // A request waits for a busy process twice: when it arrives, and when its time is over.
  const noise = 2 * longest('livez')
  const table = Object.fromEntries(kinds.map((kind) => [kind, longest(kind)]))
  console.info('longest answers in ms', { ...table, backMs: Math.round(backMs) })
  expect(longest('readyz')).toBeLessThan(500 + noise)
  for (const kind of kinds) expect([kind, longest(kind) < 6_000 + noise]).toEqual([kind, true])
  const others = seen.flatMap(({ codes }) => codes).filter((code) => code !== 'UNAVAILABLE')
  expect(others).toEqual([])
  // The table in docs/operating.md has the times of an idle machine, most of which are MongoDB's own.
  expect(backMs).toBeLessThan(15_000 + noise)
}

/** A MongoDB with the data set of a demo, to be made to fail. */
export interface FilledSet extends ReplicaSet {
  /** Starts a hub over it, which stops after the test and so leaves its leases to the next one. */
  hub(settings?: Record<string, string>): Run
}

export async function aFilledSet(size: 1 | 3): Promise<FilledSet> {
  const database = 'hub'
  // Without the patience of other tests, which would wait for this MongoDB.
  const start = hubProcesses({ uri: '', name: database })
  const set = await startReplicaSet(size)
  const [filled, shared] = await Promise.all([connect(set.uri), connect(inject('mongoUri'))])
  await copyDemoData(filled.db(database), shared.db(inject('demoData')))
  await Promise.all([filled.close(), shared.close()])
  return {
    ...set,
    hub(settings) {
      const hub = start({ MONGODB_URI: set.uri, ...settings })
      onTestFinished(async () => {
        hub.process.kill('SIGTERM')
        await hub.exit
      })
      return hub
    },
  }
}
