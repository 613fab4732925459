import { beforeEach, describe, expect, test } from 'vitest'
import type { Db } from 'mongodb'
import { trimLog } from '../../../subgraphs/log/retention.ts'
import { startLogReader } from '../../../subgraphs/log/reader.ts'
import { freshDatabase } from '../../harness/mongo.ts'
import { anEntry } from '../../fixtures/log-entries.ts'
import { noon, quietLog } from '../../fixtures/a-programme.ts'
import type { LogEntry } from '../../../subgraphs/log/entry.ts'
import { archiveOf, batchOf, logOf, readLog } from '../../../subgraphs/log/store.ts'
import type { Checkpoint } from '../../../subgraphs/log/checkpoint.ts'

const { mongo, name } = await freshDatabase()
let db: Db
let databases = 0
beforeEach(() => {
  db = mongo.db(`${name}_${++databases}`)
  return () => db.dropDatabase()
})

const hourMs = 3_600_000
/** An entry an hour, from noon on; entry 1 is at noon. Each is a batch, or as many as `each` says. */
const write = async (count: number, each = 1) => {
  const entries = Array.from({ length: count }, (_, n): LogEntry => ({ ...anEntry(n + 1), at: hour(n) }))
  for (let start = 0; start < count; start += each) {
    await logOf(db).insertOne(batchOf(entries.slice(start, start + each)))
  }
}
const hour = (n: number): Date => new Date(noon.getTime() + n * hourMs)
const placesAre = (places: Readonly<Record<string, bigint>>) =>
  db
    .collection<Checkpoint>('places')
    .insertMany(Object.entries(places).map(([_id, position]) => ({ _id, position, epoch: 0 })))
const readers = ['activity', 'positions']
const numbers = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, n) => from + n)
const kept = async () => (await readLog(db)).map(({ _id }) => Number(_id))
const archived = async () => (await readLog(db, { batches: archiveOf(db) })).map(({ _id }) => Number(_id))

describe('trimming the log', () => {
  test.each<{ when: string; places: Record<string, bigint>; first: number }>([
    { when: 'all have read it', places: { activity: 10n, positions: 10n }, first: 5 },
    { when: 'one has read less', places: { activity: 10n, positions: 3n }, first: 4 },
    { when: 'another one has read less', places: { activity: 10n, positions: 10n, webhooks: 2n }, first: 3 },
    { when: 'one has read nothing', places: { activity: 10n, positions: 0n }, first: 1 },
    { when: 'one has not begun', places: { activity: 10n }, first: 1 },
  ])('archives what is older, when $when: $first is the first kept', async ({ places, first }) => {
    await write(10)
    await placesAre(places)
    expect(await trimLog(db, hour(4), readers)).toBe(first - 1)
    expect(await kept()).toEqual(numbers(first, 10))
    expect(await archived()).toEqual(numbers(1, first - 1))
    expect(await trimLog(db, hour(4), readers)).toBe(0)
    const state = await db.collection<{ _id: string }>('logState').findOne({ _id: 'retention' })
    expect(state).toEqual(first > 1 ? { _id: 'retention', before: hour(4) } : null)
  })

  test('keeps batches of which an entry is to be kept whole', async () => {
    await write(10, 4)
    await placesAre({ activity: 10n, positions: 9n })
    expect(await trimLog(db, hour(3), readers)).toBe(0)
    expect(await trimLog(db, hour(7), readers)).toBe(4)
    expect(await kept()).toEqual([5, 6, 7, 8, 9, 10])
    expect(await trimLog(db, hour(1000), readers)).toBe(4)
    expect(await kept()).toEqual([9, 10])
    expect(await archived()).toEqual(numbers(1, 8))
  })

  test('archives what an earlier attempt has left in both, once', async () => {
    await write(6, 2)
    await placesAre({ activity: 6n, positions: 6n })
    await archiveOf(db).insertOne((await logOf(db).findOne({ last: 2n }))!)
    expect(await trimLog(db, hour(4), readers)).toBe(4)
    expect(await kept()).toEqual([5, 6])
    expect(await archived()).toEqual(numbers(1, 4))
  })

  test('keeps the latest entry, however old, so that positions go on from it', async () => {
    await write(3)
    await placesAre({ activity: 3n, positions: 3n })
    expect(await trimLog(db, hour(1000), readers)).toBe(2)
    expect(await kept()).toEqual([3])
    const logReader = await startLogReader({ db, logger: quietLog })
    expect(logReader.tip()).toBe(3n)
    await logReader.close()
  })

  test('archives nothing of a log that is young, or empty', async () => {
    expect(await trimLog(db, hour(4), readers)).toBe(0)
    await write(3)
    await placesAre({ activity: 3n, positions: 3n })
    expect(await trimLog(db, noon, readers)).toBe(0)
  })
})
