import type { Db } from 'mongodb'
import { beforeEach, describe, expect, test } from 'vitest'
import type { StoredCheckpoint } from '../../../subgraphs/log/checkpoint.ts'
import type { LogEntry } from '../../../subgraphs/log/entry.ts'
import { startLogReader } from '../../../subgraphs/log/reader.ts'
import { trimLog } from '../../../subgraphs/log/retention.ts'
import { archiveOf, batchOf, logOf, readLog } from '../../../subgraphs/log/store.ts'
import { anEntry } from '../../fixtures/a-log-entry.ts'
import { freshDatabase } from '../../harness/mongo.ts'
import { noon, quietLog } from '../../fixtures/a-programme.ts'

const { mongo, name } = await freshDatabase()
let db: Db
let databases = 0
beforeEach(() => {
  db = mongo.db(`${name}_${++databases}`)
  return () => db.dropDatabase()
})

const hourMs = 3_600_000
/** Appends an entry an hour, from noon on, in batches of `each` entries. */
const write = async (count: number, each = 1) => {
  const entries = Array.from({ length: count }, (_, n): LogEntry => ({ ...anEntry(n + 1), at: hour(n) }))
  for (let start = 0; start < count; start += each) {
    await logOf(db).insertOne(batchOf(entries.slice(start, start + each)))
  }
}
const hour = (n: number): Date => new Date(noon.getTime() + n * hourMs)
const storeCheckpoints = (checkpoints: Readonly<Record<string, bigint>>) =>
  db
    .collection<StoredCheckpoint>('places')
    .insertMany(Object.entries(checkpoints).map(([_id, position]) => ({ _id, position, epoch: 0 })))
const projections = ['activity', 'positions']
const numbers = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, n) => from + n)
const kept = async () => (await readLog(db)).map(({ _id }) => Number(_id))
const archived = async () => (await readLog(db, { batches: archiveOf(db) })).map(({ _id }) => Number(_id))

describe('trimming the log', () => {
  test.each<{ when: string; checkpoints: Record<string, bigint>; first: number }>([
    { when: 'all projections have read it', checkpoints: { activity: 10n, positions: 10n }, first: 5 },
    { when: 'one projection has read less', checkpoints: { activity: 10n, positions: 3n }, first: 4 },
    {
      when: 'an unlisted projection has read less',
      checkpoints: { activity: 10n, positions: 10n, webhooks: 2n },
      first: 3,
    },
    { when: 'one projection has read nothing', checkpoints: { activity: 10n, positions: 0n }, first: 1 },
    { when: 'one projection has no checkpoint', checkpoints: { activity: 10n }, first: 1 },
  ])('archives older entries when $when: $first is the first entry left', async ({ checkpoints, first }) => {
    await write(10)
    await storeCheckpoints(checkpoints)
    expect(await trimLog(db, hour(4), projections)).toBe(first - 1)
    expect(await kept()).toEqual(numbers(first, 10))
    expect(await archived()).toEqual(numbers(1, first - 1))
    expect(await trimLog(db, hour(4), projections)).toBe(0)
    const state = await db.collection<{ _id: string }>('logState').findOne({ _id: 'retention' })
    expect(state).toEqual(first > 1 ? { _id: 'retention', before: hour(4) } : null)
  })

  test('keeps a batch whole when one of its entries must stay', async () => {
    await write(10, 4)
    await storeCheckpoints({ activity: 10n, positions: 9n })
    expect(await trimLog(db, hour(3), projections)).toBe(0)
    expect(await trimLog(db, hour(7), projections)).toBe(4)
    expect(await kept()).toEqual([5, 6, 7, 8, 9, 10])
    expect(await trimLog(db, hour(1000), projections)).toBe(4)
    expect(await kept()).toEqual([9, 10])
    expect(await archived()).toEqual(numbers(1, 8))
  })

  test('archives a batch once that an earlier attempt has copied but not deleted', async () => {
    await write(6, 2)
    await storeCheckpoints({ activity: 6n, positions: 6n })
    await archiveOf(db).insertOne((await logOf(db).findOne({ last: 2n }))!)
    expect(await trimLog(db, hour(4), projections)).toBe(4)
    expect(await kept()).toEqual([5, 6])
    expect(await archived()).toEqual(numbers(1, 4))
  })

  test('moves nothing for a process that stops, and everything later', async () => {
    await write(6)
    await storeCheckpoints({ activity: 6n, positions: 6n })
    expect(await trimLog(db, hour(4), projections, AbortSignal.abort())).toBe(0)
    expect(await kept()).toEqual(numbers(1, 6))
    expect(await trimLog(db, hour(4), projections)).toBe(4)
    expect(await kept()).toEqual([5, 6])
  })

  test('keeps the latest entry, however old, because the next position follows from it', async () => {
    await write(3)
    await storeCheckpoints({ activity: 3n, positions: 3n })
    expect(await trimLog(db, hour(1000), projections)).toBe(2)
    expect(await kept()).toEqual([3])
    const logReader = await startLogReader({ db, logger: quietLog })
    expect(logReader.tip()).toBe(3n)
    await logReader.close()
  })

  test('archives nothing of a log that is young or empty', async () => {
    expect(await trimLog(db, hour(4), projections)).toBe(0)
    await write(3)
    await storeCheckpoints({ activity: 3n, positions: 3n })
    expect(await trimLog(db, noon, projections)).toBe(0)
  })
})
