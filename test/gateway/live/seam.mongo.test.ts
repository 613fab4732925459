// Subscriptions that move between upstreams: with the reader and the streams of the log, the engine, and the
// broker.

import fc from 'fast-check'
import { pino } from 'pino'
import { afterAll, describe, expect, test } from 'vitest'
import type { Batch } from '../../../gateway/live/batch.ts'
import { createAdmission } from '../../../gateway/protocol/admission.ts'
import { openBroker, type Broker, type RunningOperation } from '../../../gateway/live/broker.ts'
import type { Subscriber } from '../../../gateway/live/subscriber.ts'
import {
  composeSupergraph,
  createSupergraph,
  createInProcessConnection,
} from '../../../gateway/supergraph/index.ts'
import type { ParticipantId } from '../../../schema/values/id.ts'
import type { LogEntry } from '../../../subgraphs/log/entry.ts'
import { startLogReader } from '../../../subgraphs/log/reader.ts'
import { buildFederatedSchema } from '../../../subgraphs/shared/federated-schema.ts'
import { withPositions } from '../../../subgraphs/shared/backlog-stream.ts'
import { openEventStreams } from '../../../subgraphs/transaction/live/event-streams.ts'
import { createCursors } from '../../../subgraphs/shared/cursor.ts'
import { eventFilter } from '../../../subgraphs/transaction/query/transaction-filter.ts'
import { anId } from '../../fixtures/an-id.ts'
import { anEntry } from '../../fixtures/a-log-entry.ts'
import { quietLog } from '../../fixtures/a-programme.ts'
import { freshDatabase } from '../../harness/mongo.ts'

const { db } = await freshDatabase()
// The entries of one run stay in memory, so that the test need not write them to MongoDB.
const logReader = await startLogReader({ db, logger: quietLog, recentMax: 20_000 })
const feed = logReader.openFeed()
const eventStreams = openEventStreams(logReader, { checkpointMs: 5 })
const cursors = createCursors('x'.repeat(32))
afterAll(async () => {
  eventStreams.close()
  feed.close()
  await logReader.close()
})

const sdl = `extend schema @link(url: "https://specs.apollo.dev/federation/v2.7", import: ["@key"])
  type Query { nothing: Int }
  type Subscription { transactionEvents(wallet: String!, after: String): Event! }
  type Event { ordinal: Int! transaction: Thing }
  type Thing { id: ID! }`
const schema = buildFederatedSchema(sdl, {
  Subscription: {
    transactionEvents: {
      subscribe(_: unknown, { wallet, after }: { wallet: string; after?: string }) {
        const filter = eventFilter({ wallets: [wallet] }, { kind: 'all' })
        const start = after ? cursors.decode(after) : logReader.tip()
        if ('kind' in filter || typeof start !== 'bigint')
          throw new TypeError('the test gives an invalid filter or cursor')
        return withPositions(
          eventStreams.events(filter, { kind: 'all' }, start),
          ({ value }) => value,
          ({ position }) => ({ ordinal: Number(position), cursor: cursors.encode(position) }),
        )
      },
      resolve: (entry: LogEntry) => entry,
    },
  },
  Event: {
    ordinal: ({ _id }: LogEntry) => Number(_id),
    // Some events take longer than others to resolve.
    transaction: ({ transaction, _id }: LogEntry) =>
      _id % 3n === 0n
        ? new Promise((resolve) => setImmediate(() => resolve({ id: transaction })))
        : { id: transaction },
  },
})
const supergraph = createSupergraph({
  supergraphSdl: composeSupergraph([{ name: 'log', sdl }]),
  subgraphs: new Map([['log', createInProcessConnection('log', { graphql: { schema } })]]),
})
const query = `subscription($wallet: String!, $after: String) {
  transactionEvents(wallet: $wallet, after: $after) { ordinal transaction { id } } }`

/** The wallet of the entry at a position. */
const walletAt = (position: number): string => (position % 2 === 0 ? 'even' : 'odd')

function write(count: number): void {
  const tip = Number(logReader.tip())
  const entries = Array.from({ length: count }, (_, n) => {
    const entry = anEntry(tip + n + 1)
    return { ...entry, payment: { ...entry.payment, wallet: anId<ParticipantId>(walletAt(tip + n + 1)) } }
  })
  // As batches of the sequencer.
  for (let at = 0; at < count; at += 40) feed.offer(entries.slice(at, at + 40))
}

const turn = () => new Promise<void>((resolve) => setImmediate(resolve))

/** A client that reads only while the test lets it. */
class Client implements Subscriber {
  readonly wallet: string
  /** Its events begin after this ordinal; null until the first batch for a client that gave no cursor. */
  start: number | null
  readonly ordinals: number[] = []
  readonly ends: string[] = []
  isBehind = false
  #running: RunningOperation | null = null
  #readers: (() => void)[] = []

  constructor(broker: Broker, wallet: string, after: number | null) {
    this.wallet = wallet
    this.start = after
    const variables = { wallet, after: after === null ? null : cursors.encode(BigInt(after)) }
    const viewer = { participant: anId<ParticipantId>('operator'), scopes: new Set<never>(), key: 'test' }
    this.#running = broker.run(
      () => ({ query, id: null, operationName: undefined, wantsCost: false, variables }),
      viewer,
      this,
    )
  }

  next({ events, position }: Batch): void {
    for (const { value } of events) {
      const { data } = JSON.parse(value.toString()) as { data: { transactionEvents: { ordinal: number } } }
      this.start ??= data.transactionEvents.ordinal - 1
      this.ordinals.push(data.transactionEvents.ordinal)
    }
    if (position) this.start ??= position.ordinal
  }

  refuse(errorResponse: string): void {
    this.ends.push(errorResponse)
  }

  complete(): void {
    this.ends.push('complete')
  }

  close(): void {
    this.ends.push('disconnected')
  }

  flushed(): Promise<void> {
    return this.isBehind ? new Promise((resolve) => this.#readers.push(resolve)) : Promise.resolve()
  }

  stopReading(): void {
    this.isBehind = true
  }

  read(): void {
    this.isBehind = false
    this.#readers.splice(0).forEach((resolve) => resolve())
  }

  leave(): void {
    this.#running?.close()
  }

  /** All ordinals that it must have received by now. */
  get due(): number[] {
    const all: number[] = []
    for (let n = (this.start ?? Number(logReader.tip())) + 1; n <= Number(logReader.tip()); n++)
      if (walletAt(n) === this.wallet) all.push(n)
    return all
  }
}

const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('write'), count: fc.integer({ min: 1, max: 30 }) }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('write'), count: fc.integer({ min: 100, max: 400 }) }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('join'), wallet: fc.constantFrom('even', 'odd') }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('resume'),
      wallet: fc.constantFrom('even', 'odd'),
      back: fc.integer({ min: 0, max: 300 }),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constantFrom('stop', 'read'), whom: fc.nat(20) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('leave'), whom: fc.nat(20) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('turn'), turns: fc.integer({ min: 1, max: 6 }) }) },
)

describe('every subscriber', () => {
  test('receives exactly the events after its position, in order, however it joins, lags, catches up and leaves', async () => {
    let checked = 0
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) => {
        const broker = openBroker({
          supergraph,
          admission: createAdmission(supergraph),
          logger: pino({ level: 'silent' }),
          behindMs: 60_000,
          requestMs: 5_000,
        })
        const clients: Client[] = []
        const left: { readonly client: Client; readonly count: number }[] = []
        for (const each of steps) {
          if ('count' in each) write(each.count)
          else if ('turns' in each) for (let n = 0; n < each.turns; n++) await turn()
          else if ('back' in each)
            clients.push(new Client(broker, each.wallet, Math.max(0, Number(logReader.tip()) - each.back)))
          else if ('wallet' in each) clients.push(new Client(broker, each.wallet, null))
          else {
            const client = clients[each.whom % Math.max(1, clients.length)]
            if (!client) continue
            if (each.do === 'stop') client.stopReading()
            else if (each.do === 'read') client.read()
            else {
              client.leave()
              clients.splice(clients.indexOf(client), 1)
              left.push({ client, count: client.ordinals.length })
            }
          }
        }
        for (const client of clients) client.read()
        // The last event, after which every client has caught up.
        for (let n = 0; n < 5_000 && clients.some(({ start }) => start === null); n++) await turn()
        write(2)
        const isDone = () => clients.every(({ ordinals, wallet }) => ordinals.at(-1) === lastOf(wallet))
        for (let n = 0; n < 5_000 && !isDone(); n++) await turn()
        for (const client of clients) {
          expect(client.ordinals).toEqual(client.due)
          expect(client.ends).toEqual([])
          checked++
        }
        // A client that left receives nothing more, and had received a part without a gap.
        for (const { client, count } of left) {
          expect(client.ordinals).toHaveLength(count)
          expect(client.ordinals).toEqual(client.due.slice(0, count))
        }
        for (const client of clients) client.leave()
        broker.close()
      }),
      { numRuns: 300 },
    )
    expect(checked).toBeGreaterThan(150)
  })
})

const lastOf = (wallet: string): number => {
  const tip = Number(logReader.tip())
  return walletAt(tip) === wallet ? tip : tip - 1
}
