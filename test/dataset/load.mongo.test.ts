import type { Db } from 'mongodb'
import { beforeEach, describe, expect, test } from 'vitest'
import { loadDataset, type Importers, type LoadOptions } from '../../dataset/load.ts'
import { importMerchants } from '../../subgraphs/merchant/index.ts'
import { importRegistry } from '../../subgraphs/participant/index.ts'
import { builtInRates } from '../../subgraphs/transaction/price/rates.ts'
import { freshDatabase } from '../harness/mongo.ts'
import { aDataset, until } from '../fixtures/a-dataset.ts'

const { db } = await freshDatabase()
const small = aDataset(1, 0.0001)

/** Payments are kept as they come: what the hub makes of them is for others to test. */
const importersOf = (database: Db): Importers => ({
  reference: (rows) => importRegistry(database, rows),
  merchants: (merchants, products) => importMerchants(database, merchants, { products }),
  payments: (payments) =>
    database
      .collection<{ _id: string }>('payments')
      .insertMany([...payments].map(({ id, ...rest }) => ({ _id: id, ...rest }))),
})

function options(changes: Partial<LoadOptions> = {}): LoadOptions & { said: string[] } {
  const said: string[] = []
  const say = (message: string) => void said.push(message)
  return {
    seed: 1,
    scale: 0.0001,
    until,
    rates: builtInRates,
    importers: importersOf(db),
    logger: { info: say, warn: say },
    said,
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
  test('fills an empty database, and says what it did', async () => {
    const given = options()
    const result = await loadDataset(db, given)
    const there = await counts()
    expect(result).toMatchObject({ loaded: true, merchants: there.merchants, payments: there.payments })
    expect(there.merchants).toBe(1_235 + 168)
    expect(there.payments).toBe(198 + 94)
    expect(there.corridors).toBeGreaterThan(60)
    expect(given.said.join('\n')).toContain(`${there.merchants} merchants`)
  })

  test('is done once: the next start finds it there', async () => {
    await loadDataset(db, options())
    await db.collection('payments').deleteMany({})
    const again = options()
    expect(await loadDataset(db, again)).toEqual({ loaded: false })
    expect((await counts()).payments).toBe(0)
    expect(again.said).toEqual([])
  })

  test('says so when another one is asked for than is there', async () => {
    await loadDataset(db, options())
    const other = options({ scale: 0.0002 })
    expect(await loadDataset(db, other)).toEqual({ loaded: false })
    expect(other.said.join()).toContain('scale 0.0001')
  })

  test.each(['reference', 'merchants', 'payments'] as const)(
    'starts over when it was cut short at the %s, and leaves nothing of the first try',
    async (part) => {
      const cut: Importers = {
        ...importersOf(db),
        [part]: async (...rows: never[]) => {
          await (importersOf(db)[part] as (...rows: never[]) => Promise<unknown>)(...rows)
          throw new Error('power cut')
        },
      }
      await expect(loadDataset(db, options({ importers: cut, seed: 2, scale: 0.0003 }))).rejects.toThrow(
        'power cut',
      )

      const second = options()
      expect(await loadDataset(db, second)).toMatchObject({ loaded: true })
      expect(second.said.join()).toContain('starting over')
      expect(await counts()).toEqual({
        participants: small.participants.length,
        corridors: small.corridors.length,
        merchants: small.merchants.count,
        payments: small.payments.count,
      })
    },
  )

  test('leaves a database alone that has institutions of its own', async () => {
    await db.collection<{ _id: string }>('participants').insertOne({ _id: 'wallet-xx-01' })
    expect(await loadDataset(db, options())).toEqual({ loaded: false })
    expect(await counts()).toMatchObject({ participants: 1, merchants: 0 })
  })
})
