import { describe, expect, test } from 'vitest'
import { startLogReader, type LogReader } from '../../../../subgraphs/log/reader.ts'
import { eventFilter } from '../../../../subgraphs/transaction/query/transaction-filter.ts'
import { createEventStreams } from '../../../../subgraphs/transaction/live/event-streams.ts'
import { freshDatabase } from '../../../harness/mongo.ts'
import { anEntry } from '../../../fixtures/log-entries.ts'
import { quietLog } from '../../../fixtures/a-programme.ts'
import type { EventFilter } from '../../../../subgraphs/transaction/live/event-filter.ts'

const { db } = await freshDatabase()

/** A reader with `count` entries of payments by `wallet`. */
const offer = (feed: ReturnType<LogReader['feed']>, logReader: LogReader, wallet: string, count: number) => {
  const tip = Number(logReader.tip())
  const entries = Array.from({ length: count }, (_, n) => anEntry(tip + n + 1))
  feed.offer(entries.map((entry) => ({ ...entry, payment: { ...entry.payment, wallet } })))
}

describe('a stream of events', () => {
  test('says that it has caught up, and while only others pay, how far the log has come', async () => {
    const logReader = await startLogReader({ db, logger: quietLog })
    const feed = logReader.feed()
    const eventStreams = createEventStreams(logReader, { checkpointMs: 10 })
    offer(feed, logReader, 'own', 2)
    offer(feed, logReader, 'other', 3)
    const filter = eventFilter({ wallets: ['own'] }, { kind: 'all' }) as EventFilter
    const steps = eventStreams.events(filter, { kind: 'all' }, 0n)
    const next = async () => {
      const { value } = await steps.next()
      return { at: Number(value!.position), isEvent: value!.value !== null }
    }
    expect([await next(), await next(), await next()]).toEqual([
      { at: 1, isEvent: true },
      { at: 2, isEvent: true },
      { at: 5, isEvent: false },
    ])
    offer(feed, logReader, 'other', 4)
    expect(await next()).toEqual({ at: 9, isEvent: false })
    offer(feed, logReader, 'own', 1)
    expect(await next()).toEqual({ at: 10, isEvent: true })
    await steps.return()
    eventStreams.close()
    feed.end()
    await logReader.close()
  })
})
