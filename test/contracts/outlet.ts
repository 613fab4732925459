// The outlet of the log, on every kind of message broker.

import { CloudEvent } from 'cloudevents'
import type { Db } from 'mongodb'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { checkpointsOf, publishedOf } from '../../subgraphs/log/checkpoint.ts'
import type { LogEntry } from '../../subgraphs/log/entry.ts'
import { startLogReader } from '../../subgraphs/log/reader.ts'
import { batchOf, logOf } from '../../subgraphs/log/store.ts'
import { OutageError } from '../../subgraphs/platform/async/outage.ts'
import { createMessageBroker } from '../../subgraphs/transaction/outlet/broker.ts'
import { startOutlet } from '../../subgraphs/transaction/outlet/outlet.ts'
import { aLife, aLoggedPayment, atPositions, entriesOf, logOfLives } from '../fixtures/a-log.ts'
import { quietLog } from '../fixtures/a-programme.ts'
import { freshDatabase } from '../harness/mongo.ts'

/** A message broker that a test can kill. */
interface Server {
  readonly url: string
  /** Resolves when it listens, with what it had before. */
  start(): Promise<void>
  /** Ends it at once, with whatever it was doing. */
  kill(): Promise<void>
}

export interface Message {
  /** The position that the message names. */
  readonly id: string
  readonly body: string
}

interface BrokerKind {
  readonly isHere: boolean
  startServer(): Promise<Server>
  /** All messages that a reader gets, in order. */
  messagesOf(server: Server, names: typeof outletNames): Promise<Message[]>
}

export const outletNames = { stream: 'CROSSGATE', subject: 'crossgate.events' }

export async function describeOutlet(
  kind: string,
  { isHere, startServer, messagesOf: read }: BrokerKind,
): Promise<void> {
  const { mongo, name } = await freshDatabase()
  let databases = 0
  const source = '/crossgate/test'
  const messagesOf = (server: Server) => read(server, outletNames)
  const aBroker = ({ url }: Server) => createMessageBroker({ ...outletNames, url }, { logger: quietLog })

  function aDatabase(): Db {
    const db = mongo.db(`${name}_${++databases}`)
    onTestFinished(async () => void (await db.dropDatabase()))
    return db
  }

  /** Entries of payments of three events each. */
  const entries = (count: number): LogEntry[] =>
    logOfLives(Array.from({ length: Math.ceil(count / 3) }, () => aLife())).slice(0, count)

  /** An outlet as one hub runs it. */
  async function anOutlet(db: Db, server: Server): Promise<{ close(): Promise<void> }> {
    const logReader = await startLogReader({ db, logger: quietLog })
    const outlet = startOutlet({ db, logReader, logger: quietLog }, aBroker(server), source)
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

  const positions = (count: number) => Array.from({ length: count }, (_, n) => String(n + 1))

  describe.skipIf(!isHere)(`the outlet of the log to ${kind}`, () => {
    // After each kill, a connection is tried again a second later.
    test('publishes every event once and in order, with a broker that is killed and hubs that come and go', async () => {
      const db = aDatabase()
      const server = await startServer()
      const all = entries(3_000)
      const first = await anOutlet(db, server)
      await anOutlet(db, server)
      for (const [n, kill] of [false, true, false, true, true, false].entries()) {
        const part = all.slice(n * 500, n * 500 + 500)
        for (let from = 0; from < part.length; from += 50)
          await logOf(db).insertOne(batchOf(part.slice(from, from + 50)))
        // Killed between two acknowledgements, wherever the outlet is.
        if (kill) {
          await vi.waitFor(
            async () => expect((await publishedOf(db, 'outlet')).position).toBeGreaterThan(BigInt(n * 100)),
            { timeout: 20_000 },
          )
          await server.kill()
          await server.start()
        }
        if (n === 2) await first.close()
      }
      await reached(db, 3_000)
      expect((await messagesOf(server)).map(({ id }) => id)).toEqual(positions(3_000))
    }, 60_000)

    test('publishes nothing twice that the broker has and no checkpoint contains', async () => {
      const db = aDatabase()
      const server = await startServer()
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
      const server = await startServer()
      await server.kill()
      await logOf(db).insertOne(batchOf(entries(30)))
      await anOutlet(db, server)
      await vi.waitFor(async () => expect(await checkpointsOf(db).countDocuments()).toBe(1), {
        timeout: 5_000,
      })
      expect((await publishedOf(db, 'outlet')).position).toBe(0n)
      await server.start()
      await reached(db, 30)
      expect((await messagesOf(server)).map(({ id }) => id)).toEqual(positions(30))
    })

    test('has each event once and in order, also when a hub publishes whose lease has passed to another', async () => {
      const server = await startServer()
      const [late, next] = [aBroker(server), aBroker(server)]
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
      const server = await startServer()
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
}
