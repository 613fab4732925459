// Merchants in MongoDB: reads, lists and registrations.

import type { AggregationCursor, Collection, Db, Filter } from 'mongodb'
import type { MerchantId, ParticipantId } from '../../schema/values/id.ts'
import { createBatchWriter, type Loader } from '../platform/async/batching.ts'
import { inSlices } from '../platform/async/slices.ts'
import { readForClient } from '../platform/mongo/client-reads.ts'
import { loaderById } from '../platform/mongo/loader-by-id.ts'
import type { CommonWords } from './common-words.ts'
import type { CountCube, FoundMerchants } from './count-cube.ts'
import type { CountStore } from './count-store.ts'
import type { MerchantFilter } from './merchant-filter.ts'
import type { Merchant } from './merchant.ts'
import { nearest, type Circle, type NearKey, type NearRow } from './near.ts'
import { writeMerchants, type AlsoWrite, type Registered, type Registration } from './registration.ts'
import { searchTerms, type NameSearch, type SearchTerm } from './search-counts.ts'
import type { NameCount, NameReads } from './search-list.ts'
import type { QueryHints } from './select-counts.ts'
import {
  acquirerIndex,
  createMerchantIndexes,
  merchantCollection,
  merchantFields,
  merchantOf,
  profileIndex,
  wordIndex,
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
  /**
   * The reads of a list of merchants that match, after `after`. `words` are those of the search that the
   * index on words has, at least one; `spots` are beginnings of ids, null for all.
   */
  byNames(
    filter: MerchantFilter,
    words: readonly string[],
    spots: readonly string[] | null,
    after: MerchantId | null,
  ): NameReads
  /** All merchants of one acquirer, whatever their status, in order of id, after `after`, at most `size`. */
  pageOfAcquirer(acquirer: ParticipantId, after: MerchantId | null, size: number): Promise<Merchant[]>
  /** All merchants, whatever their status, in order of id, after `after`, at most `size`. */
  pageOfAll(after: MerchantId | null, size: number): Promise<Merchant[]>
  /** Merchants that match within a circle, by distance, then by id, at most `size`; see `nearest`. */
  near(
    circle: Circle,
    filter: MerchantFilter,
    after: NearKey | null,
    size: number,
    density: number,
  ): Promise<NearRow[]>
  /** Finds merchants by their names, in the numbers of `cube`; null when there are too many to read. */
  countFound(cube: CountCube, search: NameSearch): Promise<FoundMerchants | null>
  /**
   * Adds or changes merchants, together with their counts, in one MongoDB transaction. A stored merchant
   * keeps its status, and is not written when nothing changes. Resolves when the counts of this process
   * include the merchants. `alsoWrite` is part of the MongoDB transaction.
   */
  register(merchants: readonly Merchant[], at: Date, alsoWrite?: AlsoWrite): Promise<Registered>
}

export interface MerchantStoreOptions {
  /** Entries of the index on words that are read to count one search. */
  readonly countedMax?: number
}

export async function createMerchantStore(
  db: Db,
  counts: CountStore,
  { countedMax = 20_000 }: MerchantStoreOptions = {},
): Promise<MerchantStore> {
  await createMerchantIndexes(db)
  const collection = merchantCollection(db)
  const matchingOf = (filter: MerchantFilter, hints?: QueryHints) =>
    matching(filter, counts.cube.commonWords, hints)
  // One MongoDB transaction at a time: two of one process would conflict and repeat.
  const registrations = createBatchWriter<Registration, Registered>({
    batchMax: 1,
    flightsMax: 1,
    flightMs: registrationMs,
    write: async ([registration]) => [await writeMerchants(db, counts, registration!)],
  })
  return {
    merchants: loaderById(collection, { find: { projection: merchantFields }, read: merchantOf }),
    page: (filter, hints, after, size) => pageOf(collection, matchingOf(filter, hints), after, size),
    byNames: (filter, words, spots, after) =>
      namesOf(collection, matchingOf(filter), words, inSpots(spots), after),
    pageOfAcquirer: (acquirer, after, size) => pageOf(collection, { acquirer }, after, size),
    near: (circle, filter, after, size, density) =>
      readForClient(db, 'list', () => nearest(collection, circle, matchingOf(filter), after, size, density)),
    countFound: (cube, search) => countFound(collection, cube, search, countedMax),
    register: (merchants, at, alsoWrite) => registrations.write({ merchants, at, alsoWrite }),
    pageOfAll: (after, size) => pageOf(collection, {}, after, size),
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
  const found = collection
    .find({ ...where, ...beyond(after) }, { projection: merchantFields })
    .sort({ _id: 1 })
    .limit(size)
  return (await readForClient(collection.db, 'list', () => found.toArray())).map(merchantOf)
}

const inSpots = (spots: readonly string[] | null): Filter<StoredMerchant> =>
  spots ? { spot: { $in: spots.map(beginning) } } : {}

const beyond = (after: MerchantId | null): Filter<StoredMerchant> =>
  after === null ? {} : { _id: { $gt: after } }

/** Counts and reads by the first of `words`, or the rarest; `where` has all words. */
function namesOf(
  collection: Collection<StoredMerchant>,
  where: Filter<StoredMerchant>,
  words: readonly string[],
  within: Filter<StoredMerchant>,
  after: MerchantId | null,
): NameReads {
  const read = <Found>(find: () => Promise<Found>) => readForClient(collection.db, 'list', find)
  const atAcquirers = (acquirers: readonly ParticipantId[], word: string): Filter<StoredMerchant> => ({
    acquirer: { $in: [...acquirers] },
    words: beginning(word),
    ...within,
  })
  const driving = async (acquirers: readonly ParticipantId[], max: number) =>
    words.length === 1
      ? atAcquirers(acquirers, words[0]!)
      : (
          await rarest(
            collection,
            words.map((word) => atAcquirers(acquirers, word)),
            max,
          )
        ).condition
  let driver: Promise<Filter<StoredMerchant>> | null = null
  return {
    async count(acquirers, max) {
      driver ??= driving(acquirers, max)
      const counted = collection.aggregate<{ _id: Omit<NameCount, 'names'>; names: number }>(
        [
          { $match: { ...(await driver), acquirer: { $in: [...acquirers] } } },
          { $sort: { acquirer: 1 } },
          { $limit: max },
          { $group: { _id: { acquirer: '$acquirer', profile: '$profile' }, names: { $sum: 1 } } },
        ],
        { hint: wordIndex },
      )
      return (await read(() => counted.toArray())).map(({ _id, names }) => ({ ..._id, names }))
    },
    async byWords(acquirers, size) {
      const found = collection.aggregate<StoredMerchant>(
        [
          { $match: { ...(await driver), acquirer: { $in: [...acquirers] } } },
          // Without a stage between them, MongoDB may read the index for another word of the search.
          { $limit: 2 ** 31 - 1 },
          { $match: { ...where, ...beyond(after) } },
          { $sort: { _id: 1 } },
          { $limit: size },
          { $project: merchantFields },
        ],
        { hint: wordIndex },
      )
      return (await read(() => found.toArray())).map(merchantOf)
    },
    async byWalk({ acquirer, profiles }, size, max) {
      const region = profiles ? { profile: { $in: [...profiles] } } : { acquirer }
      const hint = profiles ? profileIndex : acquirerIndex
      const inRegion = collection.find({ ...region, ...beyond(after) }, { projection: { _id: 1 }, hint })
      const [last] = await read(() =>
        inRegion
          .sort({ _id: 1 })
          .skip(max - 1)
          .limit(1)
          .toArray(),
      )
      const upTo = last ? { _id: { $lte: last._id } } : {}
      const found = collection
        .find({ $and: [region, beyond(after), upTo, where] }, { projection: merchantFields, hint })
        .sort({ _id: 1 })
        .limit(size)
      return { merchants: (await read(() => found.toArray())).map(merchantOf), isWhole: !last }
    },
  }
}

/** The driver takes a millisecond or two for as many. */
const foundBatch = 2_000

/**
 * Reads at most `countedMax` entries of the index on words, and the merchants themselves only where the
 * search has more conditions.
 */
async function countFound(
  collection: Collection<StoredMerchant>,
  cube: CountCube,
  { rare, also, acquirers, spots }: NameSearch,
  countedMax: number,
): Promise<FoundMerchants | null> {
  const within = {
    acquirer: { $in: [...acquirers] },
    ...inSpots(spots),
  }
  const begin = rare.map((word): Filter<StoredMerchant> => ({ words: beginning(word), ...within }))
  const hasMore = begin.length + also.length > 1
  const { condition, entries } = hasMore
    ? await rarest(collection, begin, countedMax + 1)
    : { condition: begin[0]!, entries: 0 }
  if (entries > countedMax) return null
  const rest = [...begin.filter((one) => one !== condition), ...also.map(nameHas)]
  const keys = collection.aggregate(
    [
      { $match: condition },
      { $limit: countedMax + 1 },
      ...(rest.length > 0 ? [{ $match: { $and: rest } }] : []),
      { $project: { _id: 0, spot: 1, place: 1, profile: 1 } },
    ],
    { hint: wordIndex, raw: true, batchSize: foundBatch },
  ) as unknown as AggregationCursor<Buffer>
  const rows = await readForClient(collection.db, 'list', () => keys.toArray())
  return rows.length > countedMax ? null : inSlices(cube.findIn(rows))
}

/** The condition that the fewest merchants match, and how many, as far as `max` entries show. */
async function rarest(
  collection: Collection<StoredMerchant>,
  conditions: readonly Filter<StoredMerchant>[],
  max: number,
): Promise<{ readonly condition: Filter<StoredMerchant>; readonly entries: number }> {
  const counts = await Promise.all(
    conditions.map((one) =>
      readForClient(collection.db, 'list', () =>
        collection.countDocuments(one, { limit: max, hint: wordIndex }),
      ),
    ),
  )
  const entries = Math.min(...counts)
  return { condition: conditions[counts.indexOf(entries)]!, entries }
}

function matching(
  filter: MerchantFilter,
  commonWords: CommonWords,
  hints?: QueryHints,
): Filter<StoredMerchant> {
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
    ...(filter.search ? { $and: searchTerms(filter.search, commonWords).map(nameHas) } : {}),
  }
}

const nameHas = ({ word, common }: SearchTerm): Filter<StoredMerchant> => {
  const rare = { words: beginning(word) }
  return common.size > 0 ? { $or: [rare, { commonWords: { $in: [...common] } }] } : rare
}

const beginning = (text: string): RegExp => new RegExp(`^${text.replace(/[^\p{L}\p{N}\p{M} ]/gu, '\\$&')}`)
