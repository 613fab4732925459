// Deliveries in MongoDB. Due ones are found by endpoint, so an endpoint with very many delays no other
// endpoint.

import type { AnyBulkWriteOperation, ClientSession, Collection, Db, Document } from 'mongodb'
import type { TransactionId, WebhookId } from '../../../schema/values/id.ts'
import { createBatchWriter } from '../../platform/async/batching.ts'
import { chunks } from '../../platform/async/chunks.ts'
import { insertAll } from '../../platform/mongo/bulk-write.ts'
import { isDuplicateKey } from '../../platform/mongo/errors.ts'
import { countUpTo, type Count } from '../../shared/count.ts'
import { createClaimWriter, type ClaimedDelivery } from './claims.ts'
import { attemptsMax, retryAfterMs, type Attempt, type Delivery, type DeliveryProgress } from './delivery.ts'

/** An endpoint with pending deliveries, and the time of its next attempt. */
export interface EndpointQueue {
  readonly endpoint: WebhookId
  readonly nextAttemptAt: Date
}

interface DeliveryPage {
  /** The page follows this delivery; null: it begins with the newest one. */
  readonly after: Pick<Delivery, 'position' | '_id'> | null
  readonly max: number
}

export interface DeliveryStore {
  /** Writes the ones of `deliveries` that are not stored yet. */
  add(deliveries: readonly Delivery[]): Promise<void>
  byId(id: string): Promise<Delivery | null>
  /** The deliveries to one endpoint, newest first. */
  page(endpoint: WebhookId, page: DeliveryPage): Promise<readonly Delivery[]>
  /** Counts the deliveries to one endpoint. */
  counter(endpoint: WebhookId): () => Promise<Count>
  /** At most `max` deliveries of events of `transactions` to `endpoints`, oldest first. */
  ofTransactions(
    transactions: readonly TransactionId[],
    endpoints: readonly WebhookId[],
    max: number,
  ): Promise<readonly Delivery[]>
  /** The endpoints with pending deliveries. Reads one index key per endpoint. */
  queues(): Promise<readonly EndpointQueue[]>
  /**
   * Claims at most `max` deliveries to an endpoint, those that have been due longest: no other process claims
   * them before `until`.
   */
  claim(
    endpoint: WebhookId,
    claim: { readonly now: Date; readonly until: Date; readonly max: number },
  ): Promise<readonly ClaimedDelivery[]>
  /** Stores an attempt and, unless the claim has passed to another process, the progress after it. */
  record(claimed: ClaimedDelivery, attempt: Attempt, progress: DeliveryProgress): Promise<void>
  /** Releases claims without an attempt: the deliveries are due at once. */
  release(claimed: readonly ClaimedDelivery[], now: Date): Promise<void>
  /**
   * Makes a delivery due now. A finished one gets one more attempt; a pending one keeps the rest of its
   * schedule.
   */
  redeliver(id: string, now: Date, session: ClientSession): Promise<Delivery | null>
  /** Makes all pending deliveries to an endpoint DEAD. */
  abandon(endpoint: WebhookId): Promise<void>
  /** Deletes all deliveries to an endpoint. */
  remove(endpoint: WebhookId): Promise<void>
}

export async function createDeliveryStore(db: Db): Promise<DeliveryStore> {
  const deliveries = db.collection<Delivery>('webhookDeliveries')
  await deliveries.createIndexes([
    { name: 'due', key: { state: 1, endpoint: 1, nextAttemptAt: 1 } },
    { name: 'newest', key: { endpoint: 1, position: -1, _id: -1 } },
    { name: 'transaction', key: { transaction: 1, position: 1 } },
    { name: 'expiry', key: { createdAt: 1 }, expireAfterSeconds: retentionSeconds },
  ])
  const claims = createClaimWriter(deliveries)
  const records = createBatchWriter<AnyBulkWriteOperation<Delivery>, null>({
    write: async (group) => {
      await deliveries.bulkWrite([...group], { ordered: false })
      return group.map(() => null)
    },
  })

  return {
    add: (batch) => add(deliveries, batch),
    byId: (id) => deliveries.findOne({ _id: id }),
    page: (endpoint, page) => readPage(deliveries, endpoint, page),
    counter: (endpoint) => countUpTo(deliveries, { endpoint }),
    ofTransactions: (transactions, endpoints, max) =>
      deliveries
        .find(
          { transaction: { $in: [...transactions] }, endpoint: { $in: [...endpoints] } },
          { sort: { position: 1 }, limit: max },
        )
        .toArray(),
    queues: () => deliveries.aggregate<EndpointQueue>([...queuePipeline]).toArray(),
    claim: (endpoint, claim) => claims.write({ endpoint, ...claim }),
    record: async (claimed, attempt, progress) =>
      void (await records.write(recordOf(claimed, attempt, progress))),
    async release(claimed, now) {
      if (claimed.length === 0) return
      const filter = { $or: claimed.map(({ _id, claim }) => ({ _id, claim })) }
      await deliveries.updateMany(filter, { $set: { nextAttemptAt: now }, $unset: { claim: '' } })
    },
    redeliver: (id, now, session) => redeliver(deliveries, id, now, session),
    async abandon(endpoint) {
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

const retentionSeconds = 30 * 86_400

async function add(deliveries: Collection<Delivery>, batch: readonly Delivery[]): Promise<void> {
  for (const chunk of chunks(batch, insertMax)) {
    const errors = await insertAll(deliveries, chunk, { ordered: false })
    const error = errors.find((one) => !isDuplicateKey(one))
    if (error) throw new Error('deliveries cannot be written', { cause: error })
  }
}

/** Deliveries in one call: serialising them takes a few milliseconds. */
const insertMax = 500

const readPage = (
  deliveries: Collection<Delivery>,
  endpoint: WebhookId,
  { after, max }: DeliveryPage,
): Promise<readonly Delivery[]> => {
  const { position, _id } = after ?? {}
  const rest = after && {
    $or: [{ position: { $lt: position! } }, { position: position!, _id: { $lt: _id! } }],
  }
  const filter = { endpoint, ...rest }
  return deliveries.find(filter, { sort: { position: -1, _id: -1 }, limit: max }).toArray()
}

/** In this form MongoDB reads the first key of each endpoint in the index `due`, and skips the others. */
export const queuePipeline: readonly Document[] = [
  { $match: { state: 'PENDING' } },
  { $sort: { state: 1, endpoint: 1, nextAttemptAt: 1 } },
  { $group: { _id: '$endpoint', nextAttemptAt: { $first: '$nextAttemptAt' } } },
  { $project: { _id: 0, endpoint: '$_id', nextAttemptAt: 1 } },
]

function recordOf(
  { _id, claim }: ClaimedDelivery,
  attempt: Attempt,
  { state, nextAttemptAt }: DeliveryProgress,
): AnyBulkWriteOperation<Delivery> {
  // A process that has claimed the delivery since, or a redelivery, decides on its progress instead.
  const ifClaimed = (then: unknown, otherwise: unknown) => ({
    $cond: [{ $eq: ['$claim', claim] }, then, otherwise],
  })
  const attempts = { $concatArrays: ['$attempts', [{ $literal: attempt }]] }
  const set = {
    attempts: { $slice: [attempts, -attemptsMax] },
    tries: { $add: ['$tries', ifClaimed(1, 0)] },
    state: ifClaimed(state, '$state'),
    nextAttemptAt: ifClaimed(nextAttemptAt ?? '$$REMOVE', '$nextAttemptAt'),
    claim: ifClaimed('$$REMOVE', '$claim'),
  }
  return { updateOne: { filter: { _id }, update: [{ $set: set }] } }
}

const redeliver = (
  deliveries: Collection<Delivery>,
  id: string,
  now: Date,
  session: ClientSession,
): Promise<Delivery | null> =>
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
    { returnDocument: 'after', session },
  )
