import fc from 'fast-check'
import { pino } from 'pino'
import { describe, expect, test } from 'vitest'
import { orThrow } from '../../../schema/values/problems.ts'
import { openCountStore } from '../../../subgraphs/merchant/count-store.ts'
import { importMerchants } from '../../../subgraphs/merchant/import-merchants.ts'
import { createMerchantQueries } from '../../../subgraphs/merchant/merchant-queries.ts'
import { createMerchantStore } from '../../../subgraphs/merchant/merchant-store.ts'
import type { Merchant } from '../../../subgraphs/merchant/merchant.ts'
import { searchWords, wordsOf } from '../../../subgraphs/merchant/search-words.ts'
import { aMerchant, noon, products } from '../../fixtures/a-merchant.ts'
import { aRegistry } from '../../fixtures/a-registry.ts'
import { freshDatabase } from '../../harness/mongo.ts'

const { db } = await freshDatabase()
const logger = pino({ level: 'silent' })

const vocabulary = ['Demo', 'Demeter', 'Diner', 'Din', 'Fu', 'Fuhai', 'Long', '饭店', '福饭店']
const aName = fc.array(fc.constantFrom(...vocabulary), { minLength: 1, maxLength: 3 })
const someMerchants = fc
  .array(fc.record({ words: aName, city: fc.constantFrom('Shanghai', 'Beijing'), status: fc.boolean() }), {
    maxLength: 25,
  })
  .map((rows) =>
    rows.map(({ words, city, status }, n) =>
      aMerchant({
        mid: `M${n}`,
        name: words.filter((word) => /^\w/.test(word)).join(' ') || 'X',
        localName: words.filter((word) => !/^\w/.test(word)).join('') || null,
        city,
        status: status ? 'ACTIVE' : 'CLOSED',
      }),
    ),
  )
const aSearch = fc.constantFrom(
  'de',
  'demo',
  'din',
  'diner',
  'fu',
  'fuhai',
  'demo din',
  'de di fu',
  'lo',
  '饭店',
  'zz',
)

/** Opens the counts of these merchants, which are imported with these common words. */
async function imported(merchants: readonly Merchant[], commonWords: readonly string[], countedMax = 20_000) {
  await importMerchants(db, merchants, { products, commonWords: new Set(commonWords) })
  const counts = await openCountStore(db, () => noon, logger)
  const store = await createMerchantStore(db, counts, { countedMax })
  const registry = aRegistry({})
  const acceptance = { accepts: () => true, walletsFor: () => [] }
  const queries = createMerchantQueries({ store, counts, acceptance, registry, now: () => noon })
  return { store, queries, close: () => counts.close() }
}

const isFound = ({ name, localName, status }: Merchant, search: string): boolean =>
  status === 'ACTIVE' &&
  searchWords(search).every((wanted) => wordsOf(name, localName).some((word) => word.startsWith(wanted)))

describe('the coverage of a search', () => {
  test('is exact, whatever words are common, and equals the list', async () => {
    await fc.assert(
      fc.asyncProperty(
        someMerchants,
        someMerchants,
        fc.subarray(['demo', 'demeter', 'diner', 'fu', '饭店']),
        fc.array(fc.tuple(aSearch, fc.option(fc.constant(['Beijing']))), { minLength: 1, maxLength: 5 }),
        async (before, later, commonWords, searches) => {
          const { store, queries, close } = await imported(before, commonWords)
          try {
            if (later.length > 0) await store.register(later, noon)
            const statuses = new Map(before.map(({ id, status }) => [id, status]))
            const stored = new Map([...before, ...later].map((one) => [one.id, one]))
            const all = [...stored.values()].map((one) => ({
              ...one,
              status: statuses.get(one.id) ?? one.status,
            }))
            for (const [search, cities] of searches) {
              const where = { search, cities }
              const expected = all.filter(
                (one) => isFound(one, search) && (cities === null || one.city === 'Beijing'),
              )
              const coverage = orThrow(await queries.coverage({ where }))
              expect(coverage.merchants, `${search} in ${cities?.join()}`).toBe(expected.length)
              const list = orThrow(await queries.merchants({ where, first: 100 }))
              expect(list.edges.map(({ node }) => node.id).toSorted()).toEqual(
                expected.map(({ id }) => id).toSorted(),
              )
            }
          } finally {
            await close()
          }
        },
      ),
      { numRuns: 12 },
    )
  }, 60_000)

  test('is refused when too many names match, and not where counts answer it', async () => {
    const merchants = Array.from({ length: 10 }, (_, n) =>
      aMerchant({ mid: `M${n}`, name: `Fu Diner ${n}`, city: n < 4 ? 'Beijing' : 'Shanghai' }),
    )
    const { queries, close } = await imported(merchants, ['diner'], 5)
    expect(await queries.coverage({ where: { search: 'fu' } })).toMatchObject({
      code: 'SEARCH_TOO_BROAD',
      path: ['where', 'search'],
    })
    expect(orThrow(await queries.coverage({ where: { search: 'diner' } })).merchants).toBe(10)
    expect(orThrow(await queries.coverage({ where: { search: 'fu', cities: ['Beijing'] } })).merchants).toBe(
      4,
    )
    expect(orThrow(await queries.coverage({ where: { search: 'fu 3' } })).merchants).toBe(1)
    await close()
  })
})
