import { pino } from 'pino'
import { beforeEach, describe, expect, test } from 'vitest'
import { createHand, type HandImporters } from '../../dataset/hand.ts'
import { loadDataset, type Importers, type LoadOptions, type LoadPhase } from '../../dataset/load.ts'
import { checkFigures } from '../../gateway/app/dataset-figures.ts'
import { verify } from '../../gateway/verify/verify.ts'
import { clearActivity, finishActivity, loadActivity } from '../../subgraphs/analytics/index.ts'
import {
  chooseCommonWords,
  clearMerchants,
  createMerchantImport,
  finishMerchants,
  type TallyParts,
} from '../../subgraphs/merchant/index.ts'
import { checkpointsOf } from '../../subgraphs/log/checkpoint.ts'
import { importOffers } from '../../subgraphs/offers/index.ts'
import { importRegistry } from '../../subgraphs/participant/index.ts'
import {
  builtInRates,
  finishPayments,
  loadPastPayments,
  preparePayments,
  reportingFen,
  transactionProjections,
} from '../../subgraphs/transaction/index.ts'
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
  finishPayments: async (count) => {
    await finishActivity(db, await finishPayments(db, count, transactionProjections), true)
  },
}

/** The threads of a load, here one after the other in this thread. */
function twoHands(words: readonly string[], change: Partial<HandImporters<TallyParts>> = {}) {
  const hands = [1, 2].map(() => {
    const merchants = createMerchantImport(db, new Set(words))
    return createHand(small, {
      merchants: (rows, stored, onAdded) => merchants.add(rows, stored, onAdded),
      counts: () => merchants.counts(),
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

beforeEach(() => db.dropDatabase())

describe('loading the data set', () => {
  test('fills an empty database with the programme’s figures to the cent', async () => {
    const loadOptions = options()
    const result = await loadDataset(db, loadOptions)
    const { merchants, payments, log } = await content()
    expect(result).toMatchObject({ loaded: true, merchants: merchants!.length, payments: payments!.length })
    expect(loadOptions.logged.join('\n')).toContain(`${merchants!.length} merchants`)
    expect(log!.at(-1)!.last).toBe(BigInt(payments!.length * 3))
    const { lines, isRight } = await checkFigures(db, silent)
    expect(lines.filter((line) => !line.endsWith('equal'))).toEqual([lines[0]])
    expect(isRight).toBe(true)

    await db.collection('qrProducts').deleteOne({ acceptsForeignWallets: true })
    const after = await checkFigures(db, silent)
    expect(after.isRight).toBe(false)
    expect(after.lines.filter((line) => line.endsWith('differs'))).toEqual([
      expect.stringMatching(/^QR products for foreign wallets, by the hub +232 +231 /),
    ])
  })

  test('stores what the projections derive from its log, and none of them begins again', async () => {
    await loadDataset(db, options())
    const checkpoints = await checkpointsOf(db).find().toArray()
    const tip = BigInt(small.payments.count * 3)
    expect(new Map(checkpoints.map(({ _id, position }) => [_id, position]))).toEqual(
      new Map([...transactionProjections, 'activity'].map((name) => [name, tip])),
    )
    const checks = await verify(uri, db.databaseName)
    expect(checks.flatMap(({ violations }) => violations)).toEqual([])
    expect(checks.every(({ failed }) => failed === 0)).toBe(true)
  })

  test('reports how far each phase is, up to its end', async () => {
    const latest = new Map<LoadPhase, string>()
    await loadDataset(
      db,
      options({ onProgress: (phase, done, total) => void latest.set(phase, `${done} of ${total}`) }),
    )
    const { merchants, payments } = small
    expect(Object.fromEntries(latest)).toEqual({
      merchants: `${merchants.count} of ${merchants.count}`,
      values: `${payments.count} of ${payments.count}`,
      payments: `${payments.count} of ${payments.count}`,
      indexes: '2 of 2',
    })
  })

  test('is done once: a second load changes nothing', async () => {
    await loadDataset(db, options())
    await db.collection('payments').deleteMany({})
    const again = options()
    expect(await loadDataset(db, again)).toEqual({ loaded: false })
    expect(await db.collection('payments').countDocuments()).toBe(0)
    expect(again.logged).toEqual([])
  })

  test('warns when the database has another data set than the configured one', async () => {
    await loadDataset(db, options())
    const other = options({ scale: 0.0002 })
    expect(await loadDataset(db, other)).toEqual({ loaded: false })
    expect(other.logged.join()).toContain('scale 0.0001')
  })

  const fail = () => Promise.reject(new Error('power cut'))
  let uninterrupted: ReturnType<typeof content> | undefined
  /** What a load without an interruption stores; it is always the same. */
  const whole = () => (uninterrupted ??= loadDataset(db, options()).then(content))

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
    const expected = await whole()
    await db.dropDatabase()

    await expect(loadDataset(db, options(change))).rejects.toThrow('power cut')
    const later = new Date(until.getTime() + 86_400_000)
    const second = options({ until: later })
    expect(await loadDataset(db, second)).toMatchObject({ loaded: true })
    const found = await content()
    for (const name of collections) expect([name, found[name]]).toEqual([name, expected[name]])
  })

  test('starts again after the interruption of another data set', async () => {
    const interrupted = options({ seed: 2, importers: { ...importers, clearPayments: fail } })
    await expect(loadDataset(db, interrupted)).rejects.toThrow('power cut')
    const second = options()
    expect(await loadDataset(db, second)).toMatchObject({ loaded: true })
    expect(second.logged.join()).toContain('starting again')
    expect((await checkFigures(db, silent)).isRight).toBe(true)
  })

  test('does not change a database that already has institutions', async () => {
    await db.collection<{ _id: string }>('participants').insertOne({ _id: 'wallet-xx-01' })
    expect(await loadDataset(db, options())).toEqual({ loaded: false })
    expect(await db.collection('merchants').countDocuments()).toBe(0)
  })
})
