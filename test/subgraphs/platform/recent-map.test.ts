import fc from 'fast-check'
import { expect, test } from 'vitest'
import { RecentMap } from '../../../subgraphs/platform/async/recent-map.ts'

const max = 4

test('keeps the latest value of recent keys, and drops the oldest beyond its size', () => {
  const act = fc.record({ key: fc.nat({ max: 20 }), isRemoved: fc.boolean() })
  fc.assert(
    fc.property(fc.array(act, { maxLength: 60 }), (acts) => {
      const recent = new RecentMap<number, number>(2 * max)
      let set: { readonly key: number; readonly value: number }[] = []
      for (const [value, { key, isRemoved }] of acts.entries()) {
        if (isRemoved) recent.delete(key)
        else recent.set(key, value)
        set = set.filter((one) => one.key !== key)
        if (!isRemoved) set.push({ key, value })
        expect(recent.has(key)).toBe(!isRemoved)
        for (const one of set.slice(-max)) expect(recent.get(one.key)).toBe(one.value)
        const known = Array.from({ length: 21 }, (_, n) => n).filter((n) => recent.has(n))
        expect(known.length).toBeLessThanOrEqual(2 * max)
        for (const one of known) expect(recent.get(one)).toBe(set.find(({ key: n }) => n === one)?.value)
      }
    }),
  )
})

test('keeps what is read when it refreshes on read, and what is set otherwise', () => {
  const [byUse, byAge] = [
    new RecentMap<number, string>(4, { refreshOnRead: true }),
    new RecentMap<number, string>(4),
  ]
  for (const recent of [byUse, byAge]) {
    recent.set(0, 'first')
    for (let key = 1; key <= 20; key++) {
      recent.get(0)
      recent.set(key, 'later')
    }
  }
  expect(byUse.get(0)).toBe('first')
  expect(byAge.has(0)).toBe(false)
})

test.each([1, 2, 3, 8])('never holds more than %i entries', (size) => {
  const reads = fc.array(fc.record({ key: fc.nat({ max: 20 }), isRead: fc.boolean() }), { maxLength: 60 })
  fc.assert(
    fc.property(reads, fc.boolean(), (acts, refreshOnRead) => {
      const recent = new RecentMap<number, number>(size, { refreshOnRead })
      for (const { key, isRead } of acts) {
        if (isRead) recent.get(key)
        else recent.set(key, key)
        const held = Array.from({ length: 21 }, (_, n) => n).filter((n) => recent.has(n))
        expect(held.length).toBeLessThanOrEqual(Math.max(2, size))
      }
    }),
  )
})
