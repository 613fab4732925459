import { describe, expect, test } from 'vitest'
import { CounterBlock, OpenCounterBlock } from '../../../subgraphs/analytics/counter-block.ts'
import type { Delta } from '../../../subgraphs/analytics/delta.ts'
import { Names } from '../../../subgraphs/analytics/names.ts'
import { aLoggedPayment } from '../../fixtures/a-log.ts'

const start = new Date('2026-02-10T09:00:00Z')
const approvedIn = (authorizeMs: number): Delta => ({
  payments: 1,
  approved: 1,
  declined: 0,
  value: 100_00n,
  reason: null,
  authorizeMs,
})
const declined: Delta = {
  payments: 1,
  approved: 0,
  declined: 1,
  value: 0n,
  reason: 'INSUFFICIENT_FUNDS',
  authorizeMs: null,
}
/** The count of each latency and reason. */
const tallies = (block: OpenCounterBlock): number[] => {
  const tally = new CounterBlock(block.content(), new Names()).tallies()
  const counts: number[] = []
  while (tally.next()) counts.push(tally.count)
  return counts
}

describe('a counter block', () => {
  test('has one tally for equal latencies or reasons of a cell, so it grows with minutes and not with payments', () => {
    const block = new OpenCounterBlock({ start, upTo: 0n })
    for (let n = 0; n < 100; n++) {
      block.add(aLoggedPayment(), approvedIn(40))
      block.add(aLoggedPayment(), declined)
    }
    expect(block.size).toBe(1 + 2)
    expect(tallies(block)).toEqual([100, 100])
  })

  test('is reopened with the cells and tallies that it has', () => {
    const first = new OpenCounterBlock({ start, upTo: 0n })
    const later = aLoggedPayment({ createdAt: new Date('2026-02-10T09:31:00Z') })
    first.add(aLoggedPayment(), approvedIn(40))
    first.add(later, approvedIn(40))
    const again = new OpenCounterBlock(first.content())
    again.add(aLoggedPayment(), approvedIn(40))
    again.add(later, approvedIn(4_000))
    expect(again.size).toBe(2 + 3)
    expect(tallies(again)).toEqual([2, 1, 1])
  })

  test('grows with its cells', () => {
    const block = new OpenCounterBlock({ start, upTo: 0n })
    for (let minute = 0; minute < 60; minute++) {
      block.add(aLoggedPayment({ createdAt: new Date(start.getTime() + minute * 60_000) }), approvedIn(40))
    }
    const cell = new CounterBlock(block.content(), new Names()).cells()
    const minutes: number[] = []
    while (cell.next()) minutes.push(cell.minute)
    expect(minutes).toEqual([...Array(60).keys()])
  })
})
