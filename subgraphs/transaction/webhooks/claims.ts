// Claims deliveries before they are sent. The concurrent claims of this process are made in a few calls.

import { randomUUID } from 'node:crypto'
import type { Collection } from 'mongodb'
import type { WebhookId } from '../../../schema/values/id.ts'
import { createBatchWriter, type BatchWriter } from '../../platform/async/batching.ts'
import type { Delivery } from './delivery.ts'

export interface ClaimedDelivery extends Delivery {
  readonly claim: string
}

interface ClaimRequest {
  readonly endpoint: WebhookId
  readonly now: Date
  /** Until then no other process claims the deliveries. */
  readonly until: Date
  readonly max: number
}

/** Gives each caller at most `max` unclaimed deliveries of an endpoint, those that have been due longest. */
export const createClaimWriter = (
  deliveries: Collection<Delivery>,
): BatchWriter<ClaimRequest, readonly ClaimedDelivery[]> =>
  createBatchWriter({ write: (requests) => claimAll(deliveries, requests) })

async function claimAll(
  deliveries: Collection<Delivery>,
  requests: readonly ClaimRequest[],
): Promise<readonly (readonly ClaimedDelivery[])[]> {
  const byEndpoint = Map.groupBy(requests, ({ endpoint }) => endpoint)
  const claimed = new Map<WebhookId, ClaimedDelivery[]>()
  // Found per endpoint, claimed in one update.
  for (let unserved = [...byEndpoint]; unserved.length > 0;) {
    const due = await Promise.all(
      unserved.map(([endpoint, own]) => findDue(deliveries, endpoint, own.at(-1)!.now, sumOfMax(own))),
    )
    for (const delivery of await claim(deliveries, due.flat(), requests.at(-1)!)) {
      claimed.set(delivery.endpoint, [...(claimed.get(delivery.endpoint) ?? []), delivery])
    }
    // Where other processes have claimed all that was found, more may be due.
    unserved = unserved.filter(([endpoint], n) => due[n]!.length > 0 && !claimed.has(endpoint))
  }
  return requests.map(({ endpoint, max }) => claimed.get(endpoint)?.splice(0, max) ?? [])
}

const sumOfMax = (requests: readonly ClaimRequest[]): number =>
  requests.reduce((sum, { max }) => sum + max, 0)

const isDue = (now: Date) => ({ state: 'PENDING', nextAttemptAt: { $lte: now } }) as const

const findDue = (
  deliveries: Collection<Delivery>,
  endpoint: WebhookId,
  now: Date,
  max: number,
): Promise<Delivery[]> =>
  deliveries.find({ ...isDue(now), endpoint }, { sort: { nextAttemptAt: 1 }, limit: max }).toArray()

/** Claims the deliveries of `due` that no other process has claimed meanwhile. */
async function claim(
  deliveries: Collection<Delivery>,
  due: readonly Delivery[],
  { now, until }: ClaimRequest,
): Promise<readonly ClaimedDelivery[]> {
  if (due.length === 0) return []
  const id = randomUUID()
  const ids = { $in: due.map(({ _id }) => _id) }
  const { modifiedCount } = await deliveries.updateMany(
    { _id: ids, ...isDue(now) },
    { $set: { nextAttemptAt: until, claim: id } },
  )
  // Usually all of them are claimed, and need not be read again.
  if (modifiedCount === due.length) {
    return due.map((delivery) => ({ ...delivery, nextAttemptAt: until, claim: id }))
  }
  return (await deliveries.find({ _id: ids, claim: id }).toArray()) as ClaimedDelivery[]
}
