import fc from 'fast-check'
import type { Db } from 'mongodb'
import { beforeEach, describe, expect, test, vi } from 'vitest'
import {
  Checkpoint,
  checkpointsOf,
  readPublished,
  resultsOf,
  publishedOf,
  type Results,
} from '../../../subgraphs/log/checkpoint.ts'
import type { LogEntry } from '../../../subgraphs/log/entry.ts'
import { lagsOf } from '../../../subgraphs/log/lag.ts'
import {
  startProjection,
  type IdempotentProjection,
  type Projection,
  type TransactionalProjection,
} from '../../../subgraphs/log/projection.ts'
import { startLogReader, type LogReader } from '../../../subgraphs/log/reader.ts'
import { rebuild } from '../../../subgraphs/log/rebuild.ts'
import { trimLog } from '../../../subgraphs/log/retention.ts'
import { batchOf, logOf } from '../../../subgraphs/log/store.ts'
import { aLife, atPositions, entriesOf } from '../../fixtures/a-log.ts'
import { freshDatabase } from '../../harness/mongo.ts'
import { noon, quietLog } from '../../fixtures/a-programme.ts'

const { mongo, name } = await freshDatabase()
let db: Db
let logReader: LogReader
let databases = 0
beforeEach(async () => {
  db = mongo.db(`${name}_${++databases}`)
  logReader = await startLogReader({ db, logger: quietLog })
  return async () => {
    await logReader.close()
    await db.dropDatabase()
  }
})

const entries = (count: number): LogEntry[] =>
  atPositions(
    Array.from({ length: Math.ceil(count / 2) }, (_, n) =>
      entriesOf(aLife({ ending: 'waiting' }), `t${n}`),
    ).flat(),
  ).slice(0, count)
const append = (from: number, to: number) => logOf(db).insertOne(batchOf(entries(to).slice(from - 1)))

type Applied = { _id: bigint; times: number }

/** Counts how often each entry has been applied. */
const transactional: TransactionalProjection = {
  name: 'counting',
  collections: ['seen'],
  async apply(batch, session, { collection }) {
    for (const { _id } of batch) {
      await collection<Applied>('seen').updateOne({ _id }, { $inc: { times: 1 } }, { upsert: true, session })
    }
  },
}
/** Does the same, but an entry that is applied again changes nothing. */
const idempotent: IdempotentProjection = {
  name: 'counting',
  kind: 'idempotent',
  collections: ['seen'],
  async apply(batch, { collection }) {
    for (const { _id } of batch) {
      await collection<Applied>('seen').updateOne({ _id }, { $set: { times: 1 } }, { upsert: true })
    }
  },
}
const kinds: [string, Projection][] = [
  ['a transactional projection', transactional],
  ['an idempotent projection', idempotent],
]

const appliedIn = ({ collection }: Results) =>
  collection<Applied>('seen')
    .find({}, { sort: { _id: 1 } })
    .toArray()
const once = (count: number) => Array.from({ length: count }, (_, n) => ({ _id: BigInt(n + 1), times: 1 }))
const reached = (position: number) =>
  vi.waitFor(async () => expect((await publishedOf(db, 'counting')).position).toBe(BigInt(position)), {
    timeout: 10_000,
    interval: 20,
  })

describe.each(kinds)('%s', (_, projection) => {
  test('applies each entry once, also when another process takes over', async () => {
    await append(1, 5)
    const one = startProjection({ db, logReader, logger: quietLog }, projection)
    await reached(5)
    await append(6, 9)
    await reached(9)
    await one.close()
    await append(10, 12)
    const other = startProjection({ db, logReader, logger: quietLog }, projection)
    await reached(12)
    await other.close()
    expect(await appliedIn(resultsOf(db, 0))).toEqual(once(12))
  })

  test('can be rebuilt while it runs: the previous results stay published until the new epoch has caught up', async () => {
    await append(1, 6)
    const gate = Promise.withResolvers<void>()
    const waiting = Promise.withResolvers<void>()
    const apply = projection.apply.bind(projection) as (...args: unknown[]) => Promise<void>
    const slow = {
      ...projection,
      async apply(batch: readonly LogEntry[], ...rest: unknown[]) {
        if ((rest.at(-1) as Results).epoch === 1) {
          waiting.resolve()
          await gate.promise
        }
        await apply(batch, ...rest)
      },
    } as Projection
    const running = startProjection({ db, logReader, logger: quietLog }, slow)
    await reached(6)
    await db.collection<Applied>('seen').updateOne({ _id: 3n }, { $set: { times: 99 } })
    expect(await rebuild(db, 'counting')).toBe(1n)
    await waiting.promise
    expect(await publishedOf(db, 'counting')).toEqual({ epoch: 0, position: 6n })
    expect(await readPublished(db, 'counting', appliedIn)).toHaveLength(6)
    gate.resolve()
    await vi.waitFor(async () => expect((await publishedOf(db, 'counting')).epoch).toBe(1), {
      timeout: 10_000,
    })
    expect(await readPublished(db, 'counting', appliedIn)).toEqual(once(6))
    await vi.waitFor(async () => {
      const names = (await db.listCollections().toArray()).map((collection) => collection.name)
      expect(names).not.toContain('seen')
    })
    await append(7, 8)
    await reached(8)
    await running.close()
    expect(await readPublished(db, 'counting', appliedIn)).toEqual(once(8))
  })

  test('is rebuilt by the next process when none runs, any number of times', async () => {
    await append(1, 4)
    await rebuild(db, 'counting')
    await rebuild(db, 'counting')
    const running = startProjection({ db, logReader, logger: quietLog }, projection)
    await reached(4)
    await running.close()
    expect(await publishedOf(db, 'counting')).toEqual({ epoch: 2, position: 4n })
    expect(await readPublished(db, 'counting', appliedIn)).toEqual(once(4))
  })

  test('applies each entry once although processes start, stop and rebuild at any time', async () => {
    let tip = 0
    const act = fc.constantFrom('append', 'append', 'start', 'stop', 'rebuild')
    await fc.assert(
      fc.asyncProperty(fc.array(act, { minLength: 4, maxLength: 12 }), async (acts) => {
        const running: ReturnType<typeof startProjection>[] = []
        for (const each of acts) {
          if (each === 'append') {
            await append(tip + 1, tip + 3)
            tip += 3
          } else if (each === 'start')
            running.push(startProjection({ db, logReader, logger: quietLog }, projection))
          else if (each === 'stop') await running.pop()?.close()
          else await rebuild(db, 'counting')
        }
        running.push(startProjection({ db, logReader, logger: quietLog }, projection))
        await reached(tip)
        await Promise.all(running.map((one) => one.close()))
        expect(await readPublished(db, 'counting', appliedIn)).toEqual(once(tip))
      }),
      { numRuns: 8 },
    )
  }, 60_000)
})

describe('a trimmed log', () => {
  test.each(kinds)('lets %s be rebuilt from the archive', async (_, projection) => {
    for (let last = 2; last <= 10; last += 2) await append(last - 1, last)
    await vi.waitFor(() => expect(logReader.tip()).toBe(10n))
    const running = startProjection({ db, logReader, logger: quietLog }, projection)
    await reached(10)
    await running.close()
    const afterAll = new Date(entries(10).at(-1)!.at.getTime() + 1)
    expect(await trimLog(db, afterAll, ['counting'])).toBe(8)
    expect(await rebuild(db, 'counting')).toBe(1n)
    expect((await lagsOf(db, afterAll))[0]).toMatchObject({ projection: 'counting', entries: 10 })
    // A process that has started since then has no entries in memory.
    const fresh = await startLogReader({ db, logger: quietLog })
    const again = startProjection({ db, logReader: fresh, logger: quietLog }, projection)
    await vi.waitFor(async () =>
      expect(await publishedOf(db, 'counting')).toEqual({ epoch: 1, position: 10n }),
    )
    await again.close()
    await fresh.close()
    expect(await readPublished(db, 'counting', appliedIn)).toEqual(once(10))
  })

  test('reports the first position of a rebuild when the archive lacks earlier entries', async () => {
    await append(1, 6)
    await append(7, 10)
    await vi.waitFor(() => expect(logReader.tip()).toBe(10n))
    await logOf(db).deleteOne({ last: 6n })
    await expect(rebuild(db, 'counting')).rejects.toMatchObject({
      name: 'LogTrimmedError',
      first: 7n,
      message: expect.stringContaining('the log begins at position 7'),
    })
    expect(await publishedOf(db, 'counting')).toEqual({ epoch: 0, position: 0n })
    expect(await rebuild(db, 'counting', 7n)).toBe(7n)
    const running = startProjection({ db, logReader, logger: quietLog }, transactional)
    await reached(10)
    await running.close()
    expect((await readPublished(db, 'counting', appliedIn)).map(({ _id }) => _id)).toEqual([7n, 8n, 9n, 10n])
  })
})

describe('the lag of a projection', () => {
  test('is the number of entries after its checkpoint, and the age of the first', async () => {
    await append(1, 6)
    await db.collection('places').insertMany([
      { _id: 'behind' as never, position: 2n, epoch: 0 },
      { _id: 'up to date' as never, position: 6n, epoch: 0 },
    ])
    const { at } = entries(6)[2]!
    const now = new Date(at.getTime() + 1500)
    expect(await lagsOf(db, now)).toEqual([
      { projection: 'behind', position: 2n, entries: 4, ms: 1500 },
      { projection: 'up to date', position: 6n, entries: 0, ms: 0 },
    ])
    // The clock of this hub is behind those of other hubs.
    expect((await lagsOf(db, new Date(noon.getTime() - 10 * 86_400_000 * 365)))[0]!.ms).toBe(0)
  })
})

describe('a transactional projection', () => {
  test('resumes at once where a process was killed within its MongoDB transaction', async () => {
    await append(1, 3)
    const { promise: writing, resolve: onWrite } = Promise.withResolvers<void>()
    const { promise: awake, resolve: wake } = Promise.withResolvers<void>()
    const paused = startProjection(
      { db, logReader, logger: quietLog },
      {
        ...transactional,
        async apply(...batch) {
          await transactional.apply(...batch)
          onWrite()
          await awake
        },
      },
    )
    await writing
    await db
      .collection<{ _id: string }>('leases')
      .updateOne({ _id: 'counting' }, { $set: { holder: 'killed', expiresAt: new Date(0) } })
    const next = startProjection({ db, logReader, logger: quietLog }, transactional)
    await reached(3)
    wake()
    await Promise.all([paused.close(), next.close()])
    expect(await readPublished(db, 'counting', appliedIn)).toEqual(once(3))
  })

  test('closes while another MongoDB transaction holds its checkpoint', async () => {
    await append(1, 3)
    const other = mongo.client.startSession()
    const { promise: conflicting, resolve: onConflict } = Promise.withResolvers<void>()
    const projection = startProjection(
      { db, logReader, logger: quietLog },
      {
        ...transactional,
        async begin() {
          other.startTransaction()
          await checkpointsOf(db).updateOne(
            { _id: 'counting' },
            { $set: { position: 1n } },
            { session: other },
          )
        },
        wants: () => (onConflict(), true),
      },
    )
    await conflicting
    await projection.close()
    await other.abortTransaction()
    await other.endSession()
    expect((await publishedOf(db, 'counting')).position).toBe(0n)
  }, 8_000)

  test('begins no MongoDB transaction once its lease may be of another process', async () => {
    const checkpoint = await Checkpoint.load(db, 'counting')
    const session = db.client.startSession()
    const write = vi.fn<() => Promise<void>>()
    const move = checkpoint.moveWith(1n, { session, isHeld: () => false }, write)
    await expect(move).rejects.toThrow('lease')
    expect(write).not.toHaveBeenCalled()
    expect(await publishedOf(db, 'counting')).toEqual({ epoch: 0, position: 0n })
    await session.endSession()
  })
})
