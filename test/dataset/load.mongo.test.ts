import { pino } from 'pino'
import { beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createHand, type HandImporters } from '../../dataset/hand.ts'
import {
  endLoad,
  isDatasetDue,
  isDatasetStored,
  storeDataset,
  type Importers,
  type LoadOptions,
  type LoadPhase,
  type LoadResult,
} from '../../dataset/load.ts'
import { checkFigures } from '../../gateway/app/dataset-figures.ts'
import { verify } from '../../gateway/verify/verify.ts'
import { clearActivity, finishActivity, loadActivity } from '../../subgraphs/analytics/import.ts'
import {
  chooseCommonWords,
  clearMerchants,
  createMerchantImport,
  finishMerchants,
  type TallyParts,
} from '../../subgraphs/merchant/import.ts'
import { checkpointsOf } from '../../subgraphs/log/checkpoint.ts'
import { importOffers } from '../../subgraphs/offers/import.ts'
import { importRegistry } from '../../subgraphs/participant/import.ts'
import {
  beginLog,
  builtInRates,
  finishPayments,
  loadPastPayments,
  preparePayments,
  reportingFen,
  tipOfImport,
  transactionProjections,
} from '../../subgraphs/transaction/import.ts'
import { aDataset, until } from '../fixtures/a-dataset.ts'
import { mapById } from '../fixtures/map-by-id.ts'
import { freshDatabase } from '../harness/mongo.ts'

const { db, uri } = await freshDatabase()
const silent = pino({ level: 'silent' })
const scale = 0.0001
const small = aDataset(1, scale)
const registry = { participants: mapById(small.participants), corridors: mapById(small.corridors) }

const importers: Importers<TallyParts> = {
  reference: (rows) => importRegistry(db, rows),
  commonWords: (merchants, indexes) => chooseCommonWords(indexes.map((index) => merchants.at(index))),
  clearMerchants: (words) => clearMerchants(db, words),
  offers: (offers) => importOffers(db, offers),
  finishMerchants: (counts, products) => finishMerchants(db, { counts, products, at: until }),
  clearPayments: async () => {
    await preparePayments(db)
    await clearActivity(db)
  },
  finishPayments: (count) =>
    Promise.all([
      finishPayments(db, count, transactionProjections),
      finishActivity(db, tipOfImport(count), true),
    ]),
}

async function loadDataset(of: Options): Promise<LoadResult> {
  const result = await storeDataset(db, of)
  if (result.loaded) await endLoad(db, () => beginLog(db))
  return result
}

/** The threads of a load, here one after the other in this thread. */
function twoHands(words: readonly string[], change: Partial<HandImporters<TallyParts>> = {}) {
  const hands = [1, 2].map(() => {
    const merchants = createMerchantImport(db, new Set(words))
    return createHand(small, {
      merchants: (rows, stored, onAdded) => merchants.add(rows, stored, onAdded),
      takeCounts: () => merchants.takeCounts(),
      async payments(payments, index) {
        await loadActivity(db, await loadPastPayments(db, registry, payments, index), index)
      },
      ...change,
    })
  })
  return Promise.resolve({ all: hands, close: async () => {} })
}

type Options = LoadOptions<TallyParts>

function options(changes: Partial<Options> = {}): Options & { logged: string[] } {
  const logged: string[] = []
  const log = (message: string) => void logged.push(message)
  return {
    seed: 1,
    scale,
    until,
    rates: builtInRates,
    reportingFen,
    importers,
    openHands: ({ commonWords }) => twoHands(commonWords),
    logger: { info: log, warn: log },
    logged,
    ...changes,
  }
}

const collections = [
  'participants',
  'corridors',
  'merchants',
  'coverage',
  'coverageProfiles',
  'payments',
  'log',
  'bookings',
  'positions',
  'activityHours',
  'activityMerchants',
  'activitySums',
]

/** Everything that a load stores. Retrieval reference numbers follow from a secret of the database. */
async function content() {
  const all = await Promise.all(
    collections.map(
      async (name) =>
        [
          name,
          await db
            .collection(name)
            .find({}, { projection: { rrn: 0 } })
            .sort({ _id: 1 })
            .toArray(),
        ] as const,
    ),
  )
  return Object.fromEntries(all)
}

/** A load that nothing interrupts, and what it stores: always the same. */
const phases = new Map<LoadPhase, string>()
const whole = options({ onProgress: (phase, done, total) => void phases.set(phase, `${done} of ${total}`) })
let result: LoadResult
let stored: Awaited<ReturnType<typeof content>>
beforeAll(async () => {
  result = await loadDataset(whole)
  stored = await content()
})

describe('a load into an empty database', () => {
  test('has the programme’s figures to the cent', async () => {
    const { merchants, payments, log } = stored
    expect(result).toMatchObject({ loaded: true, merchants: merchants!.length, payments: payments!.length })
    expect(whole.logged.join('\n')).toContain(`${merchants!.length} merchants`)
    expect(log!.at(-1)!.last).toBe(BigInt(payments!.length * 3))
    const { lines, isRight } = await checkFigures(db, silent)
    expect(lines.filter((line) => !line.endsWith('equal'))).toEqual([lines[0]])
    expect(isRight).toBe(true)

    const removed = await db.collection('qrProducts').findOneAndDelete({ acceptsForeignWallets: true })
    const after = await checkFigures(db, silent)
    await db.collection('qrProducts').insertOne(removed!)
    expect(after.isRight).toBe(false)
    expect(after.lines.filter((line) => line.endsWith('differs'))).toEqual([
      expect.stringMatching(/^QR products for foreign wallets, by the hub +232 +231 /),
    ])
  })

  test('stores what the projections derive from its log, and none of them begins again', async () => {
    const checkpoints = await checkpointsOf(db).find().toArray()
    const tip = BigInt(small.payments.count * 3)
    expect(new Map(checkpoints.map(({ _id, position }) => [_id, position]))).toEqual(
      new Map([...transactionProjections, 'activity'].map((name) => [name, tip])),
    )
    const checks = await verify(uri, db.databaseName)
    expect(checks.flatMap(({ violations }) => violations)).toEqual([])
    expect(checks.every(({ failed }) => failed === 0)).toBe(true)
  })

  test('reports how far each phase is, up to its end', () => {
    const { merchants, payments } = small
    expect(Object.fromEntries(phases)).toEqual({
      merchants: `${merchants.count} of ${merchants.count}`,
      values: `${payments.count} of ${payments.count}`,
      payments: `${payments.count} of ${payments.count}`,
      indexes: '2 of 2',
    })
  })

  test('is done once: a second load changes nothing', async () => {
    await db.collection('offers').deleteMany({})
    const again = options()
    expect(await loadDataset(again)).toEqual({ loaded: false })
    expect(await content()).toEqual(stored)
    expect(await db.collection('offers').countDocuments()).toBe(0)
    expect(again.logged).toEqual([])
  })

  test('warns when the database has another data set than the configured one', async () => {
    const other = options({ scale: 0.0002 })
    expect(await loadDataset(other)).toEqual({ loaded: false })
    expect(other.logged.join()).toContain('scale 0.0001')
  })
})

describe('a load', () => {
  beforeEach(() => db.dropDatabase())

  const fail = () => Promise.reject(new Error('power cut'))
  test.each<{ at: string; change: Partial<Options> }>([
    { at: 'the institutions', change: { importers: { ...importers, reference: fail } } },
    {
      at: 'the merchants',
      change: {
        openHands: ({ commonWords }) =>
          twoHands(commonWords, {
            async merchants(rows) {
              await createMerchantImport(db, new Set(commonWords)).add([...rows].slice(0, 3_000))
              await fail()
            },
          }),
      },
    },
    { at: 'the counts', change: { importers: { ...importers, finishMerchants: fail } } },
    {
      at: 'the payments',
      change: {
        openHands: ({ commonWords }) =>
          twoHands(commonWords, {
            async payments(payments, index) {
              await loadActivity(db, await loadPastPayments(db, registry, payments, index), index)
              if (index > 0) await fail()
            },
          }),
      },
    },
    { at: 'the indexes', change: { importers: { ...importers, finishPayments: fail } } },
  ])('resumes after an interruption at $at, and has the same result', async ({ change }) => {
    await expect(loadDataset(options(change))).rejects.toThrow('power cut')
    const later = new Date(until.getTime() + 86_400_000)
    const second = options({ until: later })
    expect(await loadDataset(second)).toMatchObject({ loaded: true })
    const found = await content()
    for (const name of collections) expect([name, found[name]]).toEqual([name, stored[name]])
  })

  test('that is stored is only ended, and due until then', async () => {
    expect(await storeDataset(db, options())).toMatchObject({ loaded: true })
    expect(await isDatasetStored(db, { seed: 1, scale })).toBe(true)
    expect(await isDatasetStored(db, { seed: 2, scale })).toBe(false)
    await expect(endLoad(db, fail)).rejects.toThrow('power cut')
    expect(await isDatasetDue(db, options())).toBe(true)

    expect(await storeDataset(db, options({ openHands: fail }))).toEqual({ loaded: false })
    await endLoad(db, () => beginLog(db))
    expect(await isDatasetDue(db, options())).toBe(false)
    const found = await content()
    for (const name of collections) expect([name, found[name]]).toEqual([name, stored[name]])
  })

  test('starts again after the interruption of another data set', async () => {
    const interrupted = options({ seed: 2, importers: { ...importers, clearPayments: fail } })
    await expect(loadDataset(interrupted)).rejects.toThrow('power cut')
    const second = options()
    expect(await loadDataset(second)).toMatchObject({ loaded: true })
    expect(second.logged.join()).toContain('starting again')
    expect((await checkFigures(db, silent)).isRight).toBe(true)
  })

  test('does not change a database that already has institutions', async () => {
    await db.collection<{ _id: string }>('participants').insertOne({ _id: 'wallet-xx-01' })
    expect(await loadDataset(options())).toEqual({ loaded: false })
    expect(await db.collection('merchants').countDocuments()).toBe(0)
  })
})
