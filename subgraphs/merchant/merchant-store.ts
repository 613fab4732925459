// Merchants in MongoDB: reads, lists and registrations.

import type { Collection, Db, Filter } from 'mongodb'
import type { MerchantId, ParticipantId } from '../../schema/values/id.ts'
import { createBatchWriter, type Loader } from '../platform/async/batching.ts'
import { readForClient } from '../platform/mongo/client-reads.ts'
import { loaderById } from '../platform/mongo/loader-by-id.ts'
import type { FoundCount } from './count-cube.ts'
import type { CountStore } from './count-store.ts'
import type { MerchantFilter } from './merchant-filter.ts'
import type { Merchant } from './merchant.ts'
import { nearest, type Circle, type NearKey, type NearRow } from './near.ts'
import { writeMerchants, type Registered, type Registration } from './registration.ts'
import type { QueryHints } from './select-counts.ts'
import {
  createMerchantIndexes,
  merchantCollection,
  merchantFields,
  merchantOf,
  type StoredMerchant,
} from './stored-merchant.ts'

export interface MerchantStore {
  /** Merchants by id. Concurrent loads share one read. */
  readonly merchants: Loader<MerchantId, Merchant>
  /**
   * Merchants that match, in order of id, after `after`, at most `size`. `hints` are those of the same
   * filter.
   */
  page(filter: MerchantFilter, hints: QueryHints, after: MerchantId | null, size: number): Promise<Merchant[]>
  /** All merchants of one acquirer, whatever their status, in order of id, after `after`, at most `size`. */
  pageOfAcquirer(acquirer: ParticipantId, after: MerchantId | null, size: number): Promise<Merchant[]>
  /** Merchants that match within a circle, by distance, then by id, at most `size`. */
  near(circle: Circle, filter: MerchantFilter, after: NearKey | null, size: number): Promise<NearRow[]>
  /** Counts all merchants whose names have these words. The index on words answers it alone. */
  countFound(words: readonly string[]): Promise<FoundCount[]>
  /**
   * Adds or changes merchants, together with their counts, in one MongoDB transaction. A stored merchant
   * keeps its status, and is not written when nothing changes. Resolves when the counts of this process
   * include the merchants.
   */
  register(merchants: readonly Merchant[], at: Date): Promise<Registered>
}

export async function createMerchantStore(db: Db, counts: CountStore): Promise<MerchantStore> {
  await createMerchantIndexes(db)
  const collection = merchantCollection(db)
  // One MongoDB transaction at a time: two of one process would conflict and repeat.
  const registrations = createBatchWriter<Registration, Registered>({
    batchMax: 1,
    flightsMax: 1,
    flightMs: registrationMs,
    write: async ([registration]) => [await writeMerchants(db, counts, registration!)],
  })
  return {
    merchants: loaderById(collection, { find: { projection: merchantFields }, read: merchantOf }),
    page: (filter, hints, after, size) => pageOf(collection, matching(filter, hints), after, size),
    pageOfAcquirer: (acquirer, after, size) => pageOf(collection, { acquirer }, after, size),
    near: (circle, filter, after, size) =>
      readForClient(db, 'list', () => nearest(collection, circle, matching(filter), after, size)),
    countFound: (words) => countFound(collection, words),
    register: (merchants, at) => registrations.write({ merchants, at }),
  }
}

/** One registration may have thousands of merchants. */
const registrationMs = 60_000

async function pageOf(
  collection: Collection<StoredMerchant>,
  where: Filter<StoredMerchant>,
  after: MerchantId | null,
  size: number,
): Promise<Merchant[]> {
  const rest = after === null ? where : { ...where, _id: { $gt: after } }
  const found = collection.find(rest, { projection: merchantFields }).sort({ _id: 1 }).limit(size)
  return (await readForClient(collection.db, 'list', () => found.toArray())).map(merchantOf)
}

async function countFound(
  collection: Collection<StoredMerchant>,
  words: readonly string[],
): Promise<FoundCount[]> {
  const counted = collection.aggregate<{ _id: Omit<FoundCount, 'merchants'>; merchants: number }>([
    { $match: { $and: words.map(beginningWith) } },
    { $group: { _id: { spot: '$spot', place: '$place', profile: '$profile' }, merchants: { $sum: 1 } } },
  ])
  const groups = await readForClient(collection.db, 'list', () => counted.toArray())
  return groups.map(({ _id, merchants }) => ({ ..._id, merchants }))
}

function matching(filter: MerchantFilter, hints?: QueryHints): Filter<StoredMerchant> {
  const among = {
    country: filter.countries,
    cityFolded: filter.cities,
    mcc: filter.mccs,
    scenario: filter.scenarios,
    qrProducts: filter.qrProducts,
    acquirer: hints?.acquirers ?? filter.acquirers,
    entryModes: filter.entryModes,
    profile: hints?.profiles ?? null,
  }
  return {
    status: 'ACTIVE',
    ...Object.fromEntries(
      Object.entries(among).flatMap(([field, wanted]) => (wanted ? [[field, { $in: [...wanted] }]] : [])),
    ),
    ...(filter.online === null ? {} : { online: filter.online }),
    ...(filter.search ? { $and: filter.search.map(beginningWith) } : {}),
  }
}

/** Folded words have letters, digits and marks only, so nothing needs to be escaped in the pattern. */
const beginningWith = (word: string): Filter<StoredMerchant> => ({ words: { $regex: `^${word}` } })
