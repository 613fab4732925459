import fc from 'fast-check'
import type { Db } from 'mongodb'
import { pino } from 'pino'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { openCountStore, type CountStore } from '../../../subgraphs/merchant/count-store.ts'
import { Coverage } from '../../../subgraphs/merchant/coverage.ts'
import { importMerchants } from '../../../subgraphs/merchant/import-merchants.ts'
import { readMerchantFilter, type MerchantFilter } from '../../../subgraphs/merchant/merchant-filter.ts'
import { createMerchantStore, type MerchantStore } from '../../../subgraphs/merchant/merchant-store.ts'
import { selectProfiles } from '../../../subgraphs/merchant/select-counts.ts'
import { aMerchant, noon, products, someMerchants } from '../../fixtures/a-merchant.ts'
import { freshDatabase } from '../../harness/mongo.ts'
import { countDirectly, figuresOf, readMerchants } from './count-directly.ts'

const { db } = await freshDatabase()
const logger = pino({ level: 'silent' })

/** One of several processes of a hub. */
interface Process {
  readonly counts: CountStore
  readonly store: MerchantStore
}

const open = async (): Promise<Process> => {
  const counts = await openCountStore(db, () => noon, logger)
  return { counts, store: await createMerchantStore(db, counts) }
}

const everything = readMerchantFilter(null) as MerchantFilter
const coverageOf = ({ counts: { cube } }: Pick<Process, 'counts'>): Coverage =>
  new Coverage(cube, {
    profiles: selectProfiles(cube, everything),
    cities: null,
    countries: null,
    found: null,
  })

let one: Process
let other: Process
beforeAll(async () => {
  await importMerchants(db, [], { products })
  one = await open()
  other = await open()
})
afterAll(() => Promise.all([one.counts.close(), other.counts.close()]))

/** Waits until a process has read the writes of another one. */
async function caughtUp(process: Process, merchants: number): Promise<void> {
  for (const deadline = Date.now() + 10_000; coverageOf(process).merchants !== merchants;) {
    if (Date.now() > deadline)
      throw new Error(`${coverageOf(process).merchants} merchants are counted, not ${merchants}`)
    await new Promise(setImmediate)
  }
}

/** The same database, where `onRead` runs once when all documents of a collection have been read. */
function withRead(database: Db, name: string, onRead: () => Promise<void>): Db {
  const collection = database.collection(name)
  let hasRead = false
  async function* documents(...query: Parameters<typeof collection.find>) {
    hasRead = true
    yield* collection.find(...query)
    await onRead()
  }
  const find = (...query: Parameters<typeof collection.find>) =>
    hasRead ? collection.find(...query) : { batchSize: () => documents(...query) }
  const read = new Proxy(collection, {
    get: (_, key) => (key === 'find' ? find : Reflect.get(collection, key)),
  })
  return new Proxy(database, {
    get(_, key) {
      if (key !== 'collection') return Reflect.get(database, key)
      return (of: string) => (of === name ? read : database.collection(of))
    },
  })
}

describe('stored counts', () => {
  test('are exact after any registrations, repeated and concurrent, by two processes', async () => {
    const calls = fc.array(fc.tuple(fc.boolean(), someMerchants({ maxLength: 25 })), {
      minLength: 1,
      maxLength: 6,
    })
    await fc.assert(
      fc.asyncProperty(calls, async (registrations) => {
        const results = await Promise.all(
          registrations.map(([isOther, merchants]) =>
            (isOther ? other : one).store.register(merchants, noon),
          ),
        )
        results.forEach(({ created, updated }, n) =>
          expect(created + updated).toBe(registrations[n]![1].length),
        )

        const expected = countDirectly(await readMerchants(db))
        const fresh = await open()
        expect(figuresOf(coverageOf(fresh))).toEqual(expected)
        await fresh.counts.close()
        await caughtUp(one, expected.merchants)
        await caughtUp(other, expected.merchants)
      }),
      { numRuns: 25, endOnFailure: true },
    )
    const expected = countDirectly(await readMerchants(db))
    expect(figuresOf(coverageOf(one))).toEqual(expected)
    expect(figuresOf(coverageOf(other))).toEqual(expected)
  })

  test('include what is registered while a process loads them', async () => {
    const registered = coverageOf(one).merchants + 1
    const loading = withRead(db, 'coverage', async () => {
      await one.store.register([aMerchant({ mid: 'MEANWHILE', city: 'Wuxi' })], noon)
      // The change has come to this process too, which has read all counts before.
      await caughtUp(other, registered)
    })
    const loaded = await openCountStore(loading, () => noon, logger)
    const { shares } = figuresOf(coverageOf({ counts: loaded }))
    expect(shares.CITY['cn:wuxi']).toBe(1)
    await loaded.close()
  })

  test('are read at once by the process that wrote them', async () => {
    const before = coverageOf(one).merchants
    await one.store.register([aMerchant({ mid: 'NEW1' }), aMerchant({ mid: 'NEW2', city: 'Nanjing' })], noon)
    expect(coverageOf(one).merchants).toBe(before + 2)
  })

  test('move with a merchant that moves to another city', async () => {
    const merchant = aMerchant({ mid: 'MOVES', city: 'Harbin', location: { lat: 45.75, lng: 126.65 } })
    const inHarbin = () => figuresOf(coverageOf(one)).shares.CITY['cn:harbin']
    expect(await one.store.register([merchant], noon)).toEqual({ created: 1, updated: 0 })
    expect(inHarbin()).toBe(1)
    const moved = { ...merchant, city: 'Dalian', location: { lat: 38.91, lng: 121.6 } }
    expect(await one.store.register([moved], noon)).toEqual({ created: 0, updated: 1 })
    expect(inHarbin()).toBeUndefined()
    expect(figuresOf(coverageOf(one)).shares.CITY['cn:dalian']).toBe(1)
  })

  test('do not change when the same call is repeated', async () => {
    const merchants = [aMerchant({ mid: 'AGAIN1' }), aMerchant({ mid: 'AGAIN2' })]
    await one.store.register(merchants, noon)
    const { version } = one.counts.cube
    expect(await one.store.register(merchants, noon)).toEqual({ created: 0, updated: 2 })
    expect(one.counts.cube.version).toBe(version)
    expect(figuresOf(coverageOf(one))).toEqual(countDirectly(await readMerchants(db)))
  })

  test('exclude a merchant that takes no payments, also when it is registered again', async () => {
    const merchant = aMerchant({ mid: 'GONE', status: 'SUSPENDED' })
    await one.store.register([merchant], noon)
    const before = coverageOf(one).merchants
    await one.store.register([{ ...merchant, status: 'ACTIVE', name: 'New Name' }], noon)
    expect(coverageOf(one).merchants).toBe(before)
    expect(await one.store.merchants.load(merchant.id)).toMatchObject({
      status: 'SUSPENDED',
      name: 'New Name',
    })
  })

  test('and merchants are written together or not at all', async () => {
    const merchant = aMerchant({ mid: 'ATOMIC', city: 'Lhasa' })
    await db.command({ collMod: 'coverage', validator: { city: { $ne: 'Lhasa' } } })
    await expect(one.store.register([merchant], noon)).rejects.toThrow('failed validation')
    expect(await one.store.merchants.load(merchant.id)).toBeNull()
    await db.command({ collMod: 'coverage', validator: {} })
    expect(await one.store.register([merchant], noon)).toEqual({ created: 1, updated: 0 })
    expect(figuresOf(coverageOf(one))).toEqual(countDirectly(await readMerchants(db)))
  })

  test('have the time of their last change', async () => {
    const later = new Date(noon.getTime() + 60_000)
    await one.store.register([aMerchant({ mid: 'LATER' })], later)
    expect(coverageOf(one).asOf).toEqual(later)
    await one.store.register([aMerchant({ mid: 'EARLIER' })], noon)
    expect(coverageOf(one).asOf).toEqual(later)
  })

  test('are loaded again when another process replaces all merchants', async () => {
    await importMerchants(db, [aMerchant({ mid: 'ONLY' })], { products })
    await caughtUp(other, 1)
    expect(figuresOf(coverageOf(other))).toEqual(countDirectly(await readMerchants(db)))
    await caughtUp(one, 1)
    await one.store.register([aMerchant({ mid: 'SECOND' })], noon)
    await caughtUp(other, 2)
  })
})

describe('importing merchants', () => {
  let imported: Process
  beforeEach(() => imported?.counts.close())
  afterAll(() => imported?.counts.close())

  test('gives the same counts as registering them', async () => {
    await fc.assert(
      fc.asyncProperty(someMerchants({ minLength: 1, maxLength: 40 }), async (merchants) => {
        expect(await importMerchants(db, merchants, { products })).toBe(merchants.length)
        imported = await open()
        expect(await readMerchants(db)).toHaveLength(merchants.length)
        expect(figuresOf(coverageOf(imported))).toEqual(countDirectly(merchants))
        await imported.counts.close()
      }),
      { numRuns: 5 },
    )
  })

  test('writes a stream of more merchants than one group, and replaces the previous ones', async () => {
    async function* stream() {
      for (let n = 0; n < 4_500; n++) yield aMerchant({ mid: `M${n}`, mcc: n % 3 === 0 ? '5411' : '5812' })
    }
    expect(await importMerchants(db, stream(), { products })).toBe(4_500)
    imported = await open()
    expect(await db.collection('merchants').countDocuments()).toBe(4_500)
    expect(figuresOf(coverageOf(imported)).shares.MCC).toEqual({ '5411': 1_500, '5812': 3_000 })
    expect([...imported.counts.cube.products.keys()]).toEqual(products.map(({ id }) => id))
  })

  test('rejects when an id occurs twice', async () => {
    await expect(importMerchants(db, [aMerchant(), aMerchant()], { products })).rejects.toThrow(
      /duplicate key/,
    )
  })
})
