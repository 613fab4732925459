import fc from 'fast-check'
import { describe, expect, test, vi } from 'vitest'
import { startLogReader } from '../../../../subgraphs/log/reader.ts'
import { startProjection } from '../../../../subgraphs/log/projection.ts'
import { positionsProjection, readPositions } from '../../../../subgraphs/transaction/settlement/positions.ts'
import { freshDatabase } from '../../../harness/mongo.ts'
import { BookedLog, sumsOf } from '../../../fixtures/a-booked-log.ts'
import { quietLog } from '../../../fixtures/a-programme.ts'
import { publishedOf } from '../../../../subgraphs/log/checkpoint.ts'
import { rebuild } from '../../../../subgraphs/log/rebuild.ts'
import { anId } from '../../../fixtures/an-id.ts'

const { mongo, name } = await freshDatabase()
let databases = 0

const dates = ['2026-03-01', '2026-03-02'] as const
const date = fc.constantFrom(...dates)
const participants = ['w1', 'w2', 'a1', 'operator']
const life = fc.record({
  date,
  minor: fc.oneof(fc.bigInt(2n, 1_000_00n), fc.constant(9_000_000_000_000_000n)),
  wallet: fc.constantFrom('w1', 'w2'),
  acquirer: fc.constantFrom('a1', 'w2'),
  next: fc.constantFrom('stay', 'refund', 'cancel', 'decline'),
  nextOn: date,
})

describe('positions', () => {
  test('are the sums of postings, of one date or of all, also after a rebuild; per currency they sum to zero', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(life, { maxLength: 15 }), async (lives) => {
        const db = mongo.db(`${name}_${++databases}`)
        const logReader = await startLogReader({ db, logger: quietLog })
        const running = startProjection({ db, logReader, logger: quietLog }, positionsProjection)
        const bookedLog = new BookedLog(db)
        for (const { next, nextOn, ...sale } of lives) {
          const id = await bookedLog.pay(sale)
          if (next === 'refund' || next === 'cancel') await bookedLog[next](id, nextOn)
          if (next === 'decline') await bookedLog.decline(id, 'INSUFFICIENT_FUNDS')
        }
        const expectAll = async () => {
          for (const on of [null, ...dates]) {
            const postings = bookedLog.booked
              .filter(({ booking }) => on === null || booking.settlementDate === on)
              .flatMap(({ booking }) => booking.postings)
            const found = new Map<string, bigint>()
            const perCurrency = new Map<string, bigint>()
            for (const participant of participants) {
              for (const { currency, credits, debits } of await readPositions(db, anId(participant), on)) {
                expect(credits >= 0n && debits >= 0n).toBe(true)
                const net = credits - debits
                perCurrency.set(currency, (perCurrency.get(currency) ?? 0n) + net)
                if (net !== 0n) found.set(`${participant}/${currency}`, net)
              }
            }
            expect(found).toEqual(sumsOf(postings))
            expect([...perCurrency.values()].every((sum) => sum === 0n)).toBe(true)
          }
        }
        const caughtUp = (epoch: number) =>
          vi.waitFor(
            async () =>
              expect(await publishedOf(db, 'positions')).toEqual({
                epoch,
                position: BigInt(bookedLog.entries.length),
              }),
            { timeout: 10_000, interval: 20 },
          )
        if (lives.length > 0) {
          await caughtUp(0)
          await expectAll()
          await rebuild(db, 'positions')
          await caughtUp(1)
        }
        await expectAll()
        await running.close()
        await logReader.close()
        await db.dropDatabase()
      }),
      { numRuns: 8 },
    )
  }, 120_000)
})
