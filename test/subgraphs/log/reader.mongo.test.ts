import type { Db } from 'mongodb'
import { beforeEach, describe, expect, test } from 'vitest'
import type { LogEntry } from '../../../subgraphs/log/entry.ts'
import { pageSize } from '../../../subgraphs/log/pages.ts'
import { startLogReader } from '../../../subgraphs/log/reader.ts'
import { batchOf, logOf } from '../../../subgraphs/log/store.ts'
import { anId } from '../../fixtures/an-id.ts'
import { anEntry } from '../../fixtures/a-log-entry.ts'
import { freshDatabase } from '../../harness/mongo.ts'
import { quietLog } from '../../fixtures/a-programme.ts'

const { mongo, name } = await freshDatabase()
let db: Db
let databases = 0
beforeEach(() => {
  db = mongo.db(`${name}_${++databases}`)
  return () => db.dropDatabase()
})

const entries = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, n) => anEntry(from + n))
const write = (from: number, to: number) => logOf(db).insertOne(batchOf(entries(from, to)))
const positions = (found: readonly LogEntry[]) => found.map(({ _id }) => Number(_id))

/** Collects the positions that a reader publishes from now on; `until` waits for one of them. */
function follow(logReader: Awaited<ReturnType<typeof startLogReader>>) {
  const seen: number[] = []
  let check = () => {}
  logReader.subscribe((batch) => {
    seen.push(...positions(batch))
    check()
  })
  const until = (position: number) =>
    new Promise<void>((resolve) => {
      check = () => seen.at(-1) === position && resolve()
      check()
    })
  return { seen, until }
}

describe('a log reader', () => {
  test('rejects a log of an earlier version', async () => {
    await db.collection<LogEntry>('log').insertOne(anEntry(1))
    await expect(startLogReader({ db, logger: quietLog })).rejects.toThrow('is of an earlier version')
  })

  test('publishes entries that are appended after its start, in order, each once', async () => {
    await write(1, 5)
    const logReader = await startLogReader({ db, logger: quietLog })
    expect(logReader.tip()).toBe(5n)
    const { seen, until } = follow(logReader)
    await write(6, 8)
    await write(9, 3000)
    await until(3000)
    expect(seen).toEqual(positions(entries(6, 3000)))
    expect(await logReader.read(2999n, 1)).toEqual([anEntry(3000)])
    await logReader.close()
  })

  test('reads recent entries from memory and earlier ones from MongoDB', async () => {
    await write(1, 10)
    const logReader = await startLogReader({ db, logger: quietLog, recentMax: 4 })
    const { until } = follow(logReader)
    await write(11, 30)
    await until(30)
    expect(positions(await logReader.read(0n, 3))).toEqual([1, 2, 3])
    expect(positions(await logReader.read(8n, 5))).toEqual([9, 10, 11, 12, 13])
    expect(positions(await logReader.read(27n, 100))).toEqual([28, 29, 30])
    expect(await logReader.read(30n, 5)).toEqual([])
    // These entries are not read from MongoDB.
    await logOf(db).deleteMany({})
    expect(positions(await logReader.read(27n, 100))).toEqual([28, 29, 30])
    await logReader.close()
  })

  test('reads past entries page by page with no gap, whatever the batches and the beginning, also while old ones leave the log', async () => {
    const last = 3 * Number(pageSize) + 40
    // Batches of 1 to 90 entries, which begin and end anywhere in a page.
    for (let from = 1, size = 1; from <= last; from += size, size = (size % 90) + 7) {
      await write(from, Math.min(last, from + size - 1))
    }
    const logReader = await startLogReader({ db, logger: quietLog })
    const readFrom = async (after: number, max: number) => {
      const found: number[] = []
      while (after + found.length < last) {
        const read = await logReader.read(BigInt(after + found.length), max)
        expect(read.length).toBeGreaterThan(0)
        expect(read.length).toBeLessThanOrEqual(max)
        found.push(...positions(read))
      }
      return found
    }
    for (const [after, max] of [
      [0, 2000],
      [511, 100],
      [512, 512],
      [700, 33],
    ] as const) {
      expect(await readFrom(after, max)).toEqual(positions(entries(after + 1, last)))
    }
    // What is left begins within a page that no reader has in memory.
    const fresh = await startLogReader({ db, logger: quietLog })
    const { last: gone } = (await logOf(db).findOne({ last: { $gte: 600n } }, { sort: { last: 1 } }))!
    await logOf(db).deleteMany({ last: { $lte: gone } })
    expect(positions(await fresh.read(0n, 1))).toEqual([Number(gone) + 1])
    expect(positions(await fresh.read(gone, 1))).toEqual([Number(gone) + 1])
    await logReader.close()
    await fresh.close()
  })

  test('reads a page once for all readers that come for it', async () => {
    await write(1, 2 * Number(pageSize))
    const logReader = await startLogReader({ db, logger: quietLog })
    const [one, other] = await Promise.all([logReader.read(0n, 10), logReader.read(5n, 10)])
    expect(positions(other)).toEqual(positions(entries(6, 15)))
    expect(one[5]).toBe(other[0])
    await logReader.close()
  })

  test('finds entries that match, up to a position', async () => {
    await write(1, 10)
    const logReader = await startLogReader({ db, logger: quietLog })
    const found = await logReader.find(
      { transaction: { $in: [anId('t2'), anId('t4'), anId('t9')] } },
      { after: 2n, upTo: 8n, max: 10 },
    )
    expect(positions(found)).toEqual([4])
    await logReader.close()
  })

  test('takes entries from the feed of its own process, and reads earlier ones of other processes', async () => {
    const logReader = await startLogReader({ db, logger: quietLog })
    const { seen, until } = follow(logReader)
    const feed = logReader.openFeed()
    await write(1, 3)
    feed.offer(entries(1, 3))
    expect(seen).toEqual([1, 2, 3])
    await write(4, 6)
    feed.offer(entries(6, 6))
    await until(6)
    feed.close()
    await write(7, 9)
    await until(9)
    expect(seen).toEqual(positions(entries(1, 9)))
    await logReader.close()
  })

  test('still follows other processes until its own one appends', async () => {
    const logReader = await startLogReader({ db, logger: quietLog })
    const { seen, until } = follow(logReader)
    const feed = logReader.openFeed()
    await write(1, 3)
    await until(3)
    feed.offer(entries(4, 4))
    expect(seen).toEqual([1, 2, 3, 4])
    feed.close()
    await logReader.close()
  })
})
