import fc from 'fast-check'
import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { ParticipantId, QrProductId } from '../../../schema/values/id.ts'
import { isRefusal, orThrow } from '../../../schema/values/problems.ts'
import { createAcceptance } from '../../../subgraphs/merchant/acceptance.ts'
import { openCountStore, type CountStore } from '../../../subgraphs/merchant/count-store.ts'
import { importMerchants } from '../../../subgraphs/merchant/import-merchants.ts'
import type { MerchantFilterInput } from '../../../subgraphs/merchant/merchant-filter.ts'
import {
  createMerchantQueries,
  type MerchantConnection,
  type MerchantQueries,
  type MerchantsQuestion,
} from '../../../subgraphs/merchant/merchant-queries.ts'
import { createMerchantStore } from '../../../subgraphs/merchant/merchant-store.ts'
import type { Merchant } from '../../../subgraphs/merchant/merchant.ts'
import { searchWords, wordsOf } from '../../../subgraphs/merchant/search-words.ts'
import { canPay } from '../../../subgraphs/shared/routing.ts'
import { aMerchant, noon, products, someMerchants } from '../../fixtures/a-merchant.ts'
import { anId } from '../../fixtures/an-id.ts'
import { aPayableRegistry } from '../../fixtures/a-payable-registry.ts'
import { freshDatabase } from '../../harness/mongo.ts'
import { countDirectly, figuresOf } from './count-directly.ts'

const { db } = await freshDatabase()
const registry = aPayableRegistry()

const crowded = Array.from({ length: 40 }, (_, n) =>
  aMerchant({
    acquirer: 'acquirer-cn-02',
    mid: `X${String(n).padStart(3, '0')}`,
    location: { lat: 31.2, lng: 121.4 },
  }),
)
/** Close together on one side of them, so that a guess of their density is wrong in either direction. */
const street = Array.from({ length: 60 }, (_, n) =>
  aMerchant({
    acquirer: 'acquirer-cn-02',
    mid: `Y${String(n).padStart(3, '0')}`,
    mcc: n % 3 === 0 ? '5411' : '5812',
    location: { lat: 31.2 + n ** 2 / 1_000_000, lng: 121.4004 },
  }),
)
const [drawn] = fc.sample(someMerchants({ minLength: 150, maxLength: 160 }), { numRuns: 1, seed: 7 })
const merchants: readonly Merchant[] = [...drawn!, ...crowded, ...street]

let counts: CountStore
let merchantQueries: MerchantQueries
beforeAll(async () => {
  await importMerchants(db, merchants, { products })
  counts = await openCountStore(db, () => noon, pino({ level: 'silent' }))
  const acceptance = createAcceptance(registry, () => noon)
  const store = await createMerchantStore(db, counts)
  merchantQueries = createMerchantQueries({ store, counts, acceptance, registry, now: () => noon })
})
afterAll(() => counts.close())

/** The edges of all pages of a list. */
async function allPages(
  question: MerchantsQuestion,
  read: (question: MerchantsQuestion) => Promise<MerchantConnection | object> = (page) =>
    merchantQueries.merchants(page),
): Promise<MerchantConnection['edges'][number][]> {
  const edges: MerchantConnection['edges'][number][] = []
  for (let after: string | null = null; ;) {
    const page = orThrow(await read({ ...question, after })) as MerchantConnection
    edges.push(...page.edges)
    if (!page.pageInfo.hasNextPage) return edges
    expect(page.edges).toHaveLength(question.first)
    after = page.pageInfo.endCursor
  }
}

/** A reference implementation of the filter. */
function matches(merchant: Merchant, where: MerchantFilterInput): boolean {
  const within = (list: readonly string[] | null | undefined, ...values: readonly string[]): boolean =>
    !list?.length || values.some((value) => list.includes(value))
  const words = wordsOf(merchant.name, merchant.localName)
  return (
    merchant.status === 'ACTIVE' &&
    within(where.countries, merchant.country) &&
    within(
      where.cities?.map((city) => city.toLowerCase()),
      merchant.city.toLowerCase(),
    ) &&
    within(where.mccs, merchant.mcc) &&
    within(where.scenarios, merchant.scenario) &&
    within(where.qrProducts, ...merchant.qrProducts) &&
    within(where.acquirers, merchant.acquirer) &&
    within(where.entryModes, ...merchant.entryModes) &&
    (where.online ?? merchant.online) === merchant.online &&
    searchWords(where.search ?? '').every((wanted) => words.some((word) => word.startsWith(wanted)))
  )
}

const sublist = <Entry>(...all: readonly Entry[]) => fc.option(fc.subarray([...all]), { freq: 3 })
const someFilter: fc.Arbitrary<MerchantFilterInput> = fc.record({
  countries: sublist('CN', 'TH', 'SG', 'JP'),
  cities: sublist('shanghai', 'Bangkok', 'BEIJING'),
  mccs: sublist('5812', '5411', '5815', '9999'),
  scenarios: sublist('DINING', 'RETAIL'),
  qrProducts: sublist(...['qr-cn-001', 'qr-th-001', 'qr-x'].map(anId<QrProductId>)),
  acquirers: sublist(...['acquirer-cn-01', 'acquirer-th-01'].map(anId<ParticipantId>)),
  entryModes: sublist('MPM_STATIC', 'CPM', 'IN_APP'),
  online: fc.option(fc.boolean(), { freq: 3 }),
  search: fc.constantFrom(null, null, 'lot', 'CAFÉ', 'lotus gold', '咖啡', '南京路咖', 'zz'),
})

/** Metres on the sphere that MongoDB uses. */
function haversine(a: { lat: number; lng: number }, b: { lat: number; lng: number }): number {
  const [lat1, lat2, dLng] = [a.lat, b.lat, b.lng - a.lng].map((degrees) => (degrees * Math.PI) / 180) as [
    number,
    number,
    number,
  ]
  const h = Math.sin((lat2 - lat1) / 2) ** 2 + Math.cos(lat1) * Math.cos(lat2) * Math.sin(dLng / 2) ** 2
  return 2 * 6_378_100 * Math.asin(Math.sqrt(h))
}

describe('a list of merchants', () => {
  test('has each match once, in order of id, and as many as coverage counts', async () => {
    await fc.assert(
      fc.asyncProperty(someFilter, fc.integer({ min: 1, max: 30 }), async (where, first) => {
        const expected = merchants.filter((merchant) => matches(merchant, where)).map(({ id }) => id)
        const edges = await allPages({ where, first })
        expect(edges.map(({ node }) => node.id)).toEqual(expected.toSorted())
        expect(edges.every(({ distanceMeters }) => distanceMeters === null)).toBe(true)
        const coverage = orThrow(await merchantQueries.coverage({ where }))
        expect(figuresOf(coverage)).toEqual(countDirectly(merchants, (merchant) => matches(merchant, where)))
      }),
      { numRuns: 150 },
    )
  })

  test('for a wallet counts merchants that routing lets it pay', async () => {
    const wallets = ['wallet-sg-01', 'wallet-th-01', 'network-unionpay'].map((id) =>
      registry.participants.get(anId(id))!,
    )
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...wallets), someFilter, async (wallet, where) => {
        const coverage = orThrow(await merchantQueries.coverage({ wallet: wallet.id, where }))
        const isPayable = (merchant: Merchant): boolean => {
          const acquirer = registry.participants.get(merchant.acquirer)
          return canPay({ wallet, acquirer, merchant, registry, now: noon })
        }
        expect(figuresOf(coverage)).toEqual(
          countDirectly(merchants, (merchant) => matches(merchant, where) && isPayable(merchant)),
        )
      }),
    )
    const all = await Promise.all(wallets.map(({ id }) => merchantQueries.coverage({ wallet: id })))
    const [first, second, third] = all.map((coverage) => orThrow(coverage).merchants)
    expect(first).toBeGreaterThan(second!)
    expect(second).toBeGreaterThan(third!)
  })

  test('near a point is nearest first, then by id, and its pages neither miss nor repeat a merchant', async () => {
    const around = fc.record({
      lat: fc.double({ min: 31.15, max: 31.28, noNaN: true }),
      lng: fc.double({ min: 121.35, max: 121.52, noNaN: true }),
      radiusMeters: fc.integer({ min: 1, max: 20_000 }),
    })
    const inStreet = fc.record({
      lat: fc.double({ min: 31.199, max: 31.206, noNaN: true }),
      lng: fc.double({ min: 121.399, max: 121.401, noNaN: true }),
      radiusMeters: fc.integer({ min: 1, max: 2_000 }),
    })
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(around, inStreet),
        someFilter,
        fc.integer({ min: 1, max: 30 }),
        async (near, where, first) => {
          const expected = merchants
            .filter((merchant) => merchant.location && matches(merchant, where))
            .map((merchant) => ({ id: merchant.id, meters: haversine(near, merchant.location!) }))
            .filter(({ meters }) => meters <= near.radiusMeters)
          const edges = await allPages({ near, where, first })
          expect(edges.map(({ node }) => node.id).toSorted()).toEqual(expected.map(({ id }) => id).toSorted())
          const metersOf = new Map(expected.map(({ id, meters }) => [id, meters]))
          const meters = edges.map(({ node }) => metersOf.get(node.id)!)
          meters.forEach((value, n) => expect(edges[n]!.distanceMeters).toBe(Math.round(value)))
          expect(meters.every((value, n) => n === 0 || value >= meters[n - 1]! - 1e-3)).toBe(true)
        },
      ),
      { numRuns: 100 },
    )
  })

  test('near a point with many merchants at one place has them in order of id over several pages', async () => {
    const near = { lat: 31.2, lng: 121.4, radiusMeters: 10 }
    const edges = await allPages({ near, first: 7, where: { acquirers: [anId('acquirer-cn-02')] } })
    const there = edges.filter(({ distanceMeters }) => distanceMeters === 0).map(({ node }) => node.id)
    expect(there).toEqual(crowded.map(({ id }) => id).toSorted())
  })

  test('of one acquirer includes merchants that take no payments', async () => {
    const edges = await allPages({ first: 9 }, (args) =>
      merchantQueries.merchantsOf(anId('acquirer-cn-01'), args),
    )
    const own = merchants.filter(({ acquirer }) => acquirer === 'acquirer-cn-01')
    expect(edges.map(({ node }) => node.id)).toEqual(own.map(({ id }) => id).toSorted())
    expect(new Set(edges.map(({ node }) => node.status)).size).toBe(3)
    expect(await merchantQueries.merchantsOf(anId('wallet-sg-01'), { first: 5 })).toMatchObject({ edges: [] })
  })

  const near = { lat: 31.2, lng: 121.4, radiusMeters: 1_000 }
  test.each([
    { when: '`first` is 0', question: { first: 0 }, code: 'BAD_PAGE' },
    { when: '`first` is 101', question: { first: 101, near }, code: 'BAD_PAGE' },
    { when: 'the cursor is invalid', question: { first: 5, after: 'x' }, code: 'CURSOR_INVALID' },
    {
      when: 'the latitude is off the map',
      question: { first: 5, near: { ...near, lat: 91 } },
      code: 'BAD_VALUE',
    },
    {
      when: 'the longitude is off the map',
      question: { first: 5, near: { ...near, lng: -181 } },
      code: 'BAD_VALUE',
    },
    {
      when: 'the radius is 0',
      question: { first: 5, near: { ...near, radiusMeters: 0 } },
      code: 'BAD_VALUE',
    },
    {
      when: 'the radius is 51 km',
      question: { first: 5, near: { ...near, radiusMeters: 51_000 } },
      code: 'BAD_VALUE',
    },
    {
      when: 'a country is unknown',
      question: { first: 5, where: { countries: ['XX'] } },
      code: 'UNKNOWN_COUNTRY',
    },
    {
      when: 'a category is not a code',
      question: { first: 5, where: { mccs: ['food'] } },
      code: 'BAD_VALUE',
    },
    {
      when: 'a scene is unknown',
      question: { first: 5, where: { scenarios: ['SPACE'] } },
      code: 'BAD_VALUE',
    },
    { when: 'a search is too short', question: { first: 5, where: { search: ' a ' } }, code: 'BAD_VALUE' },
    {
      when: 'a search is too long',
      question: { first: 5, where: { search: 'a'.repeat(41) } },
      code: 'BAD_VALUE',
    },
    { when: 'a search has signs only', question: { first: 5, where: { search: '.*' } }, code: 'BAD_VALUE' },
    {
      when: 'a list has 501 entries',
      question: { first: 5, where: { cities: Array.from({ length: 501 }, String) } },
      code: 'TOO_MANY',
    },
  ])('is refused when $when', async ({ question, code }) => {
    expect(await merchantQueries.merchants(question)).toMatchObject({ kind: 'refused', code })
  })

  test('refuses a cursor of another circle', async () => {
    const first = orThrow(await merchantQueries.merchants({ near, first: 5 }))
    const moved = { near: { ...near, lat: 31.3 }, first: 5, after: first.pageInfo.endCursor }
    expect(isRefusal(await merchantQueries.merchants(moved))).toBe(true)
    expect(await merchantQueries.merchants({ first: 5, after: first.pageInfo.endCursor })).toMatchObject({
      code: 'CURSOR_INVALID',
    })
  })
})
