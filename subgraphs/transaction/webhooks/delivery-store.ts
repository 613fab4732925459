// Deliveries in MongoDB: what is due is found by endpoint, so that one with very many hides nobody else's.

import type { AnyBulkWriteOperation, ClientSession, Db, Document } from 'mongodb'
import { createBatchWriter } from '../../platform/async/batching.ts'
import { claimsOf, type Claimed } from './claims.ts'
import { attemptsKept, retryAfterMs, type Attempt, type Delivery, type DeliveryState } from './delivery.ts'

/** An endpoint that something waits for, and since or until when. */
export interface EndpointQueue {
  readonly endpoint: string
  readonly nextAttemptAt: Date
}

export interface DeliveryStore {
  /** Writes those that are not there yet. */
  add(deliveries: readonly Delivery[], session: ClientSession): Promise<void>
  byId(id: string): Promise<Delivery | null>
  /** Of one endpoint, newest first, from before position `before`. */
  page(endpoint: string, page: { readonly before: bigint | null; readonly max: number }): Promise<Delivery[]>
  /** Each endpoint that has something pending, with the earliest time of it. Reads one index key per endpoint. */
  lanes(): Promise<readonly EndpointQueue[]>
  /** Takes the longest due delivery of an endpoint: until `until`, nobody else does. Null when none is due. */
  claim(endpoint: string, now: Date, until: Date): Promise<Claimed | null>
  /** Writes down an attempt and where the delivery stands after it, unless somebody else has it by now: then just the attempt. */
  record(
    claimed: Claimed,
    attempt: Attempt,
    after: { readonly state: DeliveryState; readonly nextAttemptAt: Date | null },
  ): Promise<void>
  /** Gives back what was claimed and not attempted: it is due at once. */
  release(claimed: Claimed, now: Date): Promise<void>
  /** Makes it due now. One that is over gets one attempt more; one that is pending keeps the rest of its schedule. */
  redeliver(id: string, now: Date): Promise<Delivery | null>
  /** Gives up all that is pending for an endpoint. */
  giveUp(endpoint: string): Promise<void>
  /** Removes all of an endpoint. */
  remove(endpoint: string): Promise<void>
}

export async function createDeliveryStore(db: Db): Promise<DeliveryStore> {
  const deliveries = db.collection<Delivery>('webhookDeliveries')
  await deliveries.createIndexes([
    { name: 'due', key: { state: 1, endpoint: 1, nextAttemptAt: 1 } },
    { name: 'page', key: { endpoint: 1, position: -1 } },
    { name: 'expiry', key: { createdAt: 1 }, expireAfterSeconds: keptSeconds },
  ])
  const claims = claimsOf(deliveries)
  const records = createBatchWriter<AnyBulkWriteOperation<Delivery>, null>({
    write: async (group) => {
      await deliveries.bulkWrite([...group], { ordered: false })
      return group.map(() => null)
    },
  })

  return {
    async add(batch, session) {
      if (batch.length === 0) return
      const writes = batch.map(({ _id, ...delivery }) => ({
        updateOne: { filter: { _id }, update: { $setOnInsert: delivery }, upsert: true },
      }))
      await deliveries.bulkWrite(writes, { session, ordered: false })
    },
    byId: (id) => deliveries.findOne({ _id: id }),
    page: (endpoint, { before, max }) =>
      deliveries
        .find(
          { endpoint, ...(before !== null && { position: { $lt: before } }) },
          { sort: { position: -1 }, limit: max },
        )
        .toArray(),
    lanes: () =>
      deliveries
        .aggregate<EndpointQueue>([
          ...earliestByEndpoint,
          { $project: { _id: 0, endpoint: '$_id', nextAttemptAt: 1 } },
        ])
        .toArray(),
    claim: (endpoint, now, until) => claims.write({ endpoint, now, until }),
    record: async (claimed, attempt, after) => void (await records.write(recordOf(claimed, attempt, after))),
    async release({ _id, claim }, now) {
      await deliveries.updateOne({ _id, claim }, { $set: { nextAttemptAt: now }, $unset: { claim: '' } })
    },
    redeliver: (id, now) =>
      deliveries.findOneAndUpdate(
        { _id: id },
        [
          {
            $set: {
              tries: { $cond: [{ $eq: ['$state', 'PENDING'] }, '$tries', retryAfterMs.length] },
              state: 'PENDING',
              nextAttemptAt: now,
              claim: '$$REMOVE',
            },
          },
        ],
        { returnDocument: 'after' },
      ),
    async giveUp(endpoint) {
      await deliveries.updateMany(
        { state: 'PENDING', endpoint },
        { $set: { state: 'DEAD' }, $unset: { nextAttemptAt: '', claim: '' } },
      )
    },
    async remove(endpoint) {
      await deliveries.deleteMany({ endpoint })
    },
  }
}

function recordOf(
  { _id, claim }: Claimed,
  attempt: Attempt,
  { state, nextAttemptAt }: { readonly state: DeliveryState; readonly nextAttemptAt: Date | null },
): AnyBulkWriteOperation<Delivery> {
  // Whoever took it meanwhile, or sends it again because its owner asked for that, says where it stands.
  const ifOurs = (then: unknown, otherwise: unknown) => ({
    $cond: [{ $eq: ['$claim', claim] }, then, otherwise],
  })
  const attempts = { $concatArrays: ['$attempts', [{ $literal: attempt }]] }
  const set = {
    attempts: { $slice: [attempts, -attemptsKept] },
    tries: { $add: ['$tries', ifOurs(1, 0)] },
    state: ifOurs(state, '$state'),
    nextAttemptAt: ifOurs(nextAttemptAt ?? '$$REMOVE', '$nextAttemptAt'),
    claim: ifOurs('$$REMOVE', '$claim'),
  }
  return { updateOne: { filter: { _id }, update: [{ $set: set }] } }
}

/** In this form MongoDB reads the first key of each endpoint in the index `due`, and skips the others. */
export const earliestByEndpoint: readonly Document[] = [
  { $match: { state: 'PENDING' } },
  { $sort: { state: 1, endpoint: 1, nextAttemptAt: 1 } },
  { $group: { _id: '$endpoint', nextAttemptAt: { $first: '$nextAttemptAt' } } },
]

const keptSeconds = 30 * 86_400
