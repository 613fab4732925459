import { describe, expect, test } from 'vitest'
import { startLogReader, type LogReader } from '../../../../subgraphs/log/reader.ts'
import { eventFilter } from '../../../../subgraphs/transaction/query/transaction-filter.ts'
import { openEventStreams } from '../../../../subgraphs/transaction/live/event-streams.ts'
import { freshDatabase } from '../../../harness/mongo.ts'
import { anEntry } from '../../../fixtures/a-log-entry.ts'
import { quietLog } from '../../../fixtures/a-programme.ts'
import type { EventFilter } from '../../../../subgraphs/transaction/live/event-filter.ts'
import { anId } from '../../../fixtures/an-id.ts'

const { db } = await freshDatabase()

/** Offers `count` entries of payments by `wallet` to the log reader. */
const offer = (
  feed: ReturnType<LogReader['openFeed']>,
  logReader: LogReader,
  wallet: string,
  count: number,
) => {
  const tip = Number(logReader.tip())
  const entries = Array.from({ length: count }, (_, n) => anEntry(tip + n + 1))
  feed.offer(entries.map((entry) => ({ ...entry, payment: { ...entry.payment, wallet: anId(wallet) } })))
}

describe('a stream of events', () => {
  test('reports that it has caught up, and its position while only other wallets pay', async () => {
    const logReader = await startLogReader({ db, logger: quietLog })
    const feed = logReader.openFeed()
    const eventStreams = openEventStreams(logReader, { checkpointMs: 10 })
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
    feed.close()
    await logReader.close()
  })
})
