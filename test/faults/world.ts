// A world in which scenarios happen: MongoDB, hubs, proxies before both, clients and counterparties.

import type { ChildProcess } from 'node:child_process'
import { existsSync, mkdirSync, rmSync } from 'node:fs'
import path from 'node:path'
import { MongoClient } from 'mongodb'
import { endProcess } from '../harness/end-process.ts'
import { runsDir } from '../harness/places.ts'
import { startReceiver, startStreamCounterparty, startWebhookCounterparty } from './counterparties.ts'
import { History, type HubProcess, type Readiness } from './history.ts'
import { Hub } from './hub.ts'
import { figuresOf, judge, type Segment, type Violation } from './judge.ts'
import { startLoad } from './load.ts'
import { startReplicaSet, type Member, type ReplicaSet } from './mongod.ts'
import { openNetwork, type Network } from './network.ts'
import { freePorts, pause, start, until } from './processes.ts'
import { startProxy, type Proxy } from './proxy.ts'
import type { Random } from './random.ts'
import { startSubscriber, type Subscriber } from './subscribers.ts'

export interface WorldOptions {
  readonly members: 1 | 3
  /** Folder for the data of the first member, such as a small disk. */
  readonly diskDir?: string
  /** The members are in namespaces of their own, and one can be cut off. */
  readonly hasNetwork?: boolean
  /** The tree of the hubs; by default this one. */
  readonly tree?: string
  readonly random: Random
  readonly historyFile: string
}

export interface World {
  readonly set: ReplicaSet
  readonly hubs: readonly Hub[]
  /** Between clients and each hub. */
  readonly doors: readonly Proxy[]
  /** Between the hubs and a set of one member; null before a set of three. */
  readonly cable: Proxy | null
  /** Null unless the members have a network of their own. */
  readonly network: Network | null
  readonly history: History
  primary(): Promise<Member>
  /** Runs `faults` under load, lets everything come to rest, and judges. */
  scenario(name: string, random: Random, faults: () => Promise<void>): Promise<Verdict>
  close(): Promise<void>
}

export interface Verdict extends ReturnType<typeof figuresOf> {
  readonly violations: readonly Violation[]
  readonly seconds: number
  /** Resident memory of each hub at the end, in MB. */
  readonly memoryMb: readonly (number | null)[]
}

const database = 'faults'
/**
 * Data lies in memory where it can: what is lost here are processes and not power, and a disk that others use
 * makes every write slow.
 */
const dataRoot = existsSync('/dev/shm') ? '/dev/shm' : runsDir
const here = path.resolve(import.meta.dirname, '../..')

export async function openWorld(options: WorldOptions): Promise<World> {
  const { members, diskDir, tree = here, random, historyFile } = options
  await using opened = new AsyncDisposableStack()
  const dir = path.join(dataRoot, `crossgate-faults-${process.pid}`)
  process.once('exit', () => rmSync(dir, { recursive: true, force: true }))
  const network = options.hasNetwork ? opened.adopt(openNetwork(members), (one) => one.close()) : null
  const at = { ...(diskDir !== undefined && { diskDir }), ...(network && { network }) }
  const set = opened.adopt(await startReplicaSet(dir, members, at), (one) => one.close())
  const [cablePort, ...ports] = await freePorts(5)
  const cable =
    members === 1 ? opened.adopt(startProxy(cablePort!, set.members[0]!.port), (one) => one.close()) : null
  const address = cable ? `mongodb://127.0.0.1:${cable.port}/?directConnection=true` : set.uri
  // A busy machine may take long to accept the first connection.
  const mongoUri = `${address}&serverSelectionTimeoutMS=60000`
  const logDir = path.dirname(historyFile)
  mkdirSync(logDir, { recursive: true })
  const hubs = [0, 1].map((n) => {
    const logFile = historyFile.replace(/\.jsonl$/, `-hub${n}.log`)
    rmSync(logFile, { force: true })
    return new Hub({ tree, port: ports[n]!, mongoUri, database, logFile })
  })
  const doors = [0, 1].map((n) => opened.adopt(startProxy(ports[2 + n]!, ports[n]!), (one) => one.close()))
  opened.defer(async () => void (await Promise.all(hubs.map((hub) => hub.end()))))
  hubs[0]!.start()
  await hubs[0]!.ready(300_000)
  hubs[1]!.start()
  await hubs[1]!.ready(300_000)
  const history = new History(historyFile)
  opened.defer(() => history.close())
  const pulse = watchStalls(history)
  opened.defer(() => clearInterval(pulse))
  const urls = doors.map(({ port }) => `http://127.0.0.1:${port}`)
  const merchants = await connectParties(history, urls, random, opened)
  const subscribers = startSubscribers(history, urls, random, opened)
  const readiness = watchReadiness(history, hubs)
  opened.defer(() => endProcess(readiness))
  const parts = { set, hubs, history, urls, merchants, subscribers }
  const closing = opened.move()
  return {
    set,
    hubs,
    doors,
    cable,
    network,
    history,
    primary: () => set.primary(),
    scenario: (name, of, faults) => runScenario(parts, name, of, faults),
    close: () => closing.disposeAsync(),
  }
}

/** Records the answers of `/readyz` of each hub, by the clock of this process. */
function watchReadiness(history: History, hubs: readonly Hub[]): ChildProcess {
  const script = path.join(import.meta.dirname, 'readiness.ts')
  const urls = hubs.map(({ url }) => url)
  const child = start(process.execPath, [script, ...urls], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
  for (const [hub, one] of hubs.entries()) {
    one.watch((pid) => child.connected && child.send({ hub, pid } satisfies HubProcess))
  }
  return child.on('message', (message) => {
    const answer = message as Readiness
    history.ready({ ...answer, at: answer.at - performance.timeOrigin })
  })
}

/** Records when this process, in which clients and proxies run, stood still. */
function watchStalls(history: History): NodeJS.Timeout {
  const everyMs = 20
  let last = performance.now()
  return setInterval(() => {
    const now = performance.now()
    if (now - last > 100) history.stall({ from: last + everyMs, to: now })
    last = now
  }, everyMs)
}

/** Connects one acquirer by stream and one by webhook; a third is simulated. Returns a merchant of each. */
async function connectParties(
  history: History,
  urls: readonly string[],
  random: Random,
  opened: AsyncDisposableStack,
): Promise<readonly string[]> {
  const url = urls[0]!
  let secret = ''
  const counterparty = opened.adopt(await startWebhookCounterparty(history, random.fork('webhook')), (one) =>
    one.close(),
  )
  const receiver = opened.adopt(await startReceiver(history, random.fork('receiver'), () => secret), (one) =>
    one.close(),
  )
  await call(url, 'demo-operator', connect, {
    participant: 'acquirer-cn-01',
    connection: 'STREAM',
    idempotencyKey: 'stream',
  })
  await call(url, 'demo-operator', connect, {
    participant: 'acquirer-cn-02',
    connection: 'WEBHOOK',
    url: counterparty.url,
    idempotencyKey: 'webhook',
  })
  const created = await call(url, 'demo-acquirer', createWebhook, {
    idempotencyKey: 'w',
    url: receiver.url,
    events: ['*'],
  })
  secret = (created as { secret: string }).secret
  const stream = startStreamCounterparty(history, urls, random.fork('stream'))
  opened.defer(() => stream.close())
  const found = await Promise.all(
    ['acquirer-cn-01', 'acquirer-cn-02', 'acquirer-cn-03'].map(async (acquirer) => {
      const { edges } = (await call(url, 'demo-wallet', merchantsOf, undefined, {
        acquirers: [acquirer],
      })) as {
        edges: { node: { id: string } }[]
      }
      return edges.map(({ node }) => node.id)
    }),
  )
  return found.flat()
}

const connect = `mutation($input: ConnectParticipantInput!) { result: connectParticipant(input: $input) {
  __typename ... on ParticipantConnected { participant { id } } ... on Problem { code message } } }`
const createWebhook = `mutation($input: CreateWebhookInput!) { result: createWebhook(input: $input) {
  __typename ... on WebhookCreated { secret } ... on Problem { code message } } }`
const merchantsOf = `query($acquirers: [ID!]) {
  result: merchants(where: { acquirers: $acquirers, entryModes: [IN_APP] }, first: 1) { edges { node { id } } } }`

async function call(
  url: string,
  key: string,
  query: string,
  input?: object,
  more: object = {},
): Promise<object> {
  const response = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ query, variables: { ...(input && { input }), ...more } }),
  })
  const { data, errors } = (await response.json()) as {
    data?: { result: { code?: string } }
    errors?: object[]
  }
  if (!data || data.result.code !== undefined) throw new Error(JSON.stringify(errors ?? data))
  return data.result
}

function startSubscribers(
  history: History,
  urls: readonly string[],
  random: Random,
  opened: AsyncDisposableStack,
): readonly Subscriber[] {
  return ['demo-wallet', 'demo-acquirer', 'demo-operator'].flatMap((key) =>
    (['WS', 'SSE', 'WS', 'SSE'] as const).map((transport, n) => {
      const name = `${key} ${transport} ${n}`
      const subscriber = startSubscriber(history, urls, { name, key, transport }, random.fork(name))
      opened.defer(() => subscriber.close())
      return subscriber
    }),
  )
}

interface Parts {
  readonly set: ReplicaSet
  readonly hubs: readonly Hub[]
  readonly history: History
  readonly urls: readonly string[]
  readonly merchants: readonly string[]
  readonly subscribers: readonly Subscriber[]
}

async function runScenario(
  { set, hubs, history, urls, merchants, subscribers }: Parts,
  name: string,
  random: Random,
  faults: () => Promise<void>,
): Promise<Verdict> {
  const startedAt = performance.now()
  const load = startLoad({ history, urls, merchants, random, name: `${name}-${Math.round(startedAt)}` })
  await until('each subscriber receives an event', 120_000, async () =>
    subscribers.every(({ position }) => position !== null),
  )
  const begun = {
    history,
    since: startedAt,
    webhooksFrom: history.webhooks.length,
    deliveredFrom: history.delivered.length,
    subscribers: subscribers.map(({ name: one, key, position }) => ({ name: one, key, from: position! })),
  }
  await pause(1_000)
  await faults()
  await pause(3_000)
  const unready = await notReady(hubs)
  await load.stop()
  const segment: Segment = { ...begun, until: performance.now() }
  await load.settle(60_000)
  const late = await rest(set.uri, subscribers)
  const ended = await unexpectedErrors(hubs)
  const violations = [...unready, ...late, ...ended, ...(await judge(set.uri, database, segment))]
  const memoryMb = await Promise.all(hubs.map((hub) => hub.memoryMb()))
  return {
    ...figuresOf(segment),
    violations,
    memoryMb,
    seconds: Math.round((performance.now() - startedAt) / 1000),
  }
}

/** The hubs that do not take work after the faults. */
async function notReady(hubs: readonly Hub[]): Promise<readonly Violation[]> {
  const outcomes = await Promise.allSettled(hubs.map((hub) => hub.ready()))
  return outcomes.flatMap((outcome) =>
    outcome.status === 'rejected' ? [{ rule: 'S10', text: (outcome.reason as Error).message }] : [],
  )
}

/** S11: no hub meets an error that nothing handles. */
async function unexpectedErrors(hubs: readonly Hub[]): Promise<readonly Violation[]> {
  const lines = (await Promise.all(hubs.map((hub) => hub.unexpectedErrors()))).flat()
  if (lines.length === 0) return []
  return [{ rule: 'S11', text: `${lines.length} unexpected errors, such as ${lines[0]!.slice(0, 200)}` }]
}

/** Waits until nothing is pending and every subscriber has read the log; returns what is left. */
async function rest(uri: string, subscribers: readonly Subscriber[]): Promise<readonly Violation[]> {
  const client = new MongoClient(uri, { useBigInt64: true, readConcern: { level: 'majority' } })
  const violations: Violation[] = []
  const within = (rule: string, what: string, ms: number, isTrue: () => Promise<boolean>) =>
    until(what, ms, isTrue).catch((error: Error) => violations.push({ rule, text: error.message }))
  try {
    const db = client.db(database)
    const open = () => db.collection('payments').countDocuments({ due: { $exists: true } })
    await within('S5', 'no payment is open', 75_000, async () => (await open()) === 0)
    const checkpoints = async () => {
      const tip = (await db.collection('log').findOne({}, { sort: { _id: -1 } }))?.['last'] as bigint
      return { tip, places: await db.collection('places').find().toArray() }
    }
    await within('S4', 'every projection has read the log', 30_000, async () => {
      const { tip, places } = await checkpoints()
      return places.every(({ position }) => position === tip)
    })
    // The operator sees every entry; the others have received theirs by then.
    const { tip } = await checkpoints()
    const operators = subscribers.filter(({ key }) => key === 'demo-operator')
    await within('S6', 'every subscriber has read the log', 30_000, async () =>
      operators.every(({ position }) => position === tip),
    )
    await pause(1_500)
    return violations
  } finally {
    await client.close()
  }
}
