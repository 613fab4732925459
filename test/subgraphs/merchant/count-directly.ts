// Reference counts: computed directly from the merchants, for comparison with the stored counts.

import { latLngToCell } from 'h3-js'
import type { Db } from 'mongodb'
import type { Coverage } from '../../../subgraphs/merchant/coverage.ts'
import type { Merchant } from '../../../subgraphs/merchant/merchant.ts'

interface CoverageFigures {
  readonly merchants: number
  readonly onlineMerchants: number
  readonly cities: number
  readonly shares: Readonly<
    Record<'COUNTRY' | 'CITY' | 'MCC' | 'SCENARIO' | 'QR_PRODUCT', Record<string, number>>
  >
  readonly cells: Record<string, number>
}

const world = { west: -180, south: -90, east: 180, north: 90 }
const zoom = 20

/** The figures of `coverage`, in a form to compare. */
export function figuresOf(coverage: Coverage): CoverageFigures {
  const share = (by: keyof CoverageFigures['shares']) => {
    const rows = coverage.breakdown(by, 500)
    if (!Array.isArray(rows)) throw new Error('a breakdown was refused')
    return Object.fromEntries(rows.map(({ key, merchants }) => [key.toLowerCase(), merchants]))
  }
  const cells = coverage.cells(world, zoom)
  if (!Array.isArray(cells)) throw new Error('cells were refused')
  return {
    merchants: coverage.merchants,
    onlineMerchants: coverage.onlineMerchants,
    cities: coverage.cities,
    shares: {
      COUNTRY: share('COUNTRY'),
      CITY: share('CITY'),
      MCC: share('MCC'),
      SCENARIO: share('SCENARIO'),
      QR_PRODUCT: share('QR_PRODUCT'),
    },
    cells: Object.fromEntries(cells.map(({ id, merchants }) => [id, merchants])),
  }
}

/** The same figures, counted one by one. */
export function countDirectly(
  merchants: readonly Merchant[],
  matches: (merchant: Merchant) => boolean = () => true,
): CoverageFigures {
  const counted = merchants.filter((merchant) => merchant.status === 'ACTIVE' && matches(merchant))
  const countBy = (keysOf: (merchant: Merchant) => readonly string[]) => {
    const sums: Record<string, number> = {}
    for (const key of counted.flatMap(keysOf)) sums[key.toLowerCase()] = (sums[key.toLowerCase()] ?? 0) + 1
    return sums
  }
  const cities = countBy(({ country, city }) => [`${country}:${city}`])
  return {
    merchants: counted.length,
    onlineMerchants: counted.filter(({ online }) => online).length,
    cities: Object.keys(cities).length,
    shares: {
      COUNTRY: countBy(({ country }) => [country]),
      CITY: cities,
      MCC: countBy(({ mcc }) => [mcc]),
      SCENARIO: countBy(({ scenario }) => [scenario]),
      QR_PRODUCT: countBy(({ qrProducts }) => qrProducts),
    },
    cells: countBy(({ location }) => (location ? [latLngToCell(location.lat, location.lng, 8)] : [])),
  }
}

/** All merchants of a database, read without the code under test. */
export async function readMerchants(db: Db): Promise<Merchant[]> {
  const stored = await db.collection('merchants').find().toArray()
  return stored.map(({ _id, location, ...rest }) => ({
    ...rest,
    id: _id as unknown as string,
    location: location && { lng: location.coordinates[0], lat: location.coordinates[1] },
  })) as unknown as Merchant[]
}
