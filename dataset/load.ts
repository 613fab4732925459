// Puts the data set into a database that has none, once. A load that was cut short is started over.

import type { Collection, Db } from 'mongodb'
import type { Merchant, QrProduct } from '../subgraphs/merchant/index.ts'
import type { Corridor, Participant, Project } from '../subgraphs/shared/registry.ts'
import type { PastPayment } from '../subgraphs/transaction/index.ts'
import { makeDataset, type DatasetOptions } from './dataset.ts'

/** How each subgraph takes its part. They are called in this order, each when the one before is done. */
export interface Importers {
  reference(rows: ReferenceRows): Promise<unknown>
  /** Replaces whatever merchants and products there are, and all that is kept of them. */
  merchants(merchants: Iterable<Merchant>, products: readonly QrProduct[]): Promise<unknown>
  /** Into an empty collection. */
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
  /** The database had a data set, or data of its own. */
  | { readonly loaded: false }

/** Says that a data set was loaded, or that somebody began to. */
interface Mark {
  readonly _id: 'dataset'
  readonly seed: number
  readonly scale: number
  readonly until: Date
  readonly startedAt: Date
  /** Null while it is being loaded. */
  readonly loadedAt: Date | null
}

/** What a load that was cut short may have left, and importers add to rather than replace. */
const begunCollections = ['participants', 'projects', 'corridors', 'payments']

/** True unless the database has a data set already, or institutions that came another way; then says what there is. */
export async function isDatasetDue(
  db: Db,
  options: Pick<LoadOptions, 'seed' | 'scale' | 'logger'>,
): Promise<boolean> {
  const mark = await marksOf(db).findOne({ _id: 'dataset' })
  if (mark ? mark.loadedAt === null : !(await hasData(db))) return true
  sayWhatIsThere(mark, options)
  return false
}

/** Loads unless there is a data set, or data of another origin. One process at a time. */
export async function loadDataset(db: Db, options: LoadOptions): Promise<LoadResult> {
  const { seed, scale, until, importers, logger } = options
  if (!(await isDatasetDue(db, options))) return { loaded: false }
  const marks = marksOf(db)
  if (await marks.findOne({ _id: 'dataset' })) {
    logger.warn('the data set was not loaded to its end the last time; starting over')
    for (const name of begunCollections) await db.collection(name).drop()
  }
  const startedAt = new Date()
  const begun: Mark = { _id: 'dataset', seed, scale, until, startedAt, loadedAt: null }
  await marks.replaceOne({ _id: 'dataset' }, begun, { upsert: true })

  const { participants, projects, corridors, products, merchants, payments } = makeDataset(options)
  logger.info(
    `loading ${merchants.count} merchants and ${payments.count} payments (scale ${scale}, seed ${seed})`,
  )
  const rows = { participants, projects, corridors }
  await importers.reference(rows)
  await importers.merchants(merchants, products)
  await importers.payments(payments, rows)
  await marks.updateOne({ _id: 'dataset' }, { $set: { loadedAt: new Date() } })
  const tookMs = Date.now() - startedAt.getTime()
  logger.info(`the data set is loaded, in ${(tookMs / 1000).toFixed(1)} s`)
  return { loaded: true, merchants: merchants.count, payments: payments.count, tookMs }
}

const marksOf = (db: Db): Collection<Mark> => db.collection<Mark>('meta')

const hasData = async (db: Db): Promise<boolean> => (await db.collection('participants').findOne()) !== null

function sayWhatIsThere(
  mark: Mark | null,
  { seed, scale, logger }: Pick<LoadOptions, 'seed' | 'scale' | 'logger'>,
): void {
  if (!mark) return logger.info('the database has data of its own; no data set is loaded')
  if (mark.seed === seed && mark.scale === scale) return
  logger.warn(
    `the database has the data set of scale ${mark.scale} and seed ${mark.seed}; scale ${scale} and seed ${seed} take an empty one`,
  )
}
