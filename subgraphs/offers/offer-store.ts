// Offers in MongoDB: reads for the requests of a moment, and the import of the data set.

import type { Collection, Db, Filter } from 'mongodb'
import type { MerchantId, OfferId, ParticipantId } from '../../schema/values/id.ts'
import { isValidAt, type Circle, type Offer, type OfferKind } from './offer.ts'

/** What a merchant gives at one time. */
export interface MerchantAt {
  readonly merchant: MerchantId
  readonly at: Date
}

export interface NearQuestion {
  readonly circle: Circle
  readonly wallet: ParticipantId | null
  /** Any kind when empty. */
  readonly kinds: readonly OfferKind[]
  readonly at: Date
  readonly size: number
}

export interface Nearby {
  readonly distanceMeters: number
  readonly offer: Offer
}

export interface OfferStore {
  /** The offers that are valid at each merchant and time, those that expire first come first. */
  valid(keys: readonly MerchantAt[]): Promise<readonly (readonly Offer[])[]>
  /** By id, in the order of `ids`; null where there is none. */
  byId(ids: readonly OfferId[]): Promise<readonly (Offer | null)[]>
  /** Valid offers within a circle, by distance, then by id. */
  near(question: NearQuestion): Promise<readonly Nearby[]>
}

/** A document of the collection `offers`. */
type StoredOffer = Omit<Offer, 'id' | 'location'> & {
  readonly _id: OfferId
  /** GeoJSON. */
  readonly location: {
    readonly type: 'Point'
    readonly coordinates: readonly [lng: number, lat: number]
  } | null
}

export async function createOfferStore(db: Db): Promise<OfferStore> {
  const collection = collectionIn(db)
  await createIndexes(collection)
  return {
    valid: (keys) => validOffers(collection, keys),
    byId: (ids) => offersById(collection, ids),
    near: (question) => offersNear(collection, question),
  }
}

const collectionIn = (db: Db): Collection<StoredOffer> => db.collection<StoredOffer>('offers')

/** A merchant's offers are read by their ends: those that have expired are most of them after some years. */
const createIndexes = (collection: Collection<StoredOffer>): Promise<string[]> =>
  collection.createIndexes([
    { key: { merchant: 1, validUntil: 1 } },
    { key: { location: '2dsphere', validUntil: 1 } },
  ])

/** A read that takes longer is an outage of its requests, not of the whole MongoDB. */
const readMs = 2_000

async function validOffers(
  collection: Collection<StoredOffer>,
  keys: readonly MerchantAt[],
): Promise<readonly (readonly Offer[])[]> {
  const times = keys.map(({ at }) => at.getTime())
  const found = await collection
    .find(
      {
        merchant: { $in: [...new Set(keys.map(({ merchant }) => merchant))] },
        validUntil: { $gt: new Date(Math.min(...times)) },
        validFrom: { $lte: new Date(Math.max(...times)) },
      },
      { maxTimeMS: readMs },
    )
    .sort({ merchant: 1, validUntil: 1, _id: 1 })
    .toArray()
  const byMerchant = Map.groupBy(found.map(offerOf), ({ merchant }) => merchant)
  return keys.map(({ merchant, at }) =>
    (byMerchant.get(merchant) ?? []).filter((offer) => isValidAt(offer, at)),
  )
}

async function offersById(
  collection: Collection<StoredOffer>,
  ids: readonly OfferId[],
): Promise<readonly (Offer | null)[]> {
  const found = await collection.find({ _id: { $in: [...ids] } }, { maxTimeMS: readMs }).toArray()
  const byId = new Map(found.map((stored) => [stored._id, offerOf(stored)]))
  return ids.map((id) => byId.get(id) ?? null)
}

async function offersNear(
  collection: Collection<StoredOffer>,
  { circle, wallet, kinds, at, size }: NearQuestion,
): Promise<readonly Nearby[]> {
  const query: Filter<StoredOffer> = {
    validFrom: { $lte: at },
    validUntil: { $gt: at },
    ...(kinds.length > 0 && { kind: { $in: [...kinds] } }),
    // In MongoDB, null in the list also matches an offer for all wallets.
    ...(wallet !== null && { wallets: { $in: [null, wallet] } }),
  }
  const found = await collection
    .aggregate<StoredOffer & { readonly meters: number }>(
      [
        {
          $geoNear: {
            near: { type: 'Point', coordinates: [circle.lng, circle.lat] },
            key: 'location',
            distanceField: 'meters',
            maxDistance: circle.radiusMeters,
            query,
          },
        },
        { $sort: { meters: 1, _id: 1 } },
        { $limit: size },
      ],
      { maxTimeMS: readMs },
    )
    .toArray()
  return found.map(({ meters, ...stored }) => ({
    distanceMeters: Math.round(meters),
    offer: offerOf(stored),
  }))
}

const offerOf = ({ _id, location, ...rest }: StoredOffer): Offer => ({
  id: _id,
  ...rest,
  location: location && { lng: location.coordinates[0], lat: location.coordinates[1] },
})

const storedOffer = ({ id, location, ...rest }: Offer): StoredOffer => ({
  _id: id,
  ...rest,
  location: location && { type: 'Point', coordinates: [location.lng, location.lat] },
})

const importBatch = 2_000

/** Replaces all offers. For data sets. */
export async function importOffers(db: Db, offers: Iterable<Offer>): Promise<void> {
  const collection = collectionIn(db)
  await collection.deleteMany({})
  await createIndexes(collection)
  let batch: StoredOffer[] = []
  const flush = async (): Promise<void> => {
    if (batch.length > 0) await collection.insertMany(batch, { ordered: false })
    batch = []
  }
  for (const offer of offers) {
    batch.push(storedOffer(offer))
    if (batch.length >= importBatch) await flush()
  }
  await flush()
}
