// Merchants in MongoDB: reads, lists, and the way to change them.

import type { Collection, Db, Filter } from 'mongodb'
import { createLoader, createBatchWriter, type Loader } from '../platform/async/batching.ts'
import type { CountStore } from './count-store.ts'
import type { Hints, MerchantFilter } from './filter.ts'
import type { Merchant } from './merchant.ts'
import { nearest, type Circle, type NearKey, type NearRow } from './near.ts'
import { writeMerchants, type Registered, type Registration } from './registration.ts'
import {
  createMerchantIndexes,
  merchantCollection,
  merchantOf,
  shown,
  type StoredMerchant,
} from './stored-merchant.ts'
import type { ParticipantId } from '../../schema/values/id.ts'

/** Merchants counted by spot, place and profile. */
export interface FoundCount {
  readonly spot: string
  readonly place: number
  readonly profile: string
  readonly merchants: number
}

export interface MerchantStore {
  /** Merchants by id; reads of all requests in flight leave together. */
  readonly merchants: Loader<string, Merchant>
  /** By id, after `after`, at most `size`. `hints` narrows the search where the kept counts know more than the filter says. */
  page(filter: MerchantFilter, hints: Hints, after: string | null, size: number): Promise<Merchant[]>
  /** Merchants of one acquirer, whatever their status, by id after `after`, at most `size`. */
  pageOfAcquirer(acquirer: ParticipantId, after: string | null, size: number): Promise<Merchant[]>
  /** Nearest first, then by id, at most `size`. */
  near(circle: Circle, filter: MerchantFilter, after: NearKey | null, size: number): Promise<NearRow[]>
  /** Counts all merchants whose names have these words, from the index on words. */
  countFound(words: readonly string[]): Promise<FoundCount[]>
  /**
   * Adds merchants or changes those with the same id, and the kept counts with them, in one MongoDB transaction. A merchant
   * keeps its status; one that is as described already is not written again. Resolves when this process counts them.
   */
  register(merchants: readonly Merchant[], at: Date): Promise<Registered>
}

export async function createMerchantStore(db: Db, counts: CountStore): Promise<MerchantStore> {
  await createMerchantIndexes(db)
  const collection = merchantCollection(db)

  // One MongoDB transaction at a time: two of one process would only make each other start again.
  const registrations = createBatchWriter<Registration, Registered>({
    batchMax: 1,
    flightsMax: 1,
    write: async ([registration]) => [await writeMerchants(db, counts, registration!)],
  })

  return {
    merchants: createLoader<string, Merchant>({
      load: async (ids) => {
        const found = await collection.find({ _id: { $in: [...ids] } }, { projection: shown }).toArray()
        const byId = new Map(found.map((stored) => [stored._id, merchantOf(stored)]))
        return ids.map((id) => byId.get(id) ?? null)
      },
    }),

    page: (filter, hints, after, size) => pageOf(collection, matching(filter, hints), after, size),
    pageOfAcquirer: (acquirer, after, size) => pageOf(collection, { acquirer }, after, size),

    near: (circle, filter, after, size) => nearest(collection, circle, matching(filter), after, size),

    async countFound(words) {
      const groups = await collection
        .aggregate<{ _id: Omit<FoundCount, 'merchants'>; merchants: number }>([
          { $match: { $and: words.map(beginning) } },
          {
            $group: { _id: { spot: '$spot', place: '$place', profile: '$profile' }, merchants: { $sum: 1 } },
          },
        ])
        .toArray()
      return groups.map(({ _id, merchants }) => ({ ..._id, merchants }))
    },

    register: (merchants, at) => registrations.write({ merchants, at }),
  }
}

async function pageOf(
  collection: Collection<StoredMerchant>,
  where: Filter<StoredMerchant>,
  after: string | null,
  size: number,
): Promise<Merchant[]> {
  const rest = after === null ? where : { ...where, _id: { $gt: after } }
  const found = await collection.find(rest, { projection: shown }).sort({ _id: 1 }).limit(size).toArray()
  return found.map(merchantOf)
}

function matching(filter: MerchantFilter, hints?: Hints): Filter<StoredMerchant> {
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
    ...(filter.search ? { $and: filter.search.map(beginning) } : {}),
  }
}

/** Folded words have letters, digits and marks only: nothing that a pattern would take for a sign. */
const beginning = (word: string): Filter<StoredMerchant> => ({ words: { $regex: `^${word}` } })
