// Loads the data set into a database without data. Several hands, each in a thread of its own, make and write
// the parts. Each part that is stored is recorded, so an interrupted load resumes where it was.

import type { Collection, Db } from 'mongodb'
import type { CommonWords, QrProduct } from '../subgraphs/merchant/index.ts'
import type { Offer } from '../subgraphs/offers/index.ts'
import type { Corridor, Participant, Project } from '../subgraphs/shared/registry.ts'
import type { CityTable } from './cities.ts'
import { makeDataset, type Dataset, type DatasetOptions } from './dataset.ts'
import type { Hand } from './hand.ts'
import type { PaymentSource, SpanPlan, SpanWorth } from './payments.ts'

/** What is done once, before and after the parts. */
export interface Importers<Counts> {
  reference(rows: ReferenceRows): Promise<unknown>
  /** The words that many merchants of a sample have. */
  commonWords(sample: Dataset['merchants'], indexes: readonly number[]): CommonWords
  /** Deletes all merchants and products, and the data derived from them. */
  clearMerchants(commonWords: CommonWords): Promise<unknown>
  /** Replaces all offers. */
  offers(offers: Iterable<Offer>): Promise<unknown>
  finishMerchants(counts: readonly Counts[], products: readonly QrProduct[]): Promise<unknown>
  /** Deletes all payments. */
  clearPayments(): Promise<unknown>
  finishPayments(count: number): Promise<unknown>
}

export interface ReferenceRows {
  readonly participants: readonly Participant[]
  readonly projects: readonly Project[]
  readonly corridors: readonly Corridor[]
}

export type LoadPhase = 'merchants' | 'values' | 'payments' | 'indexes'

export interface LoadOptions<Counts> extends DatasetOptions {
  readonly importers: Importers<Counts>
  /** Opens the hands for this data set: its end is that of an interrupted load. */
  openHands(setup: HandSetup): Promise<Hands<Counts>>
  readonly logger: { info(message: string): void; warn(message: string): void }
  /** Called whenever rows are written: how many of the phase are done, of how many. */
  onProgress?(phase: LoadPhase, done: number, total: number): void
}

export interface HandSetup extends Pick<DatasetOptions, 'seed' | 'scale' | 'until'> {
  readonly commonWords: readonly string[]
  readonly cityTable: CityTable
}

export interface Hands<Counts> {
  readonly all: readonly Hand<Counts>[]
  close(): Promise<unknown>
}

export type LoadResult =
  | { readonly loaded: true; readonly merchants: number; readonly payments: number; readonly tookMs: number }
  /** The database already had a data set, or other data. */
  | { readonly loaded: false }

/** The record of a load that has started, in the collection `meta`. */
interface LoadRecord {
  readonly _id: 'dataset'
  readonly seed: number
  readonly scale: number
  readonly until: Date
  readonly startedAt: Date
  /** Null during the load. */
  readonly loadedAt: Date | null
  /** Parts and steps that are stored. Left out by an earlier version. */
  readonly done?: readonly string[]
}

const partialCollections = ['participants', 'projects', 'corridors', 'payments', 'log']

/** True when a load is due. False when the database has a data set or other data, which is then logged. */
export async function isDatasetDue(
  db: Db,
  options: Pick<LoadOptions<unknown>, 'seed' | 'scale' | 'logger'>,
): Promise<boolean> {
  const record = await recordsIn(db).findOne({ _id: 'dataset' })
  if (record ? record.loadedAt === null : !(await hasData(db))) return true
  logExistingData(record, options)
  return false
}

/** True when the data set is stored, and only the end of its load is due. */
export async function isDatasetStored(
  db: Db,
  { seed, scale }: Pick<DatasetOptions, 'seed' | 'scale'>,
): Promise<boolean> {
  return (await recordsIn(db).findOne({ _id: 'dataset', seed, scale, done: allStored })) !== null
}

/** Steps of a load. */
const allStored = 'all'
const merchantsStored = 'all merchants'

/**
 * Ends the load of a data set that is stored, on a MongoDB with change streams: `beginLog` lets the sequencer
 * begin after the log of the data set.
 */
export async function endLoad(db: Db, beginLog: () => Promise<unknown>): Promise<void> {
  await beginLog()
  await recordsIn(db).updateOne(
    { _id: 'dataset' },
    { $set: { loadedAt: new Date() }, $unset: { done: true } },
  )
}

/**
 * Stores the data set if a load is due; `endLoad` then ends the load. Only one process may call it at a time.
 * It needs neither change streams nor MongoDB transactions.
 */
export async function storeDataset<Counts>(db: Db, options: LoadOptions<Counts>): Promise<LoadResult> {
  if (!(await isDatasetDue(db, options)) || (await isDatasetStored(db, options))) return { loaded: false }
  const startedAtMs = performance.now()
  const record = await begin(db, options)
  const dataset = makeDataset({ ...options, until: record.until })
  const { merchants, payments } = dataset
  const { logger, importers, seed, scale } = options
  logger.info(
    `loading ${merchants.count} merchants and ${payments.count} payments (scale ${scale}, seed ${seed})`,
  )
  const { participants, projects, corridors } = dataset
  const progress = new Progress(db, record.done ?? [])
  const sample = Array.from({ length: Math.min(sampleMax, merchants.count) }, (_, n) =>
    Math.floor((n * merchants.count) / Math.min(sampleMax, merchants.count)),
  )
  const commonWords = importers.commonWords(merchants, sample)
  const { cityTable } = dataset
  const setup = { seed, scale, until: record.until, commonWords: [...commonWords], cityTable }
  const hands = await options.openHands(setup)
  try {
    await progress.once('reference', () => importers.reference({ participants, projects, corridors }))
    await progress.once('merchants', () => importers.clearMerchants(commonWords))
    await progress.once('offers', () => importers.offers(dataset.offers))
    await progress.once('payments', () => importers.clearPayments())
    const counts = progress.has(merchantsStored)
      ? []
      : await loadMerchants(dataset, hands.all, progress, options)
    // MongoDB builds the indexes of merchants with one processor, and the payments are made meanwhile.
    const indexing = progress.once(merchantsStored, () => importers.finishMerchants(counts, dataset.products))
    // Awaited after the payments, also when these fail.
    const settled = indexing.catch(() => {})
    await loadPayments(dataset, hands.all, progress, options).catch(async (error: unknown) => {
      await settled
      throw error
    })
    await progress.once(allStored, () =>
      finishBoth([indexing, importers.finishPayments(payments.count)], options),
    )
  } finally {
    await hands.close()
  }
  const tookMs = performance.now() - startedAtMs
  logger.info(`loaded the data set in ${(tookMs / 1000).toFixed(1)} s`)
  return { loaded: true, merchants: merchants.count, payments: payments.count, tookMs }
}

/** Waits for both, also when one fails: nothing may write after the end of a load. */
async function finishBoth(
  both: readonly Promise<unknown>[],
  { onProgress }: Pick<LoadOptions<unknown>, 'onProgress'>,
): Promise<void> {
  let done = 0
  onProgress?.('indexes', done, both.length)
  const counted = both.map((each) => each.then(() => onProgress?.('indexes', ++done, both.length)))
  await Promise.allSettled(counted)
  await Promise.all(counted)
}

/** Enough to see each category of each country. */
const sampleMax = 20_000

/** The record of this load: of an interrupted one with the same options, or a new one. */
async function begin<Counts>(
  db: Db,
  { seed, scale, until, logger }: LoadOptions<Counts>,
): Promise<LoadRecord> {
  const found = await recordsIn(db).findOne({ _id: 'dataset' })
  if (found?.done && found.seed === seed && found.scale === scale) {
    logger.warn('the previous load of the data set was interrupted: it resumes')
    return found
  }
  if (found) {
    logger.warn('the previous load of the data set was another one, and was interrupted: starting again')
    for (const name of partialCollections) await db.collection(name).drop()
  }
  const record: LoadRecord = {
    _id: 'dataset',
    seed,
    scale,
    until,
    startedAt: new Date(),
    loadedAt: null,
    done: [],
  }
  await recordsIn(db).replaceOne({ _id: 'dataset' }, record, { upsert: true })
  return record
}

/** What is stored, by name. */
class Progress {
  readonly #db: Db
  readonly #done: Set<string>
  /** True when an earlier load has begun to write parts. */
  readonly isResumed: boolean

  constructor(db: Db, done: readonly string[]) {
    this.#db = db
    this.#done = new Set(done)
    this.isResumed = done.length > 0
  }

  has(name: string): boolean {
    return this.#done.has(name)
  }

  /** Runs `step` unless it is done, and records it. */
  async once(name: string, step: () => Promise<unknown>): Promise<void> {
    if (this.has(name)) return
    await step()
    await recordsIn(this.#db).updateOne({ _id: 'dataset' }, { $addToSet: { done: name } })
  }
}

/** Merchants of one part. */
const partSize = 50_000

async function loadMerchants<Counts>(
  { merchants: { count } }: Dataset,
  hands: readonly Hand<Counts>[],
  progress: Progress,
  { onProgress }: LoadOptions<Counts>,
): Promise<readonly Counts[]> {
  let written = 0
  const onAdded = (merchants: number) => onProgress?.('merchants', (written += merchants), count)
  const parts = Array.from({ length: Math.ceil(count / partSize) }, (_, part) => part)
  await share(hands, parts, async (hand, part) => {
    const from = part * partSize
    const range = { from, to: Math.min(count, from + partSize) }
    const name = `merchants ${part}`
    // Merchants that are stored are made again to be counted.
    if (progress.has(name)) await hand.merchants(range, 'all', onAdded)
    else await progress.once(name, () => hand.merchants(range, progress.isResumed ? 'some' : 'none', onAdded))
  })
  return Promise.all(hands.map((hand) => hand.takeCounts()))
}

async function loadPayments<Counts>(
  { payments }: Dataset,
  hands: readonly Hand<Counts>[],
  progress: Progress,
  { onProgress }: LoadOptions<Counts>,
): Promise<void> {
  const numbers = [...payments.spans.keys()]
  const plans = await planPayments(payments, hands, onProgress)
  let written = 0
  const onAdded = (rows: number) => onProgress?.('payments', (written += rows), payments.count)
  await share(hands, numbers, async (hand, span) => {
    const name = `payments ${span}`
    if (progress.has(name)) onAdded(payments.spans[span]!.count)
    else await progress.once(name, () => hand.payments(span, plans[span]!, onAdded))
  })
}

async function planPayments<Counts>(
  payments: PaymentSource,
  hands: readonly Hand<Counts>[],
  onProgress: LoadOptions<Counts>['onProgress'],
): Promise<readonly SpanPlan[]> {
  const worths: SpanWorth[] = []
  let valued = 0
  await share(hands, [...payments.spans.keys()], async (hand, span) => {
    worths[span] = await hand.worthOf(span)
    onProgress?.('values', (valued += payments.spans[span]!.count), payments.count)
  })
  return payments.planOf(worths)
}

/** Gives each hand the next of `parts` whenever it has finished one. */
async function share<One, Part>(
  hands: readonly One[],
  parts: readonly Part[],
  work: (hand: One, part: Part) => Promise<void>,
): Promise<void> {
  const next = parts.values()
  await Promise.all(
    hands.map(async (hand) => {
      for (const part of next) await work(hand, part)
    }),
  )
}

const recordsIn = (db: Db): Collection<LoadRecord> => db.collection<LoadRecord>('meta')

const hasData = async (db: Db): Promise<boolean> => (await db.collection('participants').findOne()) !== null

function logExistingData(
  record: LoadRecord | null,
  { seed, scale, logger }: Pick<LoadOptions<unknown>, 'seed' | 'scale' | 'logger'>,
): void {
  if (!record) return logger.info('the database already has data; no data set is loaded')
  if (record.seed === seed && record.scale === scale) return
  logger.warn(
    `the database has the data set of scale ${record.scale} and seed ${record.seed}; use an empty database for scale ${scale} and seed ${seed}`,
  )
}
