// Loads the data set into a database without data. An interrupted load is started again.

import type { Collection, Db } from 'mongodb'
import type { Merchant, QrProduct } from '../subgraphs/merchant/index.ts'
import type { Offer } from '../subgraphs/offers/index.ts'
import type { Corridor, Participant, Project } from '../subgraphs/shared/registry.ts'
import type { PastPayment } from '../subgraphs/transaction/index.ts'
import { makeDataset, type DatasetOptions } from './dataset.ts'

/** The import of each subgraph, called one after the other in this order. */
export interface Importers {
  reference(rows: ReferenceRows): Promise<unknown>
  /** Replaces all merchants and products, and the data derived from them. */
  merchants(merchants: Iterable<Merchant>, products: readonly QrProduct[]): Promise<unknown>
  /** Replaces all offers. */
  offers(offers: Iterable<Offer>): Promise<unknown>
  /** Inserts into an empty collection. */
  payments(payments: Iterable<PastPayment>, rows: ReferenceRows): Promise<unknown>
}

export interface ReferenceRows {
  readonly participants: readonly Participant[]
  readonly projects: readonly Project[]
  readonly corridors: readonly Corridor[]
}

export interface LoadOptions extends DatasetOptions {
  readonly importers: Importers
  readonly logger: { info(message: string): void; warn(message: string): void }
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
}

/** Collections that an interrupted load may have filled, and that importers do not replace. */
const partialCollections = ['participants', 'projects', 'corridors', 'payments']

/** True when a load is due. False when the database has a data set or other data, which is then logged. */
export async function isDatasetDue(
  db: Db,
  options: Pick<LoadOptions, 'seed' | 'scale' | 'logger'>,
): Promise<boolean> {
  const record = await recordsIn(db).findOne({ _id: 'dataset' })
  if (record ? record.loadedAt === null : !(await hasData(db))) return true
  logExistingData(record, options)
  return false
}

/** Loads the data set if a load is due. Only one process may call it at a time. */
export async function loadDataset(db: Db, options: LoadOptions): Promise<LoadResult> {
  const { seed, scale, until, importers, logger } = options
  if (!(await isDatasetDue(db, options))) return { loaded: false }
  const records = recordsIn(db)
  if (await records.findOne({ _id: 'dataset' })) {
    logger.warn('the previous load of the data set was interrupted; starting again')
    for (const name of partialCollections) await db.collection(name).drop()
  }
  const startedAt = new Date()
  const started: LoadRecord = { _id: 'dataset', seed, scale, until, startedAt, loadedAt: null }
  await records.replaceOne({ _id: 'dataset' }, started, { upsert: true })

  const { participants, projects, corridors, products, merchants, payments, offers } = makeDataset(options)
  logger.info(
    `loading ${merchants.count} merchants and ${payments.count} payments (scale ${scale}, seed ${seed})`,
  )
  const rows = { participants, projects, corridors }
  await importers.reference(rows)
  await importers.merchants(merchants, products)
  await importers.offers(offers)
  await importers.payments(payments, rows)
  await records.updateOne({ _id: 'dataset' }, { $set: { loadedAt: new Date() } })
  const tookMs = Date.now() - startedAt.getTime()
  logger.info(`loaded the data set in ${(tookMs / 1000).toFixed(1)} s`)
  return { loaded: true, merchants: merchants.count, payments: payments.count, tookMs }
}

const recordsIn = (db: Db): Collection<LoadRecord> => db.collection<LoadRecord>('meta')

const hasData = async (db: Db): Promise<boolean> => (await db.collection('participants').findOne()) !== null

function logExistingData(
  record: LoadRecord | null,
  { seed, scale, logger }: Pick<LoadOptions, 'seed' | 'scale' | 'logger'>,
): void {
  if (!record) return logger.info('the database already has data; no data set is loaded')
  if (record.seed === seed && record.scale === scale) return
  logger.warn(
    `the database has the data set of scale ${record.scale} and seed ${record.seed}; use an empty database for scale ${scale} and seed ${seed}`,
  )
}
