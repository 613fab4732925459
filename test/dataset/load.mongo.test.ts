import type { Db } from 'mongodb'
import { beforeEach, describe, expect, test } from 'vitest'
import { loadDataset, type Importers, type LoadOptions } from '../../dataset/load.ts'
import { importMerchants } from '../../subgraphs/merchant/index.ts'
import { importOffers } from '../../subgraphs/offers/index.ts'
import { importRegistry } from '../../subgraphs/participant/index.ts'
import { builtInRates } from '../../subgraphs/transaction/price/rates.ts'
import { aDataset, until } from '../fixtures/a-dataset.ts'
import { freshDatabase } from '../harness/mongo.ts'

const { db } = await freshDatabase()
const small = aDataset(1, 0.0001)

/** Stores payments unchanged; the import of payments has its own tests. */
const importersOf = (database: Db): Importers => ({
  reference: (rows) => importRegistry(database, rows),
  merchants: (merchants, products) => importMerchants(database, merchants, { products }),
  offers: (offers) => importOffers(database, offers),
  payments: (payments) =>
    database
      .collection<{ _id: string }>('payments')
      .insertMany([...payments].map(({ id, ...rest }) => ({ _id: id, ...rest }))),
})

function options(changes: Partial<LoadOptions> = {}): LoadOptions & { logged: string[] } {
  const logged: string[] = []
  const log = (message: string) => void logged.push(message)
  return {
    seed: 1,
    scale: 0.0001,
    until,
    rates: builtInRates,
    importers: importersOf(db),
    logger: { info: log, warn: log },
    logged,
    ...changes,
  }
}

const counts = async () => ({
  participants: await db.collection('participants').countDocuments(),
  corridors: await db.collection('corridors').countDocuments(),
  merchants: await db.collection('merchants').countDocuments(),
  payments: await db.collection('payments').countDocuments(),
})

beforeEach(() => db.dropDatabase())

describe('loading the data set', () => {
  test('fills an empty database, and logs the numbers', async () => {
    const loadOptions = options()
    const result = await loadDataset(db, loadOptions)
    const stored = await counts()
    expect(result).toMatchObject({ loaded: true, merchants: stored.merchants, payments: stored.payments })
    expect(stored.merchants).toBe(1_235 + 168)
    expect(stored.payments).toBe(198 + 94)
    expect(stored.corridors).toBeGreaterThan(60)
    expect(loadOptions.logged.join('\n')).toContain(`${stored.merchants} merchants`)
  })

  test('is done once: the next start finds it loaded', async () => {
    await loadDataset(db, options())
    await db.collection('payments').deleteMany({})
    const again = options()
    expect(await loadDataset(db, again)).toEqual({ loaded: false })
    expect((await counts()).payments).toBe(0)
    expect(again.logged).toEqual([])
  })

  test('warns when the database has another data set than the configured one', async () => {
    await loadDataset(db, options())
    const other = options({ scale: 0.0002 })
    expect(await loadDataset(db, other)).toEqual({ loaded: false })
    expect(other.logged.join()).toContain('scale 0.0001')
  })

  test.each(['reference', 'merchants', 'offers', 'payments'] as const)(
    'starts again after an interruption at the %s, and leaves nothing of the first try',
    async (part) => {
      const interrupted: Importers = {
        ...importersOf(db),
        [part]: async (...rows: never[]) => {
          await (importersOf(db)[part] as (...rows: never[]) => Promise<unknown>)(...rows)
          throw new Error('power cut')
        },
      }
      await expect(
        loadDataset(db, options({ importers: interrupted, seed: 2, scale: 0.0003 })),
      ).rejects.toThrow('power cut')

      const second = options()
      expect(await loadDataset(db, second)).toMatchObject({ loaded: true })
      expect(second.logged.join()).toContain('starting again')
      expect(await counts()).toEqual({
        participants: small.participants.length,
        corridors: small.corridors.length,
        merchants: small.merchants.count,
        payments: small.payments.count,
      })
    },
  )

  test('does not change a database that already has institutions', async () => {
    await db.collection<{ _id: string }>('participants').insertOne({ _id: 'wallet-xx-01' })
    expect(await loadDataset(db, options())).toEqual({ loaded: false })
    expect(await counts()).toMatchObject({ participants: 1, merchants: 0 })
  })
})
