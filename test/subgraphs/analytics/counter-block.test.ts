import { describe, expect, test } from 'vitest'
import type { Delta } from '../../../subgraphs/analytics/delta.ts'
import {
  cellWidth,
  halfMask,
  Names,
  OpenCounterBlock,
  readCounterBlock,
  tallyWidth,
} from '../../../subgraphs/analytics/counter-block.ts'
import { aPayment } from '../../fixtures/log-data.ts'

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
/** How often each latency or reason was counted. */
const tallies = (block: OpenCounterBlock): number[] => {
  const { words, cells } = readCounterBlock(block.content(), new Names())
  const rows = words.subarray(cells * cellWidth)
  return Array.from({ length: rows.length / tallyWidth }, (_, n) => rows[n * tallyWidth + 2]!)
}

describe('a slab', () => {
  test('counts equal latencies and equal reasons of a cell once, so that it grows with minutes and not with payments', () => {
    const block = new OpenCounterBlock({ start, upTo: 0n })
    for (let n = 0; n < 100; n++) {
      block.add(aPayment(), approvedIn(40))
      block.add(aPayment(), declined)
    }
    expect(block.size).toBe(1 + 2)
    expect(tallies(block)).toEqual([100, 100])
  })

  test('goes on where it was closed: with the cells and tallies that it has', () => {
    const first = new OpenCounterBlock({ start, upTo: 0n })
    const later = aPayment({ createdAt: new Date('2026-02-10T09:31:00Z') })
    first.add(aPayment(), approvedIn(40))
    first.add(later, approvedIn(40))
    const again = new OpenCounterBlock(first.content())
    again.add(aPayment(), approvedIn(40))
    again.add(later, approvedIn(4_000))
    expect(again.size).toBe(2 + 3)
    expect(tallies(again)).toEqual([2, 1, 1])
  })

  test('makes room for as many cells as come', () => {
    const block = new OpenCounterBlock({ start, upTo: 0n })
    for (let minute = 0; minute < 60; minute++) {
      block.add(aPayment({ createdAt: new Date(start.getTime() + minute * 60_000) }), approvedIn(40))
    }
    const { cells, words } = readCounterBlock(block.content(), new Names())
    expect(cells).toBe(60)
    expect(Array.from({ length: cells }, (_, n) => words[n * cellWidth]! & halfMask)).toEqual([
      ...Array(60).keys(),
    ])
  })
})
