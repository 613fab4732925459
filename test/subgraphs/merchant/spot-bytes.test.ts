import fc from 'fast-check'
import { BSON } from 'mongodb'
import { describe, expect, test } from 'vitest'
import type { ProfileKey } from '../../../subgraphs/merchant/count-key.ts'
import { readSpot } from '../../../subgraphs/merchant/spot-bytes.ts'

const keys = ['bHLNZ0d8en_-', '3hY5opBZDpBx', 'G5ZZOCWS1qmW'] as ProfileKey[]
const anEntry = fc.tuple(fc.integer({ min: 0, max: 63 }), fc.nat({ max: 2 }), fc.nat({ max: 100_000 }))

describe('the bytes of a spot', () => {
  test('have what the driver reads from them', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(anEntry, { selector: ([place, key]) => `${place} ${key}` }),
        fc.option(fc.constant('868c100efffffff')),
        fc.constantFrom('', 'Xi’an', 'São Paulo', '東京'),
        fc.constantFrom<(count: number) => unknown>(Number, BigInt, (count) => new BSON.Double(count)),
        (entries, region, city, number) => {
          const counts = Object.fromEntries(
            entries.map(([place, key, count]) => [
              `${String(place).padStart(2, '0')}${keys[key]!}`,
              number(count),
            ]),
          )
          const at = new Date('2026-03-01T00:00:00Z')
          const stored = { _id: `CN|x|${region}`, country: 'CN', city, region, version: 7, at, counts }
          const spot = readSpot(
            Buffer.from(BSON.serialize(stored)),
            (key) => keys.indexOf(key),
            expect.unreachable,
          )
          const { _id: id, ...head } = stored
          const packed = entries.filter(([, , count]) => count > 0)
          expect(spot).toEqual({
            ...head,
            id,
            counts: Uint32Array.from(packed.flatMap(([place, key, count]) => [key * 64 + place, count])),
          })
        },
      ),
    )
  })

  test('name the profiles that are missing', () => {
    const counts = { [`01${keys[0]}`]: 1, [`01${keys[1]}`]: 0, [`02${keys[2]}`]: 3 }
    const stored = {
      _id: 'CN|x|',
      country: 'CN',
      city: 'X',
      region: null,
      version: 1,
      at: new Date(),
      counts,
    }
    const missing: string[] = []
    const spot = readSpot(
      Buffer.from(BSON.serialize(stored)),
      (key) => (key === keys[0] ? 0 : undefined),
      (key) => missing.push(key),
    )
    expect(spot).toBeNull()
    expect(missing).toEqual([keys[2]])
  })
})
