// The questions of `bench.ts`, and the aggregations that answer the same without a hub.

import type { Document } from 'mongodb'

/** What `PARTS` selects from. */
export const parts = [
  'coverage',
  'near',
  'search',
  'map',
  'activity',
  'corridors',
  'payments',
  'projection',
] as const
export type Part = (typeof parts)[number]

export interface AskedQuestion {
  readonly part: Part
  readonly what: string
  /** The API key of the caller. */
  readonly key: 'demo-wallet' | 'demo-operator'
  readonly document: string
  readonly goalMs: number
  readonly byHand?: { readonly collection: string; readonly pipeline: readonly Document[] }
}

const active = { status: 'ACTIVE' }
const countBy = (field: string): Document[] => [
  { $group: { _id: `$${field}`, merchants: { $sum: 1 } } },
  { $sort: { merchants: -1 } },
  { $limit: 20 },
]

const coverage = (
  what: string,
  args: string,
  match: Document,
  by: readonly [dimension: string, field: string],
): AskedQuestion => ({
  part: 'coverage',
  what: `coverage ${what}`,
  key: 'demo-wallet',
  document: `{ merchantCoverage${args} { merchants onlineMerchants cities breakdown(by: ${by[0]}, first: 20) { key merchants } } }`,
  goalMs: 20,
  byHand: { collection: 'merchants', pipeline: [{ $match: { ...active, ...match } }, ...countBy(by[1])] },
})

const near = (where: string, lat: number, lng: number): AskedQuestion => ({
  part: 'near',
  what: `within 5 km in ${where}`,
  key: 'demo-wallet',
  document: `{ merchants(near: { lat: ${lat}, lng: ${lng}, radiusMeters: 5000 }, first: 20) { edges { distanceMeters node { id name } } } }`,
  goalMs: 20,
  byHand: {
    collection: 'merchants',
    pipeline: [
      {
        $geoNear: {
          near: { type: 'Point', coordinates: [lng, lat] },
          distanceField: 'meters',
          maxDistance: 5000,
          query: active,
        },
      },
      { $limit: 20 },
    ],
  },
})

const search = (what: string, where: string, match: Document): AskedQuestion => ({
  part: 'search',
  what: `search for ${what}`,
  key: 'demo-wallet',
  document: `{ merchants(where: ${where}, first: 20) { edges { node { id name localName } } } }`,
  goalMs: 30,
  byHand: {
    collection: 'merchants',
    pipeline: [{ $match: { ...active, ...match } }, { $sort: { _id: 1 } }, { $limit: 20 }],
  },
})

const year = (days: number): Document => ({
  $match: { createdAt: { $gte: new Date(Date.now() - days * 86_400_000) } },
})

const breakdowns = ['CORRIDOR', 'WALLET', 'ACQUIRER']

export const questions: readonly AskedQuestion[] = [
  coverage('of a wallet', '(wallet: "wallet-sg-01")', {}, ['COUNTRY', 'country']),
  coverage('of a country', '(where: { countries: ["TH"] })', { country: 'TH' }, ['CITY', 'city']),
  coverage('of a city', '(where: { cities: ["Shanghai"] })', { cityFolded: 'shanghai' }, ['MCC', 'mcc']),
  coverage('of a category', '(where: { mccs: ["7011"] })', { mcc: '7011' }, ['CITY', 'city']),
  coverage('of a word in every name', '(where: { search: "demo" })', { name: /demo/i }, [
    'COUNTRY',
    'country',
  ]),
  coverage('of a frequent word', '(where: { search: "bakery" })', { name: /bakery/i }, [
    'COUNTRY',
    'country',
  ]),
  coverage('of a rare word', '(where: { search: "fuhai" })', { words: /^fuhai/ }, ['CITY', 'city']),
  near('Shanghai', 31.2304, 121.4737),
  near('Bangkok', 13.7563, 100.5018),
  near('a village', 19.88, 102.13),
  search('a frequent word', '{ search: "hotel" }', { name: /hotel/i }),
  search('a rare word in a country', '{ search: "fuhai", countries: ["CN"] }', {
    words: /^fuhai/,
    country: 'CN',
  }),
  search('a word in Thai', '{ search: "ครัว" }', { localName: /ครัว/ }),
  {
    part: 'map',
    what: 'the map of a country',
    key: 'demo-wallet',
    document:
      '{ merchantCoverage(where: { countries: ["TH"] }) { cells(bounds: { west: 97, south: 5, east: 106, north: 21 }, zoom: 6) { id merchants } } }',
    goalMs: 50,
    byHand: {
      collection: 'merchants',
      pipeline: [
        { $match: { ...active, country: 'TH' } },
        { $group: { _id: '$spot', merchants: { $sum: 1 } } },
      ],
    },
  },
  {
    part: 'activity',
    what: 'activity of two years, three breakdowns',
    key: 'demo-operator',
    document: `{ activity(where: { range: { lastDays: 730 } }) { payments value { amount } ${breakdowns
      .map((by) => `${by.toLowerCase()}: breakdown(by: ${by}, first: 20) { key payments }`)
      .join(' ')} } }`,
    goalMs: 50,
    byHand: {
      collection: 'payments',
      pipeline: [
        year(730),
        {
          $facet: Object.fromEntries(
            breakdowns.map((by) => [
              by,
              [{ $group: { _id: `$${by.toLowerCase()}`, payments: { $sum: 1 } } }],
            ]),
          ),
        },
      ],
    },
  },
  {
    part: 'corridors',
    what: '100 corridors with coverage and activity',
    key: 'demo-operator',
    document:
      '{ corridors(first: 100) { edges { node { id coverage { merchants } activity(range: { lastDays: 365 }) { payments value { amount } } } } } }',
    goalMs: 100,
    byHand: {
      collection: 'payments',
      pipeline: [
        year(365),
        { $group: { _id: '$corridor', payments: { $sum: 1 }, fen: { $sum: '$reporting.minor' } } },
      ],
    },
  },
]
