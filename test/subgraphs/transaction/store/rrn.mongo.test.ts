import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createRrnSource, permuted, takeRrns } from '../../../../subgraphs/transaction/store/rrn.ts'
import { freshDatabase } from '../../../harness/mongo.ts'

describe('retrieval reference numbers', () => {
  test('are 12 digits, and differ over all processes', async () => {
    const { db } = await freshDatabase()
    const [one, other] = [createRrnSource(db), createRrnSource(db)]
    const rrns = await Promise.all(Array.from({ length: 2500 }, (_, n) => (n % 2 ? one() : other())))
    expect(rrns.every((rrn) => /^\d{12}$/.test(rrn))).toBe(true)
    expect(new Set(rrns).size).toBe(2500)
  })

  test('do not tell how many payments lie between two of them', async () => {
    const { db } = await freshDatabase()
    const rrns = (await takeRrns(db, 1000)).map(Number)
    const steps = rrns.slice(1).map((rrn, n) => Math.abs(rrn - rrns[n]!))
    // Of numbers that are spread over 10¹², not one in a thousand pairs is this near.
    expect(steps.filter((step) => step < 1e8).length).toBeLessThan(10)
  })

  test('count up in a database of an earlier version, which has given out such numbers', async () => {
    const { db } = await freshDatabase()
    await db.collection<{ _id: string; next: bigint }>('counters').insertOne({ _id: 'rrn', next: 41n })
    expect(await takeRrns(db, 2)).toEqual(['000000000042', '000000000043'])
  })

  test('are a permutation: no two counts have the same number', () => {
    const key = randomBytes(32)
    fc.assert(
      fc.property(fc.uniqueArray(fc.integer({ min: 0, max: 1e12 - 1 }), { maxLength: 100 }), (counts) => {
        const numbers = permuted(counts, key)
        expect(new Set(numbers).size).toBe(counts.length)
        expect(numbers.every((number) => number >= 0 && number < 1e12)).toBe(true)
      }),
    )
  })
})
