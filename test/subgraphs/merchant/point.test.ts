import fc from 'fast-check'
import { expect, test } from 'vitest'
import { areWithin, metersBetween } from '../../../subgraphs/merchant/point.ts'

const degrees = (max: number) => fc.double({ min: -max, max, noNaN: true })
const points = fc.record({ lat: degrees(90), lng: degrees(180) })

test('two points are within a distance when they are at most that far apart, however far north they are', () => {
  fc.assert(
    fc.property(
      points,
      degrees(1),
      degrees(180),
      fc.integer({ min: 1, max: 200_000 }),
      (a, north, east, meters) => {
        const b = { lat: Math.max(-90, Math.min(90, a.lat + north)), lng: east }
        expect(areWithin(a, b, meters)).toBe(metersBetween(a, b) <= meters)
      },
    ),
    {
      examples: [
        [{ lat: 31.23, lng: 121.47 }, 0.04, 121.47, 5_000],
        [{ lat: 31.23, lng: 121.47 }, 0.05, 121.47, 5_000],
      ],
    },
  )
})
