import fc from 'fast-check'
import { expect, test } from 'vitest'
import { RecentMap } from '../../../subgraphs/platform/async/recent-map.ts'

const max = 4

test('what was set lately is known by its latest value, and what lies long back is forgotten', () => {
  const act = fc.record({ key: fc.nat({ max: 20 }), isRemoved: fc.boolean() })
  fc.assert(
    fc.property(fc.array(act, { maxLength: 60 }), (acts) => {
      const recent = new RecentMap<number, number>(max)
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
