import { jetstream, jetstreamManager } from '@nats-io/jetstream'
import { connect } from '@nats-io/transport-node'
import { CloudEvent } from 'cloudevents'
import type { Db } from 'mongodb'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { checkpointsOf, publishedOf } from '../../../../subgraphs/log/checkpoint.ts'
import type { LogEntry } from '../../../../subgraphs/log/entry.ts'
import { startLogReader } from '../../../../subgraphs/log/reader.ts'
import { batchOf, logOf } from '../../../../subgraphs/log/store.ts'
import { OutageError } from '../../../../subgraphs/platform/async/outage.ts'
import { createNatsBroker } from '../../../../subgraphs/transaction/outlet/nats.ts'
import { startOutlet } from '../../../../subgraphs/transaction/outlet/outlet.ts'
import { aLife, aLoggedPayment, atPositions, entriesOf, logOfLives } from '../../../fixtures/a-log.ts'
import { aNatsServer, natsServer, type NatsServer } from '../../../fixtures/a-nats-server.ts'
import { quietLog } from '../../../fixtures/a-programme.ts'
import { freshDatabase } from '../../../harness/mongo.ts'

const { mongo, name } = await freshDatabase()
let databases = 0
const options = { stream: 'CROSSGATE', subject: 'crossgate.events', logger: quietLog }
const source = '/crossgate/test'

function aDatabase(): Db {
  const db = mongo.db(`${name}_${++databases}`)
  onTestFinished(async () => void (await db.dropDatabase()))
  return db
}

/** Entries of payments of three events each. */
const entries = (count: number): LogEntry[] =>
  logOfLives(Array.from({ length: Math.ceil(count / 3) }, () => aLife())).slice(0, count)

/** An outlet as one hub runs it. */
async function anOutlet(db: Db, { url }: NatsServer): Promise<{ close(): Promise<void> }> {
  const logReader = await startLogReader({ db, logger: quietLog })
  const broker = createNatsBroker({ ...options, url })
  const outlet = startOutlet({ db, logReader, logger: quietLog }, broker, source)
  const close = async () => {
    await outlet.close()
    await logReader.close()
  }
  onTestFinished(close)
  return { close }
}

const reached = (db: Db, position: number) =>
  vi.waitFor(async () => expect((await publishedOf(db, 'outlet')).position).toBe(BigInt(position)), {
    timeout: 25_000,
    interval: 20,
  })

interface Message {
  readonly id: string
  readonly body: string
}

/** All messages of the stream, in its order. */
async function messagesOf({ url }: NatsServer): Promise<Message[]> {
  const connection = await connect({ servers: url.replace('nats://', '') })
  const manager = await jetstreamManager(connection)
  const { messages } = (await manager.streams.info(options.stream)).state
  const consumer = await jetstream(connection).consumers.get(options.stream)
  const found: Message[] = []
  for await (const message of await consumer.fetch({ max_messages: messages })) {
    found.push({ id: message.headers!.get('Nats-Msg-Id'), body: message.string() })
    if (found.length === messages) break
  }
  await connection.close()
  return found
}

const positions = (count: number) => Array.from({ length: count }, (_, n) => String(n + 1))

describe.skipIf(natsServer === null)('the outlet of the log', () => {
  test('publishes every event once and in order, with a broker that is killed and hubs that come and go', async () => {
    const db = aDatabase()
    const server = await aNatsServer()
    const all = entries(3_000)
    const first = await anOutlet(db, server)
    await anOutlet(db, server)
    for (const [n, kill] of [false, true, false, true, true, false].entries()) {
      const part = all.slice(n * 500, n * 500 + 500)
      for (let from = 0; from < part.length; from += 50)
        await logOf(db).insertOne(batchOf(part.slice(from, from + 50)))
      // Killed between two acknowledgements, wherever the outlet is.
      if (kill) {
        await vi.waitFor(async () =>
          expect((await publishedOf(db, 'outlet')).position).toBeGreaterThan(BigInt(n * 100)),
        )
        await server.kill()
        await server.start()
      }
      if (n === 2) await first.close()
    }
    await reached(db, 3_000)
    expect((await messagesOf(server)).map(({ id }) => id)).toEqual(positions(3_000))
  })

  test('publishes nothing twice that the broker has and no checkpoint contains, however late', async () => {
    const db = aDatabase()
    const server = await aNatsServer()
    const connection = await connect({ servers: server.url.replace('nats://', '') })
    const manager = await jetstreamManager(connection)
    // The ids of messages expire at once.
    const { stream, subject } = options
    await manager.streams.add({ name: stream, subjects: [subject], duplicate_window: 100_000_000 })
    await connection.close()
    await logOf(db).insertOne(batchOf(entries(300)))
    const outlet = await anOutlet(db, server)
    await reached(db, 300)
    await outlet.close()
    await server.kill()
    await server.start()
    // As when the process was killed before its checkpoint moved.
    await checkpointsOf(db).updateOne({ _id: 'outlet' }, { $set: { position: 120n } })
    await logOf(db).insertOne(batchOf(entries(310).slice(300)))
    await anOutlet(db, server)
    await reached(db, 310)
    expect((await messagesOf(server)).map(({ id }) => id)).toEqual(positions(310))
  })

  test('moves no checkpoint while the broker is away', async () => {
    const db = aDatabase()
    const server = await aNatsServer()
    await server.kill()
    await logOf(db).insertOne(batchOf(entries(30)))
    await anOutlet(db, server)
    await vi.waitFor(async () => expect(await checkpointsOf(db).countDocuments()).toBe(1), { timeout: 5_000 })
    expect((await publishedOf(db, 'outlet')).position).toBe(0n)
    await server.start()
    await reached(db, 30)
    expect((await messagesOf(server)).map(({ id }) => id)).toEqual(positions(30))
  })

  test('has each event once and in order, also when a hub publishes whose lease has passed to another', async () => {
    const server = await aNatsServer()
    const [late, next] = [
      createNatsBroker({ ...options, ...server }),
      createNatsBroker({ ...options, ...server }),
    ]
    onTestFinished(async () => void (await Promise.all([late.close(), next.close()])))
    const events = positions(5).map((position) => ({ position: BigInt(position), key: 'p', body: '{}' }))
    expect(await late.begin()).toBe(0n)
    expect(await next.begin()).toBe(0n)
    await next.publish(events.slice(0, 3))
    await expect(late.publish(events.slice(0, 2))).rejects.toBeInstanceOf(OutageError)
    expect((await messagesOf(server)).map(({ id }) => id)).toEqual(['1', '2', '3'])
    expect(await late.begin()).toBe(3n)
    await late.publish(events.slice(3))
    await expect(next.publish(events.slice(3))).rejects.toBeInstanceOf(OutageError)
    expect((await messagesOf(server)).map(({ id }) => id)).toEqual(positions(5))
  })

  test('publishes CloudEvents that have the facts of the event, with exact amounts', async () => {
    const db = aDatabase()
    const server = await aNatsServer()
    const payment = aLoggedPayment({ reportingMinor: 9_007_199_254_740_993n })
    const postings = [
      { account: 'WALLET', participant: 'wallet-sg-01', currency: 'JPY', minor: -700n },
      { account: 'ACQUIRER', participant: 'acquirer-cn-01', currency: 'JPY', minor: 700n },
    ]
    const booking = { settlementDate: '2026-02-10', postings } as never
    const [submitted, , approved] = entriesOf(aLife({ payment }), 'payment-1')
    const refunded = {
      ...approved!,
      kind: 'REFUNDED',
      transaction: 'refund-1',
      refundOf: 'payment-1',
    } as never
    await logOf(db).insertOne(batchOf(atPositions([submitted!, { ...approved!, booking }, refunded])))
    await anOutlet(db, server)
    await reached(db, 3)
    const events = (await messagesOf(server)).map(({ body }) => JSON.parse(body))
    // The SDK of CloudEvents validates them.
    for (const event of events) expect(new CloudEvent(event, true).validate()).toBe(true)
    expect(events[1]).toMatchObject({
      specversion: '1.0',
      id: '2',
      source,
      type: 'crossgate.payment.approved',
      subject: 'payment-1',
      time: '2026-02-10T09:30:15.002Z',
      data: {
        position: '2',
        sequence: 3,
        from: 'ROUTED',
        to: 'COMPLETED',
        reason: null,
        payment: {
          wallet: 'wallet-sg-01',
          authorizeMs: 900,
          reportingAmount: { amount: '90071992547409.93', currency: 'CNY' },
        },
        settlementDate: '2026-02-10',
        postings: [
          { account: 'WALLET', amount: { amount: '-700', currency: 'JPY' } },
          { account: 'ACQUIRER', amount: { amount: '700', currency: 'JPY' } },
        ],
      },
    })
    expect(events[2]).toMatchObject({
      type: 'crossgate.refund.refunded',
      subject: 'refund-1',
      data: { refundOf: 'payment-1' },
    })
  })
})
