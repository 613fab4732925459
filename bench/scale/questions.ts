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
  /** Of request `n`: equal documents would be answered from what is kept of the last answer. */
  readonly document: (n: number) => string
  readonly goalMs: number
  readonly byHand?: { readonly collection: string; readonly pipeline: readonly Document[] }
}

const active = { status: 'ACTIVE' }
const countBy = (field: string): Document[] => [
  { $group: { _id: `$${field}`, merchants: { $sum: 1 } } },
  { $sort: { merchants: -1 } },
  { $limit: 20 },
]

const countries = ['TH', 'SG', 'MY', 'KR', 'JP', 'ID', 'VN', 'PH', 'KH', 'LA']
const words = ['hotel', 'bakery', 'noodles', 'pharmacy', 'coffee', 'market']
const one = <Value>(values: readonly Value[], n: number): Value => values[n % values.length]!

const coverage = (
  what: string,
  args: (n: number) => string,
  match: Document,
  by: readonly [dimension: string, field: string],
): AskedQuestion => ({
  part: 'coverage',
  what: `coverage ${what}`,
  key: 'demo-wallet',
  document: (n) =>
    `{ merchantCoverage${args(n)} { merchants onlineMerchants cities breakdown(by: ${by[0]}, first: 20) { key merchants } } }`,
  goalMs: 20,
  byHand: { collection: 'merchants', pipeline: [{ $match: { ...active, ...match } }, ...countBy(by[1])] },
})

const near = (where: string, lat: number, lng: number): AskedQuestion => ({
  part: 'near',
  what: `within 5 km in ${where}`,
  key: 'demo-wallet',
  document: (n) =>
    `{ merchants(near: { lat: ${lat + (n % 50) / 5000}, lng: ${lng}, radiusMeters: 5000 }, first: 20) { edges { distanceMeters node { id name } } } }`,
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

const search = (what: string, where: (n: number) => string, match: Document): AskedQuestion => ({
  part: 'search',
  what: `search for ${what}`,
  key: 'demo-wallet',
  document: (n) => `{ merchants(where: ${where(n)}, first: 20) { edges { node { id name localName } } } }`,
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
  coverage('of a wallet', (n) => `(wallet: "wallet-${one(countries, n).toLowerCase()}-01")`, {}, [
    'COUNTRY',
    'country',
  ]),
  coverage('of a country', (n) => `(where: { countries: ["${one(countries, n)}"] })`, { country: 'TH' }, [
    'CITY',
    'city',
  ]),
  coverage(
    'of a city',
    (n) => `(where: { cities: ["${one(['Shanghai', 'Beijing', 'Bangkok', 'Seoul'], n)}"] })`,
    { cityFolded: 'shanghai' },
    ['MCC', 'mcc'],
  ),
  coverage(
    'of a category',
    (n) => `(where: { mccs: ["${one(['7011', '5812', '5411'], n)}"] })`,
    { mcc: '7011' },
    ['CITY', 'city'],
  ),
  coverage(
    'of a word in every name',
    (n) => `(where: { search: "demo", countries: ["${one(countries, n)}", "CN"] })`,
    { name: /demo/i },
    ['COUNTRY', 'country'],
  ),
  coverage('of a frequent word', (n) => `(where: { search: "${one(words, n)}" })`, { name: /bakery/i }, [
    'COUNTRY',
    'country',
  ]),
  coverage(
    'of a rare word',
    (n) => `(where: { search: "${one(['fuhai', 'longlin', 'huayi'], n)}" })`,
    { words: /^fuhai/ },
    ['CITY', 'city'],
  ),
  near('Shanghai', 31.2304, 121.4737),
  near('Bangkok', 13.7563, 100.5018),
  near('a village', 19.88, 102.13),
  search('a frequent word', (n) => `{ search: "${one(words, n)}" }`, { name: /hotel/i }),
  search(
    'a rare word in a country',
    (n) => `{ search: "${one(['fuhai', 'longlin', 'huayi'], n)}", countries: ["CN"] }`,
    {
      words: /^fuhai/,
      country: 'CN',
    },
  ),
  search('a word in Thai', () => '{ search: "ครัว" }', { localName: /ครัว/ }),
  {
    part: 'map',
    what: 'the map of a country',
    key: 'demo-wallet',
    document: (n) =>
      `{ merchantCoverage(where: { countries: ["TH"] }) { cells(bounds: { west: 97, south: ${5 + (n % 10) / 10}, east: 106, north: 21 }, zoom: 6) { id merchants } } }`,
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
    document: (n) =>
      `{ activity(where: { range: { lastDays: ${730 - (n % 20)} } }) { payments value { amount } ${breakdowns
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
    document: (n) =>
      `{ corridors(first: 100) { edges { node { id coverage { merchants } activity(range: { lastDays: ${365 - (n % 20)} }) { payments value { amount } } } } } }`,
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
