import fc from 'fast-check'
import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { isRefusal, orThrow } from '../../../schema/values/problems.ts'
import { openCountStore, type CountStore } from '../../../subgraphs/merchant/count-store.ts'
import { importMerchants } from '../../../subgraphs/merchant/import-merchants.ts'
import { readMerchantFilter, type MerchantFilterInput } from '../../../subgraphs/merchant/merchant-filter.ts'
import { createMerchantStore, type MerchantStore } from '../../../subgraphs/merchant/merchant-store.ts'
import type { Merchant } from '../../../subgraphs/merchant/merchant.ts'
import { listByNames, type NameListLimits } from '../../../subgraphs/merchant/search-list.ts'
import { spotsOf } from '../../../subgraphs/merchant/search-counts.ts'
import { searchWords, wordsOf } from '../../../subgraphs/merchant/search-words.ts'
import { selectProfiles } from '../../../subgraphs/merchant/select-counts.ts'
import { aMerchant, noon, products } from '../../fixtures/a-merchant.ts'
import { freshDatabase } from '../../harness/mongo.ts'

const { db } = await freshDatabase()

const words = ['Fu', 'Fuhai', 'Long', 'Longlin', 'Demo']
/** The id of the first one begins that of the second, whose merchants come first in a list. */
const acquirers = ['acquirer-cn', 'acquirer-cn-01', 'acquirer-th-01']
const [merchants] = fc
  .sample(
    fc.array(
      fc.record({
        acquirer: fc.constantFrom(...acquirers),
        name: fc.array(fc.constantFrom(...words), { minLength: 1, maxLength: 2 }),
        mcc: fc.constantFrom('5812', '5812', '5812', '5411'),
        status: fc.constantFrom('ACTIVE', 'ACTIVE', 'CLOSED'),
        city: fc.constantFrom('Shanghai', 'Beijing'),
      }),
      { minLength: 120, maxLength: 120 },
    ),
    { numRuns: 1, seed: 5 },
  )
  .map((rows) =>
    rows.map(({ name, ...row }, n) =>
      aMerchant({ ...row, mid: `M${String(n).padStart(4, '0')}`, name: name.join(' ') }),
    ),
  )

let counts: CountStore
let store: MerchantStore
beforeAll(async () => {
  await importMerchants(db, merchants!, { products, commonWords: new Set(['demo']) })
  counts = await openCountStore(db, () => noon, pino({ level: 'silent' }))
  store = await createMerchantStore(db, counts)
})
afterAll(() => counts.close())

const matches = (
  { name, localName, status, mcc, city }: Merchant,
  { search, mccs, cities }: MerchantFilterInput & { readonly search: string },
) =>
  status === 'ACTIVE' &&
  (cities?.includes(city) ?? true) &&
  (mccs?.includes(mcc) ?? true) &&
  searchWords(search).every((wanted) => wordsOf(name, localName).some((word) => word.startsWith(wanted)))

const list = (
  where: MerchantFilterInput & { readonly search: string },
  page: { readonly after: Merchant['id'] | null; readonly size: number },
  limits: NameListLimits,
) => {
  const filter = orThrow(readMerchantFilter(where))
  const { cube } = counts
  const rare = filter.search!.filter((word) => !'demo'.startsWith(word))
  const selected = selectProfiles(cube, filter).profiles
  return listByNames(
    cube,
    selected,
    store.byNames(filter, rare, spotsOf(cube, filter), page.after),
    page,
    limits,
  )
}

describe('a list by words of names', () => {
  test('has each match in order of id, however frequent its words are, or is refused', async () => {
    const someEffort = fc.record({
      entriesMax: fc.integer({ min: 1, max: 60 }),
      walkMax: fc.constantFrom(3, 30, 1_000),
    })
    const limits = fc.record({
      efforts: fc.tuple(
        someEffort,
        fc.constantFrom({ entriesMax: 60, walkMax: 30 }, { entriesMax: 60, walkMax: 1_000 }),
      ),
      readMax: fc.constantFrom(10_000, 40),
    })
    const isAmple = ({ efforts, readMax }: NameListLimits) => readMax > 40 && efforts.at(-1)!.walkMax > 30
    const where = fc.record({
      search: fc.constantFrom('fu', 'fuhai', 'lo', 'longlin', 'fu lo', 'demo fu', 'zz', 'longlin fuhai'),
      mccs: fc.constantFrom(null, null, ['5411'], ['9999']),
      cities: fc.constantFrom(null, null, ['Beijing']),
    })
    let refused = 0
    await fc.assert(
      fc.asyncProperty(where, limits, fc.integer({ min: 1, max: 40 }), async (filter, limit, size) => {
        const expected = merchants!
          .filter((merchant) => matches(merchant, filter))
          .map(({ id }) => id)
          .toSorted()
        const found: Merchant['id'][] = []
        for (;;) {
          const after = found.at(-1) ?? null
          const page = await list(filter, { after, size }, limit)
          if (isRefusal(page)) {
            expect(page.code).toBe('SEARCH_TOO_BROAD')
            expect(isAmple(limit)).toBe(false)
            refused++
            return
          }
          found.push(...page.map(({ id }) => id))
          if (page.length < size) break
        }
        expect(found).toEqual(expected)
      }),
      { numRuns: 150 },
    )
    expect(refused).toBeGreaterThan(0)
  }, 60_000)

  test('reads a rare combination of frequent values whole, and refuses one that would be a scan', async () => {
    const page = { after: null, size: 50 }
    // 5411 has few merchants: those at each acquirer are read, although the words are frequent.
    const few = orThrow(
      await list({ search: 'fu', mccs: ['5411'] }, page, {
        efforts: [{ entriesMax: 1, walkMax: 30 }],
        readMax: 60,
      }),
    )
    expect(few.map(({ id }) => id)).toEqual(
      merchants!
        .filter((merchant) => matches(merchant, { search: 'fu', mccs: ['5411'] }))
        .map(({ id }) => id)
        .toSorted(),
    )
    expect(
      await list({ search: 'fu' }, page, { efforts: [{ entriesMax: 1, walkMax: 20 }], readMax: 60 }),
    ).toMatchObject({
      code: 'SEARCH_TOO_BROAD',
      path: ['where', 'search'],
    })
  })
})
